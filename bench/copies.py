"""Rows that an append made, once more: same sizes, same distribution, other ids; ready to be inserted behind them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Table, func, select

from bench.databases import Database
from bench.posts import BATCH
from lead_events.store import log, schema
from lead_events.store.engine import reading

Rows = dict[Table, list[tuple[Any, ...]]]
"""Rows by table, in the order in which they are inserted."""

_VAULT = (schema.refs, schema.keys)
_LOG = (schema.events, schema.event_ids, schema.sealed)


def measure(database: Database) -> dict[Table, int]:
    """Return the end of the log, and how many refs and keys there are."""
    with reading(database.engine) as connection:
        counts = {table: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in _VAULT}
        return {schema.events: log.read_head(connection).position, **counts}


def copy(database: Database, before: dict[Table, int]) -> list[Rows]:
    """Return copies of what was appended since ``before``, batch by batch."""
    now = measure(database)
    first, last = before[schema.events], now[schema.events]
    events, ids, sealed = (_load(database, table, first) for table in _LOG)
    batches = []
    for start in range(first + 1, last - BATCH + 2, BATCH):
        rows: Rows = {table: [] for table in (*_VAULT, *_LOG)}
        for position in range(start, start + BATCH):
            event_id, place = secrets.token_hex(16), position + last - first
            rows[schema.events].append(_renamed(events[position], position=place, event_id=event_id))
            rows[schema.event_ids].append(_renamed(ids[position], position=place, event_id=event_id))
            if position in sealed:
                rows[schema.sealed].append(_renamed(sealed[position], position=place))
        batches.append(rows)
    for table in _VAULT:
        _spread(batches, table, _invent(database, table, now[table] - before[table]))
    return batches


def _load(database: Database, table: Table, after: int) -> dict[int, Row[Any]]:
    with reading(database.engine) as connection:
        return {row.position: row for row in connection.execute(select(table).where(table.c.position > after))}


def _renamed(row: Row[Any], **values: Any) -> tuple[Any, ...]:
    return tuple({**row._mapping, **values}.values())  # noqa: SLF001 - SQLAlchemy's public name for it


def _invent(database: Database, table: Table, count: int) -> list[tuple[Any, ...]]:
    """Return rows shaped like one that exists, under random pseudonyms."""
    with reading(database.engine) as connection:
        row = connection.execute(select(table).where(table.c.ref != bytes(16)).limit(1)).first()
    if row is None:
        return []
    names = [name for name in ("blind", "ref") if name in table.c]
    return [_renamed(row, **{name: secrets.token_bytes(len(getattr(row, name))) for name in names}) for _ in range(count)]


def _spread(batches: Sequence[Rows], table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
    for number, row in enumerate(rows):
        batches[number % len(batches)][table].append(row)
