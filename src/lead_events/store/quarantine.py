"""Events that never entered the log: an id that was taken, with other content. Kept sealed, listed, released or discarded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select, update

from lead_events import clock
from lead_events.domain.errors import NotFound
from lead_events.domain.events import Identifier, IdentifierKind, NewEvent
from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store import vault as vaults
from lead_events.store.dialect import any_of
from lead_events.store.envelope import Arrival, Envelope
from lead_events.store.erased import Stretch
from lead_events.store.vault import Vault

_TABLE = schema.quarantine


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One quarantined event.

    Attributes:
        quarantine_id: names it on the command line and in the API.
        original_position: of the event that had the id first.
        times: how often it was sent.
        event: its content, or None when its key was destroyed.
        key_ref: the subject under whose key it is sealed.
    """

    quarantine_id: str
    source_id: int
    event_id: str
    original_position: int
    first_seen: Instant
    times: int
    event: NewEvent | None
    key_ref: bytes


def keep(connection: Connection, vault: Vault, conflicts: Sequence[tuple[Envelope, int]]) -> None:
    """Keep events whose ids were taken by other content; count one that comes again."""
    if not conflicts:
        return
    keys = vaults.load_keys(connection, {envelope.key_ref for envelope, _ in conflicts})
    for envelope, original_position in conflicts:
        if not connection.execute(update(_TABLE).where(_same(envelope)).values(times=_TABLE.c.times + 1)).rowcount:
            connection.execute(insert(_TABLE), _sealed(vault, keys[envelope.key_ref], envelope, original_position))


def read(connection: Connection, vault: Vault, limit: int = 100) -> list[Quarantined]:
    """Return quarantined events, oldest first."""
    rows = connection.execute(select(_TABLE).order_by(_TABLE.c.first_seen, _TABLE.c.event_id).limit(limit)).all()
    keys = vaults.load_keys(connection, {row.key_ref for row in rows})
    return [_opened(vault, keys, row) for row in rows]


def discard_within(connection: Connection, vault: Vault, key_refs: Collection[bytes], stretches: Sequence[Stretch]) -> int:
    """Discard events that stand under shared keys and happened while these names belonged to somebody erased.

    Returns:
        How many were discarded.
    """
    if not key_refs:
        return 0
    rows = connection.execute(select(_TABLE).where(any_of(connection, _TABLE.c.key_ref, key_refs))).all()
    keys = vaults.load_keys(connection, {row.key_ref for row in rows})
    theirs = {ref: [each for each in stretches if each.name == ref] for ref in key_refs}
    gone = [row for row in rows if _happened_within(_opened(vault, keys, row), theirs[row.key_ref])]
    for row in gone:
        _delete(connection, row)
    return len(gone)


def _happened_within(found: Quarantined, stretches: Sequence[Stretch]) -> bool:
    return found.event is None or any(each.low <= found.event.at < each.high for each in stretches)


def read_under(connection: Connection, vault: Vault, refs: Collection[bytes]) -> list[Quarantined]:
    """Return the quarantined events that are sealed under the keys of some subjects, oldest first."""
    rows = [
        row for row in connection.execute(select(_TABLE).order_by(_TABLE.c.first_seen, _TABLE.c.event_id)) if row.key_ref in refs
    ]
    keys = vaults.load_keys(connection, {row.key_ref for row in rows})
    return [_opened(vault, keys, row) for row in rows]


def count_older(connection: Connection, until: Instant) -> tuple[int, Instant | None]:
    """Return how many events were quarantined before an instant, and when the oldest was."""
    row = connection.execute(select(func.count(), func.min(_TABLE.c.first_seen)).where(_TABLE.c.first_seen < until)).one()
    return row[0], row[1]


def forget_older(connection: Connection, until: Instant, limit: int) -> int:
    """Delete up to ``limit`` events that were quarantined before an instant, oldest first; return how many."""
    oldest = select(_TABLE.c.first_seen).where(_TABLE.c.first_seen < until).order_by(_TABLE.c.first_seen).limit(limit).subquery()
    last = connection.execute(select(func.max(oldest.c.first_seen))).scalar_one()
    return 0 if last is None else connection.execute(delete(_TABLE).where(_TABLE.c.first_seen <= last)).rowcount


