"""Parts of a build: ranges of founding positions, taken by whoever has a core free, done or not; what is done stays done.

A builder writes down how far it is with every save, so that a build's end can be told while its parts are under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select, update

from lead_events.domain.errors import StaleGeneration
from lead_events.domain.times import SECOND, Instant
from lead_events.store import schema
from lead_events.store.dialect import ask, insert_rows
from lead_events.store.generations import Status

_TABLE = schema.build_parts
LEASE = 20 * SECOND
"""A part whose builder is silent for so long is given to another, and whatever the first still wants to save is refused."""

_LAST = 8

_RENEW = """
UPDATE build_parts SET taken_until = ?, events = ?, leads = ?, folded = ?, worked = ?
WHERE generation_id = ? AND part = ? AND NOT done AND taken_until = ?
AND (SELECT status FROM generations WHERE generation_id = ?) = ? RETURNING part
"""
"""In the driver's words, for every save begins with it."""


@dataclass(frozen=True, slots=True)
class Part:
    """Leads founded after ``low`` and up to ``high``, taken by one builder at ``begun`` until ``lease``, microseconds UTC.

    Attributes:
        events: how many it has; 0 until they were counted.
        folded: how many of them are folded.
        leads: how many leads are folded.
    """

    part: int
    low: int
    high: int
    begun: Instant
    lease: Instant
    events: int = 0
    folded: int = 0
    leads: int = 0


