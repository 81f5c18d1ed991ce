"""From stored rows back to events as they were sent: upcast, unsealed, with identifiers in their places."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from lead_events.domain.errors import LeadEventsError
from lead_events.domain.events import Event, Identifier, IdentifierKind
from lead_events.domain.privacy import lay_over
from lead_events.domain.upcasting import upcast
from lead_events.store import schema
from lead_events.store import vault as vaults
from lead_events.store.dialect import read_among
from lead_events.store.envelope import sort_refs
from lead_events.store.vault import Vault

_PLACES: dict[int, str] = {IdentifierKind.EMAIL: "email", IdentifierKind.PHONE: "phone"}

COLUMNS = tuple(schema.events.c)[:11]
"""What opening looks at: not the hash, which takes longer to fetch than it is looked at."""


class UnreadableEvent(LeadEventsError):
    """Event {0} cannot be read: {1}."""


class Unreadable(Event):
    """An event whose stored form cannot be read; it keeps its place, and whoever folds it learns why not."""

    __slots__ = ("_reason",)

    def __init__(self, row: Sequence[Any], reason: str) -> None:
        """Stand for a row that cannot be opened."""
        position, subject, at, received_at, _, event_id, type_, _, refs = row[:9]
        super().__init__(position, at, received_at, type_, subject, None, sort_refs(refs).strong, {})
        self.event_id = event_id
        self._reason = reason

    def __getattribute__(self, name: str) -> Any:
        """Raise instead of giving fields."""
        if name == "fields":
            raise UnreadableEvent(self.position, self._reason)
        return super().__getattribute__(name)


def read_rows(connection: Connection, positions: Collection[int]) -> list[Any]:
    """Return the ``COLUMNS`` of the events at positions, in no order."""
    return read_among(connection, COLUMNS, positions)


def open_events(connection: Connection, vault: Vault, rows: Sequence[Any]) -> list[Event]:
    """Return the events of rows, in their order; what erasure destroyed is simply absent.

    Args:
        connection: to read what is sealed, and the keys.
        vault: of the log.
        rows: the columns of ``events`` in the order of the schema, all or ``COLUMNS``.
    """
    if not rows:
        return []
    sealed = _load_sealed(connection, [row[0] for row in rows if row[10] is not None])
    keys = vaults.load_keys(connection, {part[1] for part in sealed.values()})
    vaulted = {ref for refs in {row[8] for row in rows} for _, ref in sort_refs(refs).vaulted}
    values = vaults.load_values(connection, vault, vaulted)
    return [_open(vault, row, sealed.get(row[0]), keys, values) for row in rows]


def _load_sealed(connection: Connection, positions: Collection[int]) -> dict[int, Any]:
    table = schema.sealed
    columns = table.c.position, table.c.key_ref, table.c.nonce, table.c["bytes"]
    return {row[0]: row for row in read_among(connection, columns, positions)}


def _open(vault: Vault, row: Any, sealed: Any, keys: Mapping[bytes, bytes], values: Mapping[bytes, Identifier | None]) -> Event:
    position, subject, at, received_at, source_id, event_id, type_, version, refs, body, *_ = row
    try:
        fields = orjson.loads(body)
        if sealed is not None:
            _, key_ref, nonce, content = sealed
            about = vaults.sealing_context(vault.log_id, source_id, event_id, key_ref)
            wrapped = keys.get(key_ref)
            if wrapped is not None:
                lay_over(fields, orjson.loads(vault.data_key(key_ref, wrapped).open(nonce, content, about)))
        anonymous, strong, vaulted = sort_refs(refs)
        if vaulted:
            _place(fields, vaulted, values)
        fields = upcast(type_, version, fields)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one row must not stop the log
        return Unreadable(row, f"{type(error).__name__}: {error}")
    event = Event(position, at, received_at, type_, subject, anonymous, strong, fields)
    event.event_id = event_id
    return event


def _place(fields: dict[str, Any], vaulted: Sequence[tuple[int, bytes]], values: Mapping[bytes, Identifier | None]) -> None:
    """Put identifiers back where the client sent them."""
    for kind, ref in vaulted:
        if ref not in values:
            continue
        identifier = values[ref]
        if identifier is None:
            raise ValueError("the identifier it names does not open")
        if kind in _PLACES:
            fields.setdefault("traits", {})[_PLACES[kind]] = identifier.value
        elif kind == IdentifierKind.USER:
            fields["user_id"] = identifier.value
        else:
            fields.setdefault("crm_ids", {})[identifier.system] = identifier.value
