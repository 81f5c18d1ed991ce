"""``/v1/quarantine``: events whose id was taken by another one; looked at, released under an id of their own, or discarded."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.paging import AskedPageDep
from lead_events.api.schemas_kept import QuarantinedEvent, QuarantineList, Released
from lead_events.domain import privacy
from lead_events.domain.times import format_instant
from lead_events.store import identity, quarantine, releasing, sources
from lead_events.store.api_keys import Scope
from lead_events.store.engine import reading, writing
from lead_events.store.quarantine import Place, Quarantined
from lead_events.store.reads import ReadKind

router = APIRouter(prefix="/v1/quarantine", tags=["operate"])

_CURSOR = "quarantine"


@router.get("", operation_id="list_quarantine", dependencies=[require(Scope.EVENTS_READ)], responses=problems(400, 422))
def list_quarantine(reader: ReaderDep, page: AskedPageDep) -> QuarantineList:
    """List quarantined events, oldest first."""
    begin = page.begin(_CURSOR)
    with reading(reader.engine) as connection:
        found = quarantine.read(connection, reader.vault, page.limit + 1, _read_place(begin["after"]) if begin else None)
        shown, more = found[: page.limit], len(found) > page.limit
        names = sources.read_names(connection)
        whose = identity.load_leads_of(connection, {each.key_ref for each in shown}, identity.read_checkpoint(connection))
    reader.note_read_of(ReadKind.QUARANTINE, whose.values())
    next_page = page.end(_CURSOR, {"after": _write_place(shown[-1].place)} if more else None)
    return QuarantineList(data=[show(each, names.get(each.source_id, "")) for each in shown], **next_page)


def _write_place(place: Place) -> list[Any]:
    *above, tag = place
    return [*above, tag.hex()]


def _read_place(carried: list[Any]) -> Place:
    first_seen, event_id, source_id, tag = carried
    return first_seen, event_id, source_id, bytes.fromhex(tag)


@router.post(
    "/{quarantine_id}/release",
    operation_id="release_quarantined",
    dependencies=[require(Scope.ADMIN)],
    responses=problems(404),
)
def release_quarantined(quarantine_id: str, reader: ReaderDep) -> Released:
    """Append a quarantined event after all, under an id that tells where it came from."""
    outcome = releasing.release(reader.engine, reader.vault, quarantine_id)
    return Released(kept=outcome.kept.value, position=outcome.position)


@router.post(
    "/{quarantine_id}/discard",
    operation_id="discard_quarantined",
    dependencies=[require(Scope.ADMIN)],
    status_code=204,
    responses=problems(404),
)
def discard_quarantined(quarantine_id: str, reader: ReaderDep) -> None:
    """Forget a quarantined event."""
    with writing(reader.engine) as connection:
        quarantine.take(connection, reader.vault, quarantine_id)


def show(quarantined: Quarantined, source: str) -> QuarantinedEvent:
    """Show one quarantined event, personal values and all."""
    event = quarantined.event
    return QuarantinedEvent(
        id=quarantined.quarantine_id,
        source=source,
        event_id=quarantined.event_id,
        original_position=quarantined.original_position,
        first_seen=format_instant(quarantined.first_seen),
        times=quarantined.times,
        type=None if event is None else event.type,
        at=None if event is None else format_instant(event.at),
        content=None if event is None else privacy.merge(event.plain, event.personal),
    )
