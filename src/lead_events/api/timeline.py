"""``GET /v1/leads/{lead_id}/timeline``: what happened to a lead, newest first, with the stage moves it caused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from fastapi import APIRouter
from sqlalchemy import Row

from lead_events.api import resolving
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, ReaderDep, problems
from lead_events.api.paging import AskedPageDep
from lead_events.api.schemas_explained import Timeline, TimelineContext, TimelineEvent, TimelineMove
from lead_events.domain.errors import ErasedLead, LeadEventsError
from lead_events.domain.events import Event
from lead_events.domain.state import FIRST_STAGE, Lead
from lead_events.domain.times import Instant, format_instant
from lead_events.store import listing, parked, sources
from lead_events.store.api_keys import Scope
from lead_events.store.opening import open_events
from lead_events.store.reads import ReadKind

router = APIRouter(prefix="/v1/leads", tags=["leads"], dependencies=[require(Scope.LEADS_READ)])

_CURSOR = "timeline"


class Place(NamedTuple):
    """Where something stands in a timeline: moves behind the event that caused them, those of time before every event."""

    at: Instant
    position: int
    number: int


@router.get(
    "/{lead_id}/timeline", operation_id="get_timeline", dependencies=[OwnWrite], responses=problems(400, 404, 410, 422, 503)
)
def get_timeline(lead_id: str, reader: ReaderDep, page: AskedPageDep) -> Timeline:
    """Show a lead's events and stage moves, newest first."""
    with reader.moment() as moment:
        row, resolved_from = resolving.load_lead(moment, lead_id)
        reader.note_read(ReadKind.TIMELINE, [row])
        if row.lead.erased is not None:
            raise ErasedLead
        founding = row.lead.founding
        begin = page.begin(_CURSOR, lead=founding)
        found = _read_page(moment, row.lead, Place(*begin["before"]) if begin else None, page.limit + 1)
        shown, more = found[: page.limit], len(found) > page.limit
        next_page = page.end(_CURSOR, {"lead": founding, "before": [*shown[-1][0]]} if more else None)
        return Timeline(
            **moment.freshness,
            data=[item for _, item in shown],
            resolved_from=resolved_from,
            **next_page,
        )


def _read_page(moment: Moment, lead: Lead, before: Place | None, limit: int) -> list[tuple[Place, TimelineEvent | TimelineMove]]:
    last = None if before is None else (before.at, before.position + (before.number > 0))
    rows = listing.read_timeline(moment.connection, lead.founding, moment.generation.position, last, limit)
    found: list[tuple[Place, TimelineEvent | TimelineMove]] = [*_show_events(moment, rows)]
    found += [each for each in _show_moves(lead) if before is None or each[0] < before]
    return sorted(found, key=lambda each: each[0], reverse=True)[:limit]


def _show_moves(lead: Lead) -> list[tuple[Place, TimelineMove]]:
    moves, old = [], FIRST_STAGE
    for number, (at, stage, reason, position) in enumerate(lead.history, 1):
        move = TimelineMove(position=position, at=format_instant(at), old=old, new=stage, reason=reason)
        moves.append((Place(at, position or 0, number), move))
        old = stage
    return moves


def _show_events(moment: Moment, rows: Sequence[Row[Any]]) -> list[tuple[Place, TimelineEvent]]:
    names = sources.read_names(moment.connection)
    skips = parked.load_skips(moment.connection)
    events = open_events(moment.connection, moment.vault, rows)
    return [
        (Place(row.at, row.position, 0), _show_event(row, event, names.get(row.source_id), skipped=row.position in skips))
        for row, event in zip(rows, events, strict=True)
    ]


def _show_event(row: Row[Any], event: Event, source: str | None, *, skipped: bool) -> TimelineEvent:
    fields = fields_of(event)
    known = fields or {}
    context = known.get("context") or {}
    return TimelineEvent(
        position=row.position,
        event_id=row.event_id,
        type=row.type,
        at=format_instant(row.at),
        received_at=format_instant(row.received_at),
        source=source,
        author=known.get("author"),
        properties=known.get("properties") or {},
        traits=known.get("traits") or {},
        context=TimelineContext(page=context.get("page"), campaign=context.get("campaign")),
        readable=fields is not None,
        skipped=skipped,
    )


def fields_of(event: Event) -> Mapping[str, Any] | None:
    """Return what an event says, or None when it cannot be read."""
    try:
        return event.fields
    except LeadEventsError:
        return None
