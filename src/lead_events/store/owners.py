"""Identity as a whole, for those who look at every event: who owns which ref, in rows as they stand."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, Table, select

from lead_events.domain.identity import Known
from lead_events.store import identity, schema


class Names(NamedTuple):
    """Refs and the leads that they stand for, side by side."""

    refs: list[bytes]
    foundings: list[int]


class Claims(NamedTuple):
    """Claims side by side, by ref and in canonical order."""

    refs: list[bytes]
    at: list[int]
    positions: list[int]
    foundings: list[int]


def load_bound(connection: Connection, upto: int) -> Names:
    """Return every strong ref that is bound at a position."""
    return _load_names(connection, schema.bindings, upto)


def load_visitors(connection: Connection, upto: int) -> Names:
    """Return every anonymous ref that founded a lead up to a position."""
    return _load_names(connection, schema.visitors, upto)


def load_claims(connection: Connection, upto: int) -> Claims:
    """Return every claim made up to a position."""
    table = schema.claims
    columns = table.c.ref, table.c.at, table.c.position, table.c.founding
    rows = connection.execute(select(*columns).where(table.c.position <= upto).order_by(*columns[:3])).all()
    refs, at, positions, foundings = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Claims(list(refs), list(at), list(positions), list(foundings))


def load_survivors(connection: Connection, upto: int) -> dict[int, int]:
    """Return, for each lead merged at a position, the one that stands for it."""
    known = Known()
    identity.load_merges(connection, known, upto)
    return known.survivors


def _load_names(connection: Connection, table: Table, upto: int) -> Names:
    columns = table.c.ref, table.c.founding
    rows = connection.execute(select(*columns).where(table.c.position <= upto)).all()
    refs, foundings = zip(*rows, strict=True) if rows else ((), ())
    return Names(list(refs), list(foundings))
