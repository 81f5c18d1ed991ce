"""``GET /healthz`` (the process is alive) and ``GET /readyz`` (it can do its work, or why not).

A projector that lags makes nobody unready: events must be taken in all the same. Its lag is told, and alarms watch ``/metrics``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from lead_events import clock
from lead_events.domain.errors import LeadEventsError
from lead_events.store import generations, migrate
from lead_events.store.engine import reading
from lead_events.store.generations import Status
from lead_events.store.lag import Lag, read_lag
from lead_events.store.writer import Writer

router = APIRouter()


@dataclass(slots=True)
class Readiness:
    """What decides whether requests should be sent here.

    Attributes:
        engine: the database.
        writer: takes events, None while there is no master key.
        problems: what the operator must do first, found at the start.
        queue_events: how many events may wait in the writer.
        closing: whether the process is shutting down.
    """

    engine: Engine
    writer: Writer | None = None
    problems: list[str] = field(default_factory=list)
    queue_events: int = 0
    closing: bool = False

    def find_reasons(self) -> list[str]:
        """Return why no requests should be sent here; empty when all is well."""
        reasons = ["The server is shutting down."] if self.closing else []
        reasons += self.problems
        try:
            migrate.refuse(self.engine)
        except LeadEventsError as error:
            reasons.append(str(error))
        except SQLAlchemyError:
            reasons.append("The database cannot be reached.")
        if self.writer is not None and self.writer.stats.queued >= self.queue_events:
            reasons.append("Too many events wait for their commit.")
        return list(dict.fromkeys(reasons))

    def find_notices(self) -> list[str]:
        """Return what waits for an operator, though requests are answered well."""
        with reading(self.engine) as connection:
            waiting = [each for each in generations.load_all(connection) if each.status is Status.READY]
        return [
            f"Generation {each.generation_id} (model {each.model_number}) is ready; look at its difference, then run: "
            f"./lead-events promote {each.generation_id}"
            for each in waiting
        ]

    def measure_lag(self) -> Lag | None:
        """Return the projector's lag, or None when it cannot be known."""
        try:
            with reading(self.engine) as connection:
                return read_lag(connection, clock.now())
        except (SQLAlchemyError, LeadEventsError):
            return None


@router.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
async def read_health() -> dict[str, str]:
    """Say that the process is alive."""
    return {"status": "ok"}


@router.api_route("/readyz", methods=["GET", "HEAD"], include_in_schema=False)
def read_readiness(request: Request) -> Response:
    """Say whether requests should be sent here, with reasons (503), and how far the projector is."""
    readiness: Readiness = request.app.state.readiness
    reasons = readiness.find_reasons()
    lag = None if reasons else readiness.measure_lag()
    body: dict[str, Any] = {"status": "unready" if reasons else "ready", "reasons": reasons}
    if lag is not None:
        body["position"] = lag.position
        body["projector"] = {"lag_events": lag.events, "lag_seconds": round(lag.seconds, 3), "parked_leads": lag.parked}
        body["notices"] = readiness.find_notices()
    return Response(orjson.dumps(body), 503 if reasons else 200, media_type="application/json")
