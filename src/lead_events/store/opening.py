"""From stored rows back to events as they were sent: upcast, unsealed, with identifiers in their places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select

from lead_events.domain.errors import LeadEventsError
from lead_events.domain.events import Event, Identifier, IdentifierKind
from lead_events.domain.upcasting import upcast
from lead_events.store import schema
from lead_events.store import vault as vaults
from lead_events.store.dialect import any_of
from lead_events.store.envelope import unpack_refs
from lead_events.store.vault import Vault

_PLACES = {IdentifierKind.EMAIL: "email", IdentifierKind.PHONE: "phone"}


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


def open_events(connection: Connection, vault: Vault, rows: Sequence[Row[Any]]) -> list[Event]:
    """Return the events of rows, in their order; what erasure destroyed is simply absent."""
    if not rows:
        return []
    sealed = _load_sealed(connection, rows)
    keys = vaults.load_keys(connection, {part.key_ref for part in sealed.values()})
    named = {row.position: unpack_refs(row.refs) for row in rows}
    strong = {ref for refs in named.values() for kind, ref in refs if IdentifierKind.CRM <= kind <= IdentifierKind.PHONE}
    values = vaults.load_values(connection, vault, strong)
    return [_open(vault, row, named[row.position], sealed.get(row.position), keys, values) for row in rows]


def _load_sealed(connection: Connection, rows: Sequence[Row[Any]]) -> dict[int, Any]:
    table = schema.sealed
    positions = [row.position for row in rows if row.sealed_digest is not None]
    if not positions:
        return {}
    low, high = min(positions), max(positions)
    near = high - low < 2 * len(positions)
    where = table.c.position.between(low, high) if near else any_of(connection, table.c.position, positions)
    columns = table.c.position, table.c.key_ref, table.c.nonce, table.c["bytes"].label("content")
    return {row.position: row for row in connection.execute(select(*columns).where(where)).all()}


def _open(
    vault: Vault,
    row: Row[Any],
    named: list[tuple[int, bytes]],
    sealed: Any,
    keys: dict[bytes, bytes],
    values: dict[bytes, Identifier | None],
) -> Event:
    try:
        fields = orjson.loads(row.body)
        if sealed is not None:
            about = vaults.sealing_context(vault.log_id, row.source_id, row.event_id, sealed.key_ref)
            personal = vaults.open_sealed(vault, keys, sealed.key_ref, sealed.nonce, sealed.content, about)
            if personal is not None:
                _merge(fields, orjson.loads(personal))
        anonymous, strong = _place(fields, named, values)
        fields = upcast(row.type, row.version, fields)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with one row must not stop the log
        return Unreadable(row, f"{type(error).__name__}: {error}")
    return Event(row.position, row.at, row.received_at, row.type, row.subject, anonymous, strong, fields)


def _merge(plain: dict[str, Any], personal: dict[str, Any]) -> None:
    for name, value in personal.items():
        below = plain.get(name)
        if isinstance(value, dict) and isinstance(below, dict):
            _merge(below, value)
        else:
            plain[name] = value


def _place(
    fields: dict[str, Any], named: list[tuple[int, bytes]], values: dict[bytes, Identifier | None]
) -> tuple[bytes | None, tuple[bytes, ...]]:
    """Put identifiers back where the client sent them; return the anonymous and the strong refs."""
    anonymous: bytes | None = None
    strong = []
    for kind, ref in named:
        if kind == IdentifierKind.ANONYMOUS:
            anonymous = ref
            continue
        strong.append(ref)
        if ref not in values:
            continue
        identifier = values[ref]
        if identifier is None:
            raise ValueError("the identifier it names does not open")
        if kind in _PLACES:
            fields.setdefault("traits", {})[_PLACES[IdentifierKind(kind)]] = identifier.value
        elif kind == IdentifierKind.USER:
            fields["user_id"] = identifier.value
        else:
            fields.setdefault("crm_ids", {})[identifier.system] = identifier.value
    return anonymous, tuple(strong)
