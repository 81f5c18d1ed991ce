"""``GET /v1/parked``: leads whose fold failed. Retrying and skipping is the operator's, on the command line."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from lead_events.api import paging
from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.schemas_kept import ParkedLead, ParkedList
from lead_events.domain.times import format_instant
from lead_events.store import parked
from lead_events.store.api_keys import Scope

router = APIRouter(prefix="/v1/parked", tags=["operate"], dependencies=[require(Scope.EVENTS_READ)])

_CURSOR = "parked"


@router.get("", operation_id="list_parked", responses=problems(400, 422))
def list_parked(
    reader: ReaderDep,
    request: Request,
    response: Response,
    limit: Annotated[int, Query(ge=1, description="At most 1000.")] = 100,
    cursor: Annotated[str | None, Query()] = None,
) -> ParkedList:
    """List parked leads, oldest first, with the event at which the fold failed and why."""
    limit, log_id = min(limit, paging.MAX_LIMIT), reader.vault.log_id
    after = tuple(paging.read_cursor(log_id, _CURSOR, cursor)["after"]) if cursor else ()
    with reader.moment() as moment:
        found = [
            each
            for each in parked.load_all(moment.connection, moment.generation.generation_id)
            if (each.since, each.founding) > after
        ]
        page = found[:limit]
        next_cursor = None
        if len(found) > limit:
            next_cursor = paging.write_cursor(log_id, _CURSOR, {"after": (page[-1].since, page[-1].founding)})
        paging.set_next(request, response, reader.public_url, next_cursor)
        return ParkedList(
            as_of=format_instant(moment.as_of),
            generation_id=moment.generation.generation_id,
            position=moment.generation.position,
            data=[
                ParkedLead(
                    lead_id=moment.lead_id(each.founding),
                    position=each.position,
                    error=each.error,
                    since=format_instant(each.since),
                    tries=each.tries,
                )
                for each in page
            ],
            next_cursor=next_cursor,
            has_more=next_cursor is not None,
        )
