"""A reading API with models, generations and the change feed, built and promoted by hand."""

from __future__ import annotations

import threading
from typing import Any

import orjson
from sqlalchemy import Engine, select

from lead_events.api import approvals, changes, generations, models
from lead_events.app import asgi
from lead_events.domain.times import parse_instant
from lead_events.projections import projector, replay
from lead_events.store import generations as kept
from lead_events.store import identity, schema
from lead_events.store.engine import reading
from lead_events.store.generations import Status
from tests.api.service import MODEL, Service
from tests.building import build_parts, complete

Document = dict[str, Any]

LONG_AFTER = parse_instant("2100-01-04T12:00:00Z")
"""A promotion is received by the clock of this machine, but never before what the log knows: so it is always the next instant."""


def with_points(rule: str, points: float) -> Document:
    """Return the service's model with other points for one rule."""
    copy: Document = orjson.loads(orjson.dumps(MODEL))
    for score in copy["scores"].values():
        for each in score["rules"]:
            if each["id"] == rule:
                each["points"] = points
    return copy


class Replaying(Service):
    """A service whose models can be replayed beside the live one."""

    def __init__(self, engine: Engine, document: Document | None = None) -> None:
        """Found the log and add the routes."""
        super().__init__(engine, document)
        self.now = LONG_AFTER
        for router in (models.router, approvals.router, generations.router, changes.router):
            self.app.include_router(router)
        self.app.state.generation_actions = asgi.generation_actions(engine, self.vault)
        self.compiled = projector.Models(engine)

    def catch_up(self, page: int = 2_000) -> None:
        """Step whatever is live now, and then what stands by, until nothing is left."""
        with reading(self.engine) as connection:
            live = kept.load_live(connection)
        self.live, self.model = live.generation_id, projector.Models(self.engine).of(live)
        super().catch_up(page)
        with reading(self.engine) as connection:
            others = kept.load_standing_by(connection)
        for other in others:
            replay.catch_up(self.engine, self.vault, other.generation_id, projector.Models(self.engine), threading.Event())

    def publish(self, document: Document) -> int:
        """Publish a model over HTTP and return its number."""
        answer = self.post("/v1/models", document)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["number"])

    def begin(self, number: int, part_positions: int | None = None) -> int:
        """Begin a build; with narrow parts when asked."""
        if part_positions is not None:
            return replay.begin(self.engine, number, part_positions=part_positions)
        answer = self.post("/v1/generations", {"model": number})
        assert answer.status_code == 202, answer.text
        return int(answer.headers["location"].rpartition("/")[2])

    def build(self, generation_id: int, most: int = 1_000) -> bool:
        """Build some parts, and complete what is built, in this process: as `replay.build` does with several."""
        with reading(self.engine) as connection:
            generation = kept.load(connection, generation_id)
        identity.extend(self.engine, generation.base_position, 500)
        build_parts(self.engine, self.vault, self.compiled, generation_id, most)
        complete(self.engine, self.vault, generation_id)
        with reading(self.engine) as connection:
            return kept.load(connection, generation_id).status is Status.READY

    def replayed(self, document: Document, part_positions: int | None = None) -> int:
        """Publish, begin and build; return the generation that is ready."""
        generation_id = self.begin(self.publish(document), part_positions)
        assert self.build(generation_id)
        return generation_id

    def rows(self, generation_id: int) -> list[tuple[Any, ...]]:
        """Return every column of every lead of a generation but the generation itself."""
        columns = [column for column in schema.leads.columns if column.name != "generation_id"]
        with reading(self.engine) as connection:
            where = schema.leads.c.generation_id == generation_id
            return [tuple(row) for row in connection.execute(select(*columns).where(where).order_by(schema.leads.c.founding))]

    def feed(self, after: str = "0", limit: int = 1_000, **filters: Any) -> list[dict[str, Any]]:
        """Follow the feed to its end."""
        found: list[dict[str, Any]] = []
        while True:
            page = self.get("/v1/changes", {"after": after, "limit": limit, **filters}).json()
            assert page["data"] or not page["has_more"]
            found += page["data"]
            after = page["next_cursor"]
            if not page["has_more"]:
                return found
