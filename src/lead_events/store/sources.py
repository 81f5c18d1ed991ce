"""Sources: the websites, apps and systems that events come from; every API key belongs to one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select

from lead_events import clock
from lead_events.domain.errors import InvalidInput
from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import lock_for_numbering

MAX_NAME = 100
"""Longest name of a source, in characters."""

_TABLE = schema.sources


@dataclass(frozen=True, slots=True)
class Source:
    """One website, app or system.

    Attributes:
        created_at: microseconds UTC.
        opt_in: purposes that need a yes before anything is done, separated by commas.
    """

    source_id: int
    name: str
    created_at: Instant
    opt_in: str = ""


def create(connection: Connection, name: str) -> Source:
    """Return the source of this name, created if it is new; needs a writing transaction.

    Raises:
        InvalidInput: the name is empty, too long or not printable.
    """
    name = _check_name(name)
    lock_for_numbering(connection, _TABLE)
    row = connection.execute(select(_TABLE).where(_TABLE.c.name == name)).first()
    if row is not None:
        return Source(*row)
    last = connection.execute(select(func.coalesce(func.max(_TABLE.c.source_id), 0))).scalar_one()
    source = Source(last + 1, name, clock.now())
    connection.execute(insert(_TABLE).values((source.source_id, source.name, source.created_at, source.opt_in)))
    return source


def read(connection: Connection) -> list[Source]:
    """Return all sources, oldest first."""
    return [Source(*row) for row in connection.execute(select(_TABLE).order_by(_TABLE.c.source_id))]


def _check_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput(f"Name the source with 1 to {MAX_NAME} printable characters.")
    return name
