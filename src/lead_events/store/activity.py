"""The activity ledger's tables: immutable segments of the log in columns, the signatures they name, facets given up.

Derived from the log and droppable; of no model, no lead and no generation, so merges, late events and erasure rewrite nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, delete, insert, select, update

from lead_events.store import schema
from lead_events.store.dialect import insert_new_rows, insert_rows

_HEAD = schema.activity_head


class Head(NamedTuple):
    """How far the ledger is.

    Attributes:
        revision: of the signatures it was written with.
        size: how many positions a segment covers: number ``n`` those from ``n * size + 1`` on.
        segments: how many are written.
        signatures: how many are known.
    """

    revision: int
    size: int
    segments: int
    signatures: int


Demoted = dict[str, frozenset[str]]
"""Type of events → fields, with dots, that had too many values to be facets."""


def read_head(connection: Connection) -> Head | None:
    """Return how far the ledger is; None when there is none."""
    row = connection.execute(select(_HEAD.c.revision, _HEAD.c.size, _HEAD.c.segments, _HEAD.c.signatures)).first()
    return None if row is None else Head(*row)


def begin(connection: Connection, revision: int, size: int) -> None:
    """Drop what was written under another revision, and begin an empty ledger of segments of so many positions."""
    for table in (_HEAD, schema.activity_segments, schema.activity_signatures, schema.activity_demoted):
        connection.execute(delete(table))
    connection.execute(insert(_HEAD), {"one": 1, "revision": revision, "size": size, "segments": 0, "signatures": 0})


def append(
    connection: Connection, head: Head, columns: bytes, signatures: Sequence[str], demoted: Iterable[tuple[str, str]]
) -> bool:
    """Write the next segment.

    Args:
        head: as it was read; if somebody else wrote meanwhile, nothing is written.
        columns: of the segment, packed.
        signatures: those that are new, numbered on.
        demoted: (type, field) pairs that are facets no more.

    Returns:
        Whether it was written.
    """
    after = {"segments": head.segments + 1, "signatures": head.signatures + len(signatures)}
    unchanged = [_HEAD.c[name] == value for name, value in head._asdict().items()]
    if connection.execute(update(_HEAD).where(*unchanged).values(after)).rowcount != 1:
        return False
    insert_rows(connection, schema.activity_segments, [(head.segments, columns)])
    numbered = [(head.signatures + number, text) for number, text in enumerate(signatures)]
    insert_rows(connection, schema.activity_signatures, numbered)
    insert_new_rows(connection, schema.activity_demoted, sorted(demoted))
    return True


def load_segments(connection: Connection, count: int) -> Iterator[bytes]:
    """Return the columns of the first segments, in log order, one after another."""
    table = schema.activity_segments
    for number in range(count):
        yield connection.execute(select(table.c["columns"]).where(table.c.number == number)).scalar_one()


def load_signatures(connection: Connection) -> list[str]:
    """Return the texts of the signatures in the order of their numbers."""
    table = schema.activity_signatures
    return list(connection.execute(select(table.c.content).order_by(table.c.number)).scalars())


def load_demoted(connection: Connection) -> Demoted:
    """Return the facets that were given up."""
    found: dict[str, set[str]] = {}
    for type_, path in connection.execute(select(schema.activity_demoted.c.type, schema.activity_demoted.c.path)):
        found.setdefault(type_, set()).add(path)
    return {type_: frozenset(paths) for type_, paths in found.items()}
