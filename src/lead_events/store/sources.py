"""Sources: the websites, apps and systems that events come from; every API key belongs to one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from lead_events import clock
from lead_events.domain.consent import PURPOSES
from lead_events.domain.errors import InvalidInput, NotFound
from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import lock_for_numbering

MAX_NAME = 100
"""Longest name of a source, in characters."""

_TABLE = schema.sources


SERVICE = 0
"""The source of events that the service itself appends; it has no name and no row."""


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


def set_opt_in(connection: Connection, name: str, purposes: Collection[str]) -> Source:
    """Say which purposes events of a source need a yes for from now on; needs a writing transaction.

    Args:
        purposes: of ``domain.consent.PURPOSES``; none means that a person may only opt out.

    Raises:
        InvalidInput: there is no such purpose.
        NotFound: there is no such source.
    """
    unknown = sorted(set(purposes) - set(PURPOSES))
    if unknown:
        raise InvalidInput(f"There is no purpose {unknown[0]}; the purposes are {', '.join(PURPOSES)}.")
    opt_in = ",".join(sorted(set(purposes)))
    connection.execute(update(_TABLE).where(_TABLE.c.name == name).values(opt_in=opt_in))
    row = connection.execute(select(_TABLE).where(_TABLE.c.name == name)).first()
    if row is None:
        raise NotFound("source", name)
    return Source(*row)


def read_opt_in(connection: Connection, source_id: int) -> tuple[str, ...]:
    """Return the purposes that a source needs a yes for; none for a source that does not exist."""
    found = connection.execute(select(_TABLE.c.opt_in).where(_TABLE.c.source_id == source_id)).scalar()
    return tuple(found.split(",")) if found else ()


def read(connection: Connection) -> list[Source]:
    """Return all sources, oldest first."""
    return [Source(*row) for row in connection.execute(select(_TABLE).order_by(_TABLE.c.source_id))]


def read_names(connection: Connection) -> dict[int, str]:
    """Return the name of every source by its number."""
    return {source.source_id: source.name for source in read(connection)}


def _check_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise InvalidInput(f"Name the source with 1 to {MAX_NAME} printable characters.")
    return name
