"""What is remembered of erased persons, so that nothing of theirs comes back: keyed hashes with stretches of time, no values.

A name is a blind index, the ref of a browser, or the address of a lead. A browser that its erased owner goes on using stands
under a new ref from the erasure on, so that a later visit is somebody nobody knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, select

from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import any_of, insert_new_rows, read_among

FOR_EVER = 2**62
"""Behind every instant."""


class Stretch(NamedTuple):
    """A stretch of time, microseconds UTC, in which a name belonged to somebody erased: ``low`` ≤ at < ``high``."""

    name: bytes
    low: Instant
    high: Instant


class Rename(NamedTuple):
    """From an instant on, microseconds UTC, a browser stands under another ref."""

    since: Instant
    ref: bytes


def remember(connection: Connection, stretches: Collection[Stretch], renames: Mapping[bytes, Rename]) -> None:
    """Keep what was erased; what is known already stays."""
    insert_new_rows(connection, schema.erased_names, list(stretches))
    insert_new_rows(connection, schema.renamed, [(name, rename.since, rename.ref) for name, rename in renames.items()])


def load_renames(connection: Connection, names: Collection[bytes]) -> dict[bytes, tuple[Rename, ...]]:
    """Return the renames of browsers, by the ref they had first; in the order of time."""
    table = schema.renamed
    found: dict[bytes, list[Rename]] = {}
    for name, since, ref in read_among(connection, (table.c.name, table.c.since, table.c.ref), names):
        found.setdefault(name, []).append(Rename(since, ref))
    return {name: tuple(sorted(renames)) for name, renames in found.items()}


def load_names(connection: Connection, refs: Collection[bytes]) -> dict[bytes, bytes]:
    """Return the refs that renamed browsers had first, by the refs they stand under now."""
    table = schema.renamed
    if not refs:
        return {}
    rows = connection.execute(select(table.c.ref, table.c.name).where(any_of(connection, table.c.ref, refs)))
    return {ref: name for ref, name in rows}


def rename(ref: bytes, renames: Sequence[Rename], at: Instant) -> bytes:
    """Return the ref that a browser stands under at an instant."""
    for each in renames:
        if each.since <= at:
            ref = each.ref
    return ref


def load_stretches(connection: Connection, names: Collection[bytes]) -> dict[bytes, list[Stretch]]:
    """Return the stretches in which names belonged to somebody erased."""
    table = schema.erased_names
    found: dict[bytes, list[Stretch]] = {}
    for name, low, high in read_among(connection, (table.c.name, table.c.low, table.c.high), names):
        found.setdefault(name, []).append(Stretch(name, low, high))
    return found


def is_erased(stretches: Mapping[bytes, Sequence[Stretch]], names: Collection[bytes], at: Instant) -> bool:
    """Say whether one of an event's names belonged to somebody erased at its time."""
    return any(each.low <= at < each.high for name in names for each in stretches.get(name, ()))
