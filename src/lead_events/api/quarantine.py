"""``/v1/quarantine``: events whose id was taken by another one; looked at, released under an id of their own, or discarded."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import Engine

from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.paging import MAX_LIMIT
from lead_events.api.schemas_kept import QuarantinedEvent, QuarantineList, Released
from lead_events.domain import privacy
from lead_events.domain.errors import NotFound
from lead_events.domain.times import format_instant
from lead_events.store import identity, log, quarantine, sources
from lead_events.store.api_keys import Scope
from lead_events.store.engine import reading, writing
from lead_events.store.quarantine import Quarantined
from lead_events.store.reads import ReadKind
from lead_events.store.vault import Vault

router = APIRouter(prefix="/v1/quarantine", tags=["operate"])

_EVERYTHING = 2**31 - 1


class NotQuarantined(NotFound):
    """Nothing is quarantined under this id."""


@router.get("", operation_id="list_quarantine", dependencies=[require(Scope.EVENTS_READ)], responses=problems(422))
def list_quarantine(reader: ReaderDep, limit: Annotated[int, Query(ge=1, description="At most 1000.")] = 100) -> QuarantineList:
    """List quarantined events, oldest first; release or discard them to see those behind."""
    limit = min(limit, MAX_LIMIT)
    with reading(reader.engine) as connection:
        found = quarantine.read(connection, reader.vault, limit + 1)
        names = {source.source_id: source.name for source in sources.read(connection)}
        whose = identity.load_leads_of(connection, {each.key_ref for each in found[:limit]}, identity.read_checkpoint(connection))
    reader.note_read_of(ReadKind.QUARANTINE, whose.values())
    data = [show(each, names.get(each.source_id, "")) for each in found[:limit]]
    return QuarantineList(data=data, has_more=len(found) > limit)


@router.post(
    "/{quarantine_id}/release",
    operation_id="release_quarantined",
    dependencies=[require(Scope.ADMIN)],
    responses=problems(404),
)
def release_quarantined(quarantine_id: str, reader: ReaderDep) -> Released:
    """Append a quarantined event after all, under an id that tells where it came from."""
    found = _find(reader.engine, reader.vault, quarantine_id)
    # Appended first and forgotten then: a crash in between leaves a duplicate to release again, never a loss.
    outcome = log.append(reader.engine, reader.vault, [quarantine.released(found)])[0]
    discard_quarantined(quarantine_id, reader)
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
        try:
            quarantine.take(connection, reader.vault, quarantine_id)
        except NotFound:
            raise NotQuarantined from None


def _find(engine: Engine, vault: Vault, quarantine_id: str) -> Quarantined:
    with reading(engine) as connection:
        for each in quarantine.read(connection, vault, _EVERYTHING):
            if each.quarantine_id == quarantine_id:
                return each
    raise NotQuarantined


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
