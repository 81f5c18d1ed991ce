"""Leads whose fold failed, one generation at a time, and the events an operator decided to leave out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select

from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import any_of, ask, upsert_rows

_TABLE = schema.parked


@dataclass(frozen=True, slots=True)
class Parked:
    """One parked lead.

    Attributes:
        founding: the lead.
        position: the event whose fold failed.
        error: what the fold said.
        since: microseconds UTC by the log's clock.
        tries: how often it was folded in vain.
    """

    founding: int
    position: int
    error: str
    since: Instant
    tries: int


def save(connection: Connection, generation_id: int, leads: Collection[Parked]) -> None:
    """Write parked leads, replacing those that exist."""
    rows = [(generation_id, lead.founding, lead.position, lead.error, lead.since, lead.tries) for lead in leads]
    upsert_rows(connection, _TABLE, rows)


def release(connection: Connection, generation_id: int, foundings: Collection[int]) -> None:
    """Forget that leads were parked."""
    if foundings:
        where = _TABLE.c.generation_id == generation_id, any_of(connection, _TABLE.c.founding, foundings)
        connection.execute(delete(_TABLE).where(*where))


def load_all(connection: Connection, generation_id: int) -> list[Parked]:
    """Return the parked leads of a generation, oldest first."""
    columns = _TABLE.c.founding, _TABLE.c.position, _TABLE.c.error, _TABLE.c.since, _TABLE.c.tries
    statement = select(*columns).where(_TABLE.c.generation_id == generation_id).order_by(_TABLE.c.since, _TABLE.c.founding)
    return [Parked(*row) for row in connection.execute(statement)]


def count(connection: Connection, generation_id: int) -> int:
    """Return how many leads of a generation are parked."""
    statement = select(func.count()).select_from(_TABLE).where(_TABLE.c.generation_id == generation_id)
    return int(connection.execute(statement).scalar_one())


def skip(connection: Connection, position: int, reason: str, at: Instant) -> None:
    """Leave an event out of every fold from now on, and say why."""
    if position not in load_skips(connection):
        connection.execute(insert(schema.skips), {"position": position, "reason": reason, "created_at": at})


def load_skips(connection: Connection, upto: Instant | None = None) -> set[int]:
    """Return the positions that operators left out; with ``upto``, those they had left out by that instant."""
    everything = "SELECT position FROM skips"
    rows = ask(connection, everything) if upto is None else ask(connection, f"{everything} WHERE created_at <= ?", (upto,))
    return {position for (position,) in rows}
