"""``GET /v1/parked``: leads whose fold failed. Retrying and skipping is the operator's, on the command line."""

from __future__ import annotations

from fastapi import APIRouter

from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.paging import AskedPageDep
from lead_events.api.schemas_kept import ParkedLead, ParkedList
from lead_events.domain.times import format_instant
from lead_events.store import parked
from lead_events.store.api_keys import Scope

router = APIRouter(prefix="/v1/parked", tags=["operate"], dependencies=[require(Scope.EVENTS_READ)])

_CURSOR = "parked"


@router.get("", operation_id="list_parked", responses=problems(400, 422))
def list_parked(reader: ReaderDep, page: AskedPageDep) -> ParkedList:
    """List parked leads, oldest first, with the event at which the fold failed and why."""
    begin = page.begin(_CURSOR)
    after = tuple(begin["after"]) if begin else ()
    with reader.moment() as moment:
        found = [
            each
            for each in parked.load_all(moment.connection, moment.generation.generation_id)
            if (each.since, each.founding) > after
        ]
        shown, more = found[: page.limit], len(found) > page.limit
        next_page = page.end(_CURSOR, {"after": (shown[-1].since, shown[-1].founding)} if more else None)
        return ParkedList(
            **moment.freshness,
            data=[
                ParkedLead(
                    lead_id=moment.lead_id(each.founding),
                    position=each.position,
                    error=each.error,
                    since=format_instant(each.since),
                    tries=each.tries,
                )
                for each in shown
            ],
            **next_page,
        )
