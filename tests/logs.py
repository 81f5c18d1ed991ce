"""A founded log for tests of the store and of the door, and events ready to be appended to it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, func, select

from lead_events import clock
from lead_events.domain.times import Instant, parse_instant
from lead_events.domain.wire import admit
from lead_events.store import log, schema
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival
from lead_events.store.vault import Vault
from tests.builders import page_viewed

MASTER_KEY = bytes(range(32))
ARRIVAL: Instant = parse_instant("2026-11-21T12:00:10Z")


def found(engine: Engine) -> Vault:
    """Found an empty log and open its vault."""
    with writing(engine) as connection:
        log.found(connection, MASTER_KEY)
        return log.open_vault(connection, MASTER_KEY)


def arrive(event: dict[str, Any] | None = None, *, at: Instant = ARRIVAL, source_id: int = 1, **overrides: Any) -> Arrival:
    """Make one arrival: of a page view with fields replaced, unless a whole event is given."""
    wire = page_viewed(**overrides) if event is None else event
    admitted = admit(wire, arrival=at, trusted=True, phone_region=None, new_event_id=clock.new_event_id)
    return Arrival(source_id, admitted, at)


def named(*event_ids: str) -> list[Arrival]:
    """Make one page view for each id."""
    return [arrive(event_id=event_id) for event_id in event_ids]


def stored(engine: Engine) -> list[tuple[int, str]]:
    """Return position and event id of every event, in order."""
    table = schema.events
    with reading(engine) as connection:
        rows = connection.execute(select(table.c.position, table.c.event_id).order_by(table.c.position))
        return [(position, event_id) for position, event_id in rows]


def count(engine: Engine, name: str) -> int:
    """Count the rows of a table."""
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(schema.metadata.tables[name])).scalar_one())
