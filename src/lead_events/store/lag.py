"""How far the live generation is behind the log: what an operator watches."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from lead_events.domain.times import SECOND, Instant
from lead_events.store import generations, log, parked, schema


@dataclass(frozen=True, slots=True)
class Lag:
    """The distance between what was accepted and what is shown.

    Attributes:
        position: the end of the log.
        events: accepted and not folded yet.
        seconds: since the oldest of these was received; 0.0 when there is none.
        parked: leads that wait for an operator.
    """

    position: int
    events: int
    seconds: float
    parked: int


def read_lag(connection: Connection, now: Instant) -> Lag:
    """Measure the live generation.

    Args:
        now: microseconds UTC by this machine's clock.
    """
    head, live = log.read_head(connection), generations.load_live(connection)
    oldest = connection.execute(select(schema.events.c.received_at).where(schema.events.c.position == live.position + 1)).scalar()
    seconds = 0.0 if oldest is None else max(0, now - oldest) / SECOND
    waiting = parked.count(connection, live.generation_id)
    return Lag(head.position, max(0, head.position - live.position), seconds, waiting)
