"""Events that never entered the log: an id that was taken, with other content. Kept sealed, listed, released or discarded."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import orjson
from sqlalchemy import Connection, Row, delete, func, insert, select, tuple_, update

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
_ORDER = _TABLE.c.first_seen, _TABLE.c.event_id, _TABLE.c.source_id, _TABLE.c.tag
_ID_BYTES = 8

Place = tuple[Instant, str, int, bytes]
"""(first seen, event id, source, tag): no two quarantined events have the same."""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """One quarantined event.

    Attributes:
        tag: keyed hash of what was said.
        original_position: of the event that had the id first.
        times: how often it was sent.
        event: its content, or None when its key was destroyed.
        key_ref: the subject under whose key it is sealed.
    """

    source_id: int
    event_id: str
    tag: bytes
    original_position: int
    first_seen: Instant
    times: int
    event: NewEvent | None
    key_ref: bytes

    @property
    def quarantine_id(self) -> str:
        """Return what names it on the command line and in the API."""
        return _id_of(self.source_id, self.event_id, self.tag)

    @property
    def place(self) -> Place:
        """Return where it stands in the list."""
        return self.first_seen, self.event_id, self.source_id, self.tag


class NotQuarantined(NotFound):
    """Nothing is quarantined under this id."""


def keep(connection: Connection, vault: Vault, conflicts: Sequence[tuple[Envelope, int]]) -> None:
    """Keep events whose ids were taken by other content; count one that comes again."""
    if not conflicts:
        return
    keys = vaults.load_keys(connection, {envelope.key_ref for envelope, _ in conflicts})
    for envelope, original_position in conflicts:
        if not connection.execute(update(_TABLE).where(_same(envelope)).values(times=_TABLE.c.times + 1)).rowcount:
            connection.execute(insert(_TABLE), _sealed(vault, keys[envelope.key_ref], envelope, original_position))


def read(connection: Connection, vault: Vault, limit: int = 100, after: Place | None = None) -> list[Quarantined]:
    """Return up to ``limit`` quarantined events behind a place, oldest first."""
    query = select(_TABLE).order_by(*_ORDER).limit(limit)
    rows = connection.execute(query if after is None else query.where(tuple_(*_ORDER) > tuple_(*after))).all()
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
    rows = connection.execute(select(_TABLE).where(any_of(connection, _TABLE.c.key_ref, refs)).order_by(*_ORDER)).all()
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


def load(connection: Connection, vault: Vault, quarantine_id: str) -> Quarantined:
    """Return one quarantined event.

    Raises:
        NotQuarantined: nothing is quarantined under this id.
    """
    rows = connection.execute(select(_TABLE))
    row = next((row for row in rows if _id_of(row.source_id, row.event_id, row.tag) == quarantine_id), None)
    if row is None:
        raise NotQuarantined
    return _opened(vault, vaults.load_keys(connection, [row.key_ref]), row)


def take(connection: Connection, vault: Vault, quarantine_id: str) -> Quarantined:
    """Remove one event from quarantine and return it, to be appended again or forgotten.

    Raises:
        NotQuarantined: nothing is quarantined under this id.
    """
    found = load(connection, vault, quarantine_id)
    _delete(connection, found)
    return found


def _delete(connection: Connection, found: Quarantined | Row[Any]) -> None:
    connection.execute(
        delete(_TABLE).where(
            _TABLE.c.source_id == found.source_id, _TABLE.c.event_id == found.event_id, _TABLE.c.tag == found.tag
        )
    )


def released(quarantined: Quarantined) -> Arrival:
    """Return the event as an arrival of its own, under an id that tells where it came from.

    Raises:
        NotFound: its content was erased.
    """
    event = quarantined.event
    if event is None:
        raise NotFound("content of quarantined event", quarantined.quarantine_id)
    renamed = replace(event, event_id=f"{event.event_id[:100]}:q:{quarantined.tag[:_ID_BYTES].hex()}")
    return Arrival(quarantined.source_id, renamed, quarantined.first_seen)


def _same(envelope: Envelope) -> Any:
    arrival = envelope.arrival
    return (
        (_TABLE.c.source_id == arrival.source_id) & (_TABLE.c.event_id == arrival.event.event_id) & (_TABLE.c.tag == envelope.tag)
    )


def _id_of(source_id: int, event_id: str, tag: bytes) -> str:
    # The tag alone would name what was said twice under two ids once.
    return f"{source_id}-{sha256(tag + event_id.encode()).digest()[:_ID_BYTES].hex()}"


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
    return Quarantined(row.source_id, row.event_id, row.tag, row.original_position, row.first_seen, row.times, event, row.key_ref)


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
