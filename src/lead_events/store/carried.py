"""Which traits recent events carried, read off the lead rows of the live generation: for lint, on demand, never while folding."""

from __future__ import annotations

from collections.abc import Collection

import orjson
from sqlalchemy import Connection, select

from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.generations import Status

MOST_ROWS = 50_000
"""More rows than this are not read: who asks waits for it."""


def read_carried(connection: Connection, asked: Collection[str], since: Instant) -> set[str] | None:
    """Return those of the asked-for traits that an event at or after ``since`` (microseconds UTC) gave some lead.

    Returns:
        None when that cannot be said: nothing happened since then, or there are too many leads to look through.
    """
    table, generations = schema.leads, schema.generations
    live = select(generations.c.generation_id).where(generations.c.status == Status.LIVE).scalar_subquery()
    statement = select(table.c.state).where(table.c.generation_id == live, table.c.updated_at >= since).limit(MOST_ROWS)
    found: set[str] = set()
    rows = 0
    for text in connection.execute(statement).scalars():
        rows += 1
        traits = orjson.loads(text)["traits"]
        found |= {name for name in asked if name in traits and traits[name][1] >= since}
        if len(found) == len(set(asked)):
            return found
    return None if rows in {0, MOST_ROWS} else found