def take(connection: Connection, vault: Vault, quarantine_id: str) -> Quarantined:
    """Remove one event from quarantine and return it, to be appended again or forgotten.

    Raises:
        NotFound: nothing is quarantined under this id.
    """
    row = next((row for row in connection.execute(select(_TABLE)) if _id_of(row) == quarantine_id), None)
    if row is None:
        raise NotFound("quarantined event", quarantine_id)
    _delete(connection, row)
    return _opened(vault, vaults.load_keys(connection, [row.key_ref]), row)


def _delete(connection: Connection, row: Row[Any]) -> None:
    connection.execute(
        delete(_TABLE).where(_TABLE.c.source_id == row.source_id, _TABLE.c.event_id == row.event_id, _TABLE.c.tag == row.tag)
    )


def released(quarantined: Quarantined) -> Arrival:
    """Return the event as an arrival of its own, under an id that tells where it came from.

    Raises:
        NotFound: its content was erased.
    """
    event = quarantined.event
    if event is None:
        raise NotFound("content of quarantined event", quarantined.quarantine_id)
    event_id = f"{event.event_id[:100]}:q:{quarantined.quarantine_id[-16:]}"
    renamed = NewEvent(
        event_id=event_id,
        type=event.type,
        version=event.version,
        at=event.at,
        identifiers=event.identifiers,
        plain=event.plain,
        personal=event.personal,
        said=event.said,
    )
    return Arrival(quarantined.source_id, renamed, quarantined.first_seen)


def _same(envelope: Envelope) -> Any:
    arrival = envelope.arrival
    return (
        (_TABLE.c.source_id == arrival.source_id) & (_TABLE.c.event_id == arrival.event.event_id) & (_TABLE.c.tag == envelope.tag)
    )


def _id_of(row: Row[Any]) -> str:
    return f"{row.source_id}-{row.tag.hex()[:16]}"


def _sealed(vault: Vault, wrapped: bytes, envelope: Envelope, original_position: int) -> dict[str, Any]:
    arrival = envelope.arrival
    nonce = clock.random_bytes(vaults.NONCE_BYTES)
    about = _about(vault, arrival.source_id, arrival.event.event_id, envelope.key_ref)
    return {
        "source_id": arrival.source_id,
        "event_id": arrival.event.event_id,
        "tag": envelope.tag,
        "original_position": original_position,
        "key_ref": envelope.key_ref,
        "nonce": nonce,
        "sealed": vault.data_key(envelope.key_ref, wrapped).seal(nonce, _dump(arrival.event), about),
        "first_seen": arrival.arrived_at,
        "times": 1,
    }


def _opened(vault: Vault, keys: dict[bytes, bytes], row: Row[Any]) -> Quarantined:
    about = _about(vault, row.source_id, row.event_id, row.key_ref)
    content = vaults.open_sealed(vault, keys, row.key_ref, row.nonce, row.sealed, about)
    event = None if content is None else _load(row.event_id, content)
    return Quarantined(
        _id_of(row), row.source_id, row.event_id, row.original_position, row.first_seen, row.times, event, row.key_ref
    )


def _about(vault: Vault, source_id: int, event_id: str, key_ref: bytes) -> bytes:
    return b"quarantine" + vaults.sealing_context(vault.log_id, source_id, event_id, key_ref)


def _dump(event: NewEvent) -> bytes:
    return orjson.dumps(
        {
            "type": event.type,
            "version": event.version,
            "at": event.at,
            "identifiers": [[int(i.kind), i.value, i.system] for i in event.identifiers],
            "plain": event.plain,
            "personal": event.personal,
            "said": event.said.decode(),
        }
    )


def _load(event_id: str, content: bytes) -> NewEvent:
    stored = orjson.loads(content)
    return NewEvent(
        event_id=event_id,
        type=stored["type"],
        version=stored["version"],
        at=stored["at"],
        identifiers=tuple(Identifier(IdentifierKind(kind), value, system) for kind, value, system in stored["identifiers"]),
        plain=stored["plain"],
        personal=stored["personal"],
        said=stored["said"].encode(),
    )
