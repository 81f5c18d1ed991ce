"""Stored bytes that cannot be read, and what puts them back."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from lead_events.store.engine import writing
from tests.world import World


def spoil(world: World, table: Any, column: str, where: Any) -> tuple[Any, Any, bytes]:
    """Flip bits of stored bytes and return what ``mend`` needs."""
    with writing(world.engine) as connection:
        kept = connection.execute(select(table.c[column]).where(where)).scalar_one()
        connection.execute(update(table).where(where).values({column: bytes(byte ^ 255 for byte in kept)}))
    return table, where, kept


def mend(world: World, column: str, table: Any, where: Any, kept: bytes) -> None:
    """Put the bytes back."""
    with writing(world.engine) as connection:
        connection.execute(update(table).where(where).values({column: kept}))
