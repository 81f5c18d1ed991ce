"""Parts of a build: ranges of founding positions, taken by whoever has a core free, done or not; what is done stays done."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, func, select, update

from lead_events.domain.errors import StaleGeneration
from lead_events.domain.times import SECOND, Instant
from lead_events.store import schema
from lead_events.store.dialect import insert_rows
from lead_events.store.generations import Status

_TABLE = schema.build_parts
LEASE = 20 * SECOND
"""A part whose builder is silent for so long is given to another, and whatever the first still wants to save is refused."""


@dataclass(frozen=True, slots=True)
class Part:
    """Leads founded after ``low`` and up to ``high``, taken by one builder until ``lease``, microseconds UTC."""

    part: int
    low: int
    high: int
    lease: Instant


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is; ``events`` are those folded in parts that are done."""

    parts: int
    done: int
    events: int
    leads: int


def create(connection: Connection, generation_id: int, upto: int, width: int) -> None:
    """Divide the leads founded up to a position into parts of ``width`` positions."""
    starts = range(0, upto, width)
    rows = [(generation_id, n, low, min(low + width, upto), 0, False, 0, 0) for n, low in enumerate(starts)]
    insert_rows(connection, _TABLE, rows)


def take(connection: Connection, generation_id: int, now: Instant) -> Part | None:
    """Take a part that nobody builds; None when there is none left to take now."""
    free = *_undone(generation_id), _TABLE.c.taken_until < now
    row = connection.execute(
        select(_TABLE).where(*free).order_by(_TABLE.c.part).limit(1).with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    mine = _TABLE.c.generation_id == generation_id, _TABLE.c.part == row.part
    connection.execute(update(_TABLE).where(*mine).values(taken_until=now + LEASE))
    return Part(row.part, row.low, row.high, now + LEASE)


def is_any_free(connection: Connection, generation_id: int, now: Instant) -> bool:
    """Say whether there is a part to take."""
    free = select(_TABLE.c.part).where(*_undone(generation_id), _TABLE.c.taken_until < now)
    return connection.execute(free.limit(1)).first() is not None


def renew(connection: Connection, generation_id: int, part: Part, now: Instant) -> Part:
    """Keep a part for another while, inside the transaction that saves rows of it.

    Raises:
        StaleGeneration: somebody else took or finished it, or the build was given up; nothing may be saved.
    """
    mine = *_undone(generation_id), _TABLE.c.part == part.part, _TABLE.c.taken_until == part.lease
    lease = max(now + LEASE, part.lease + 1)
    if connection.execute(update(_TABLE).where(*mine).values(taken_until=lease)).rowcount != 1:
        raise StaleGeneration(generation_id)
    return replace(part, lease=lease)


def finish(connection: Connection, generation_id: int, part: Part, events: int, leads: int) -> None:
    """Mark a part done, in the transaction that saved its last rows."""
    where = _TABLE.c.generation_id == generation_id, _TABLE.c.part == part.part
    connection.execute(update(_TABLE).where(*where).values(done=True, events=events, leads=leads))


def read_progress(connection: Connection, generation_id: int) -> Progress:
    """Return how much of a build is done."""
    done = _TABLE.c.done.is_(True)
    columns = (
        func.count(),
        func.count().filter(done),
        func.coalesce(func.sum(_TABLE.c.events).filter(done), 0),
        func.coalesce(func.sum(_TABLE.c.leads).filter(done), 0),
    )
    row = connection.execute(select(*columns).where(_TABLE.c.generation_id == generation_id)).one()
    return Progress(*(int(number) for number in row))


def _undone(generation_id: int) -> tuple[ColumnElement[bool], ...]:
    table = schema.generations
    building = select(table.c.status).where(table.c.generation_id == generation_id).scalar_subquery() == Status.BUILDING
    return _TABLE.c.generation_id == generation_id, _TABLE.c.done.is_(False), building
