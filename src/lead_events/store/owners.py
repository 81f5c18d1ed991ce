"""Identity as a whole, for those who look at every event: who owns which ref, in rows as they stand.

Rows come a piece at a time, for a log of ten million events has millions of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, select

from lead_events.domain.identity import Known
from lead_events.store import identity, schema

_ROWS = 50_000

Piece = Sequence[Sequence[Any]]


def read_bound(connection: Connection, upto: int) -> Iterator[Piece]:
    """Return (ref, lead) of every strong ref that is bound at a position."""
    return _read_names(connection, schema.bindings, upto)


def read_visitors(connection: Connection, upto: int) -> Iterator[Piece]:
    """Return (ref, lead) of every anonymous ref that founded a lead up to a position."""
    return _read_names(connection, schema.visitors, upto)


def read_claims(connection: Connection, upto: int) -> Iterator[Piece]:
    """Return (ref, at, position, lead) of every claim made up to a position, by ref and in canonical order."""
    table = schema.claims
    columns = table.c.ref, table.c.at, table.c.position, table.c.founding
    return _read(connection, columns, table.c.position <= upto, columns[:3])


def load_survivors(connection: Connection, upto: int) -> dict[int, int]:
    """Return, for each lead merged at a position, the one that stands for it."""
    known = Known()
    identity.load_merges(connection, known, upto)
    return known.survivors


def _read_names(connection: Connection, table: Table, upto: int) -> Iterator[Piece]:
    return _read(connection, (table.c.ref, table.c.founding), table.c.position <= upto)


def _read(
    connection: Connection, columns: Sequence[ColumnElement[Any]], where: ColumnElement[bool], order: Sequence[Any] = ()
) -> Iterator[Piece]:
    query = select(*columns).where(where).order_by(*order).execution_options(yield_per=_ROWS)
    return connection.execute(query).partitions()