class Work(NamedTuple):
    """What was done for one part.

    Attributes:
        events: how many it has; 0 until they were counted.
        folded: how many of them are folded.
        begun: when its builder began, microseconds UTC.
        said_at: when it was done, or when its builder last said how far it is.
        founded: how many leads it has.
        leads: how many of them are folded.
    """

    events: int
    folded: int
    begun: Instant
    said_at: Instant
    founded: int = 0
    leads: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a build is.

    Attributes:
        parts, done: how many parts there are, and how many are done.
        events, leads: how many are folded, in parts done and under way.
        compared: (instant, leads): when how many more were compared with those of the live generation, in order.
        under_way: of the parts that were taken and are not done.
        finished: of the parts that were done last, the latest first.
        behind: how many events the live generation is ahead.
        founded: how many leads there are.
    """

    parts: int
    done: int
    events: int
    leads: int
    compared: tuple[tuple[Instant, int], ...] = ()
    under_way: tuple[Work, ...] = ()
    finished: tuple[Work, ...] = ()
    behind: int = 0
    founded: int = 0


def create(connection: Connection, generation_id: int, upto: int, width: int, founded: Mapping[int, int]) -> None:
    """Divide the leads founded up to a position into parts of ``width`` positions.

    Args:
        founded: part → how many leads it has, as ``count_leads`` says.
    """
    starts = range(0, upto, width)
    none = False, 0, 0, 0, 0, 0
    rows = [(generation_id, n, low, min(low + width, upto), 0, *none, founded.get(n, 0)) for n, low in enumerate(starts)]
    insert_rows(connection, _TABLE, rows)


def count_leads(connection: Connection, generation_id: int, width: int) -> dict[int, int]:
    """Return how many leads of a complete generation each part of ``width`` positions has."""
    table = schema.leads
    part = ((table.c.founding - 1) // width).label("part")
    rows = connection.execute(select(part, func.count()).where(table.c.generation_id == generation_id).group_by(part))
    return {int(number): int(leads) for number, leads in rows}


def take(connection: Connection, generation_id: int, now: Instant, begun: Instant | None = None) -> Part | None:
    """Take a part that nobody builds; None when there is none left to take now.

    Args:
        begun: when work on it began: when the builder had done its last part; now when None.
    """
    free = *_undone(generation_id), _TABLE.c.taken_until < now
    row = connection.execute(
        select(_TABLE).where(*free).order_by(_TABLE.c.part).limit(1).with_for_update(skip_locked=True)
    ).first()
    if row is None:
        return None
    mine = _TABLE.c.generation_id == generation_id, _TABLE.c.part == row.part
    connection.execute(update(_TABLE).where(*mine).values(taken_until=now + LEASE, **_written(0, 0, 0, 0)))
    return Part(row.part, row.low, row.high, begun or now, now + LEASE)


def is_any_free(connection: Connection, generation_id: int, now: Instant) -> bool:
    """Say whether there is a part to take."""
    free = select(_TABLE.c.part).where(*_undone(generation_id), _TABLE.c.taken_until < now)
    return connection.execute(free.limit(1)).first() is not None


def renew(connection: Connection, generation_id: int, part: Part, now: Instant) -> Part:
    """Keep a part for another while and write down how far it is, inside the transaction that saves rows of it.

    Raises:
        StaleGeneration: somebody else took or finished it, or the build was given up; nothing may be saved.
    """
    lease = max(now + LEASE, part.lease + 1)
    how_far = part.events, part.leads, part.folded, now - part.begun
    mine = generation_id, part.part, part.lease, generation_id, Status.BUILDING.value
    if not ask(connection, _RENEW, (lease, *how_far, *mine)):
        raise StaleGeneration(generation_id)
    return replace(part, lease=lease)


def finish(connection: Connection, generation_id: int, part: Part) -> None:
    """Mark a part done, in the transaction that saved its last rows and renewed it."""
    where = _TABLE.c.generation_id == generation_id, _TABLE.c.part == part.part
    connection.execute(update(_TABLE).where(*where).values(done=True))


def say_compared(connection: Connection, generation_id: int, upto: int, now: Instant) -> None:
    """Write down that the leads founded up to a position are compared now."""
    where = _TABLE.c.generation_id == generation_id, _TABLE.c.high <= upto, _TABLE.c.compared == 0
    connection.execute(update(_TABLE).where(*where).values(compared=now))


def read_progress(connection: Connection, generation_id: int) -> Progress:
    """Return how far a build is."""
    of_build, done = _TABLE.c.generation_id == generation_id, _TABLE.c.done.is_(True)
    leads = func.sum(_TABLE.c.leads)
    sums = func.sum(_TABLE.c.folded), leads, func.sum(_TABLE.c.founded)
    row = connection.execute(select(func.count(), func.count().filter(done), *sums).where(of_build)).one()
    said_at = _TABLE.c.taken_until - LEASE
    said = said_at - _TABLE.c.worked, said_at
    work = select(_TABLE.c.events, _TABLE.c.folded, *said, _TABLE.c.founded, _TABLE.c.leads).where(of_build)
    under_way = connection.execute(work.where(~done, _TABLE.c.taken_until > 0)).all()
    finished = connection.execute(work.where(done).order_by(_TABLE.c.taken_until.desc()).limit(_LAST)).all()
    count, ended, folded, of_leads, founded = (int(number or 0) for number in row)
    of_instant = select(_TABLE.c.compared, leads).where(of_build, _TABLE.c.compared > 0)
    compared = connection.execute(of_instant.group_by(_TABLE.c.compared).order_by(_TABLE.c.compared)).all()
    return Progress(
        count,
        ended,
        folded,
        of_leads,
        tuple((instant, int(number)) for instant, number in compared),
        under_way=tuple(Work(*each) for each in under_way),
        finished=tuple(Work(*each) for each in finished),
        behind=_behind(connection, generation_id),
        founded=founded,
    )


def _behind(connection: Connection, generation_id: int) -> int:
    """Return how many events the live generation has that a build has not; its base counts as far as it will be built."""
    table = schema.generations
    columns = table.c.generation_id, table.c.status, table.c.position, table.c.base_position
    rows = connection.execute(select(*columns).where((table.c.generation_id == generation_id) | (table.c.status == Status.LIVE)))
    ends = {row.generation_id == generation_id: int(max(row.position, row.base_position)) for row in rows}
    return max(0, ends.get(False, 0) - ends.get(True, 0))


def _written(events: int, leads: int, folded: int, worked: int) -> dict[str, int]:
    return {"events": events, "leads": leads, "folded": folded, "worked": worked}


def _undone(generation_id: int) -> tuple[ColumnElement[bool], ...]:
    table = schema.generations
    building = select(table.c.status).where(table.c.generation_id == generation_id).scalar_subquery() == Status.BUILDING
    return _TABLE.c.generation_id == generation_id, _TABLE.c.done.is_(False), building
