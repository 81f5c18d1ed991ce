"""From stored rows back to events as they were sent: upcast, unsealed, with identifiers in their places."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Connection, Row

from lead_events.domain.errors import LeadEventsError
from lead_events.domain.events import Event, Identifier, IdentifierKind
from lead_events.domain.privacy import merge
from lead_events.domain.upcasting import upcast
from lead_events.store import schema
from lead_events.store import vault as vaults
from lead_events.store.dialect import read_among, read_rows_among
from lead_events.store.envelope import unpack_refs
from lead_events.store.vault import Vault

_PLACES: dict[int, str] = {IdentifierKind.EMAIL: "email", IdentifierKind.PHONE: "phone"}
_CRM, _PHONE = int(IdentifierKind.CRM), int(IdentifierKind.PHONE)


class UnreadableEvent(LeadEventsError):
    """Event {0} cannot be read: {1}."""


class Unreadable(Event):
    """An event whose stored form cannot be read; it keeps its place, and whoever folds it learns why not."""

    __slots__ = ("_reason",)

    def __init__(self, row: Row[Any], reason: str) -> None:
        """Stand for a row that cannot be opened."""
        refs = [ref for kind, ref in unpack_refs(row.refs) if kind != IdentifierKind.ANONYMOUS]
        super().__init__(row.position, row.at, row.received_at, row.type, row.subject, None, tuple(refs), {})
        self._reason = reason

    def __getattribute__(self, name: str) -> Any:
        """Raise instead of giving fields."""
        if name == "fields":
            raise UnreadableEvent(self.position, self._reason)
        return super().__getattribute__(name)


def read_rows(connection: Connection, positions: Collection[int]) -> list[Any]:
    """Return the event rows at positions, in no order."""
    return read_rows_among(connection, tuple(schema.events.c), positions)


def open_events(connection: Connection, vault: Vault, rows: Sequence[Any]) -> list[Event]:
    """Return the events of rows, in their order; what erasure destroyed is simply absent.

    Args:
        connection: to read what is sealed, and the keys.
        vault: of the log.
        rows: every column of ``events``, in the order of the schema.
    """
    if not rows:
        return []
    sealed = _load_sealed(connection, [row[0] for row in rows if row[10] is not None])
    keys = vaults.load_keys(connection, {part[1] for part in sealed.values()})
    strong = {ref for row in rows for kind, ref in _named(row[8])[2] if _CRM <= kind <= _PHONE}
    values = vaults.load_values(connection, vault, strong)
    return [_open(vault, row, sealed.get(row[0]), keys, values) for row in rows]


def _load_sealed(connection: Connection, positions: Collection[int]) -> dict[int, Any]:
    table = schema.sealed
    columns = table.c.position, table.c.key_ref, table.c.nonce, table.c["bytes"]
    return {row[0]: row for row in read_among(connection, columns, positions)}


@lru_cache(16_384)
def _named(refs: bytes) -> tuple[bytes | None, tuple[bytes, ...], tuple[tuple[int, bytes], ...]]:
    """Return the anonymous ref, the strong refs and (kind, strong ref) pairs of an event, highest rank first."""
    named = unpack_refs(refs)
    anonymous = next((ref for kind, ref in reversed(named) if kind == IdentifierKind.ANONYMOUS), None)
    strong = tuple((kind, ref) for kind, ref in named if kind != IdentifierKind.ANONYMOUS)
    return anonymous, tuple(ref for _, ref in strong), strong


def _open(vault: Vault, row: Any, sealed: Any, keys: dict[bytes, bytes], values: dict[bytes, Identifier | None]) -> Event:
    position, subject, at, received_at, source_id, event_id, type_, version, refs, body, _, _ = row
    try:
        fields = orjson.loads(body)
        if sealed is not None:
            _, key_ref, nonce, content = sealed
            about = vaults.sealing_context(vault.log_id, source_id, event_id, key_ref)
            personal = vaults.open_sealed(vault, keys, key_ref, nonce, content, about)
            if personal is not None:
                fields = merge(fields, orjson.loads(personal))
        anonymous, strong, named = _named(refs)
        if named:
            _place(fields, named, values)
        fields = upcast(type_, version, fields)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one row must not stop the log
        return Unreadable(row, f"{type(error).__name__}: {error}")
    return Event(position, at, received_at, type_, subject, anonymous, strong, fields)


def _place(fields: dict[str, Any], named: Sequence[tuple[int, bytes]], values: dict[bytes, Identifier | None]) -> None:
    """Put identifiers back where the client sent them."""
    for kind, ref in named:
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
