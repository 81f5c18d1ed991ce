"""The log looked up otherwise than in its order: by instant, by what sources call their events, by source."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import any_of, read_among, read_rows_among

_PROBES = 64
"""How many receipts are looked at together."""


def position_at(connection: Connection, instant: Instant, upto: int) -> int:
    """Return the last position that was received at or before an instant; 0 when none was.

    Receipts grow strictly with positions, so a handful of look-ups by key find it in any log.

    Args:
        instant: microseconds UTC.
        upto: the last position that is looked at.
    """
    table, low, high = schema.events, 0, upto
    while low < high:
        stride = max(1, -(-(high - low) // _PROBES))
        probes = sorted({*range(low + stride, high, stride), high})
        where = any_of(connection, table.c.position, probes), table.c.received_at <= instant
        reached = max(connection.execute(select(table.c.position).where(*where)).scalars(), default=low)
        low, high = reached, min((probe for probe in probes if probe > reached), default=reached + 1) - 1
    return low


class Origin(NamedTuple):
    """Of which type an event is, who sent it, and what that source calls it."""

    type: str
    source_id: int
    event_id: str


def load_origins(connection: Connection, positions: Collection[int]) -> dict[int, Origin]:
    """Return the origins of the events at positions; where there is no event, there is none."""
    columns = schema.events.c
    rows = read_among(connection, (columns.position, columns.type, columns.source_id, columns.event_id), positions)
    return {position: Origin(*origin) for position, *origin in rows}


def find_position(connection: Connection, source_id: int, event_id: str) -> int | None:
    """Return the position of the event that a source calls so; None when the log has no such event."""
    table = schema.event_ids
    where = table.c.source_id == source_id, table.c.event_id == event_id
    return connection.execute(select(table.c.position).where(*where)).scalar()


def read_called(connection: Connection, names: Collection[tuple[int, str]]) -> list[Any]:
    """Return the event rows that have one of these names, (source, event id), in no order."""
    table = schema.event_ids
    by_source: dict[int, list[str]] = {}
    for source_id, event_id in names:
        by_source.setdefault(source_id, []).append(event_id)
    rows: list[Any] = []
    for source_id, event_ids in by_source.items():
        known = read_among(connection, (table.c.event_id, table.c.position), event_ids, source_id=source_id)
        rows += read_rows_among(connection, tuple(schema.events.c), [position for _, position in known])
    return rows


def read_sent(connection: Connection, after: int, upto: int, limit: int, source_id: int | None) -> Sequence[Row[Any]]:
    """Return up to ``limit`` event rows between two positions, in order: those of one source, or of all when None."""
    table = schema.events
    where = [table.c.position > after, table.c.position <= upto]
    if source_id is not None:
        where.append(table.c.source_id == source_id)
    return connection.execute(select(table).where(*where).order_by(table.c.position).limit(limit)).all()
