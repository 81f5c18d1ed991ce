"""``GET /v1/leads/{lead_id}/access-log``: who was shown this person's data, when, as what. Ids and names of sources only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, ReaderDep, problems
from lead_events.api.paging import AskedPageDep
from lead_events.api.resolving import load_lead
from lead_events.api.schemas import Answer, AsOf, Time
from lead_events.domain.identity import Known
from lead_events.domain.times import format_instant
from lead_events.store import api_keys, identity, reads, sources
from lead_events.store.api_keys import Scope
from lead_events.store.reads import ReadKind, ReadLine

router = APIRouter(prefix="/v1/leads", tags=["privacy"])

_CURSOR = "access-log"


class Access(Answer):
    """One read; ``source`` is the name that the reading key belongs to, null for the command line."""

    at: Time
    what: ReadKind
    key_id: Annotated[str, Field(examples=["0a1b2c3d", "cli"])]
    source: str | None
    lead_id: Annotated[str, Field(description="The lead as it was then; another id than asked for if the two are one now.")]


class AccessLog(AsOf):
    """One page of reads, newest first; the last second may be missing."""

    data: list[Access]
    resolved_from: str | None
    next_cursor: str | None
    has_more: bool


@router.get(
    "/{lead_id}/access-log",
    operation_id="get_access_log",
    dependencies=[require(Scope.AUDIT_READ), OwnWrite],
    responses=problems(400, 404, 422, 503),
)
def get_access_log(lead_id: str, reader: ReaderDep, page: AskedPageDep) -> AccessLog:
    """Show who was shown a lead's personal data, newest first."""
    with reader.moment() as moment:
        row, resolved_from = load_lead(moment, lead_id)
        founding = row.lead.founding
        begin = page.begin(_CURSOR, lead=founding)
        before = ReadLine(*begin["before"]) if begin else None
        found = reads.read(moment.connection, all_ids(moment, founding), before, page.limit + 1)
        shown, more = found[: page.limit], len(found) > page.limit
        next_page = page.end(_CURSOR, {"lead": founding, "before": [*shown[-1]]} if more else None)
        return AccessLog(
            **moment.freshness,
            data=show_accesses(moment, shown),
            resolved_from=resolved_from,
            **next_page,
        )


def all_ids(moment: Moment, founding: int) -> set[int]:
    """Return every lead whose reads are reads of this one: itself and those merged into it."""
    known = Known()
    identity.load_merges(moment.connection, known, moment.generation.position)
    return identity.with_members(known, [founding])


def show_accesses(moment: Moment, lines: Sequence[ReadLine]) -> list[Access]:
    """Show reads with the names of the sources whose keys read."""
    names = sources.read_names(moment.connection)
    owners = {key.key_id: names.get(key.source_id) for key in api_keys.read(moment.connection)}
    return [
        Access(
            at=format_instant(line.at),
            what=ReadKind(line.what),
            key_id=line.key_id,
            source=owners.get(line.key_id),
            lead_id=moment.lead_id(line.founding),
        )
        for line in lines
    ]
