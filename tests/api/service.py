"""The reading API over a real log, a real projector and a real database, for tests that ask what clients see."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import httpx
from sqlalchemy import Engine

from lead_events.api import (
    access_log,
    leads,
    lookup,
    me,
    near_misses,
    parked,
    personal_data,
    problems,
    quarantine,
    scores,
    timeline,
)
from lead_events.domain.times import SECOND, Instant, parse_instant
from lead_events.domain.wire import admit
from lead_events.projections import projector
from lead_events.store import api_keys, generations, log, migrate, models
from lead_events.store.api_keys import KeyKind, KeyRing
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival
from lead_events.store.reads import ReadLog
from tests.api import described
from tests.api.sharing import SharingApplication

MASTER_KEY = bytes(range(32))
BEGIN: Instant = parse_instant("2026-11-21T12:00:00Z")
ROUTERS = (
    lookup.router, near_misses.router, leads.router, scores.router, timeline.router, parked.router, quarantine.router, me.router,
    personal_data.router, access_log.router,
)  # fmt: skip

MODEL: dict[str, Any] = {
    "scores": {
        "behaviour": {
            "half_life": "30d",
            "cap": 200,
            "rules": [
                {"id": "price", "when": {"type": "file.downloaded"}, "points": 30, "limit": {"times": 2, "per": "day"}},
                {"id": "view", "when": {"type": "page.viewed"}, "points": 5, "cap": 12},
                {"id": "form", "when": {"type": "form.submitted"}, "points": 15},
                {"id": "gone", "when": {"type": "email.unsubscribed"}, "points": -10},
            ],
        },
        "fit": {"rules": [{"id": "boss", "when": {"traits.job_title": {"matches": "(?i)director"}}, "points": 20}]},
    },
    "definitions": {
        "ready": {"all": [{"contact": "present"}, {"scores.behaviour": {"at_least": 40}}]},
        "boss": {"scores.fit": {"at_least": 20}},
    },
    "temperature": {"hot": "ready", "warm": {"scores.behaviour": {"at_least": 10}}},
    "stages": {
        "visitor": {},
        "lead": {"entry": [{"from": ["visitor"], "when": {"contact": "present"}}]},
        "mql": {
            "entry": [{"from": ["visitor", "lead"], "when": {"definition": "ready"}}],
            "exits": [{"to": "lead", "after": "1d", "unless": {"definition": "ready"}, "reason": "cooled"}],
        },
        "sal": {"entry": [{"events": ["lead.accepted"]}], "final": True},
    },
}
"""A small model: one fading score, one of traits, two definitions."""


class Service:
    """A founded database with its projector and its reading API, stepped by hand."""

    def __init__(self, engine: Engine, document: dict[str, Any] | None = None) -> None:
        """Found the log, publish the model, and make a secret key that may do everything and a write key."""
        self.engine = engine
        self.now: Instant = BEGIN
        migrate.found(engine, MASTER_KEY, document or MODEL)
        with writing(engine) as connection:
            self.vault = log.open_vault(connection, MASTER_KEY)
            self.secret = api_keys.create(connection, KeyKind.SECRET, "shop", ["leads:read", "events:read", "admin"])[1]
            self.events_only = api_keys.create(connection, KeyKind.SECRET, "shop", ["events:read"])[1]
            self.write = api_keys.create(connection, KeyKind.WRITE, "shop")[1]
        with reading(engine) as connection:
            self.live = generations.load_live(connection).generation_id
            self.model = models.load_compiled(connection, 1, 1)
        self.app = SharingApplication()
        for router in ROUTERS:
            self.app.include_router(router)
        problems.install(self.app)
        self.app.state.engine, self.app.state.vault, self.app.state.keys = engine, self.vault, KeyRing(engine)
        self.reads = self.app.state.reads = ReadLog(engine)
        self.app.state.wait_seconds = 0.2

    def say(self, *events: dict[str, Any], page: int = 2_000) -> list[log.Outcome]:
        """Append events, each a second after the one before, and let the projector take them in."""
        outcomes = self.append(*events)
        self.catch_up(page)
        return outcomes

    def append(self, *events: dict[str, Any]) -> list[log.Outcome]:
        """Append events, each a second after the one before."""
        arrivals = []
        for event in events:
            self.now += SECOND
            # Without a time of its own, an event happened when it arrived.
            body = event if "occurred_at" in event else {**event, "occurred_at": None}
            admitted = admit(body, arrival=self.now, trusted=True, phone_region="RU", new_event_id=lambda: f"e-{self.now}")
            arrivals.append(Arrival(1, admitted, self.now))
        return log.append(self.engine, self.vault, arrivals)

    def catch_up(self, page: int = 2_000) -> None:
        """Step the live generation until nothing is left."""
        while projector.step(self.engine, self.vault, self.live, self.model, page) is not None:
            pass

    def wait(self, microseconds: int) -> None:
        """Let time pass without events."""
        self.now += microseconds
        log.tick(self.engine, self.now)
        self.catch_up()

    def get(self, path: str, params: Any = None, *, key: str | None = None, **headers: str) -> httpx.Response:
        """Ask with the secret key, unless another is given."""
        return self.ask("GET", path, params=params, headers=self._headers(key, headers))

    def post(self, path: str, json: Any = None, *, key: str | None = None, **more: Any) -> httpx.Response:
        """Post JSON with the secret key, unless another is given."""
        return self.ask("POST", path, json=json, headers=self._headers(key, {}), **more)

    def _headers(self, key: str | None, more: dict[str, str]) -> dict[str, str]:
        given = {"Authorization": f"Bearer {self.secret if key is None else key}"} if key != "" else {}
        return given | {name.replace("_", "-"): value for name, value in more.items()}

    def ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Send one request through ASGI."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://api.test", trust_env=False) as client:
                return await client.request(method, url, **request)

        answer = asyncio.run(send())
        described.check(answer)
        return answer

    def pull(
        self, params: Sequence[tuple[str, Any]] = (), *, path: str = "/v1/leads", between: Callable[[], object] | None = None
    ) -> Iterator[dict[str, Any]]:
        """Pull a whole list as generic clients do: the same parameters again, and the cursor."""
        cursor: list[tuple[str, Any]] = []
        while True:
            answer = self.get(path, [*params, *cursor])
            assert answer.status_code == 200, answer.text
            page = answer.json()
            assert page["has_more"] == (page["next_cursor"] is not None) == ("link" in answer.headers)
            assert page["data"] or not page["has_more"]
            yield from page["data"]
            if not page["has_more"]:
                return
            cursor = [("cursor", page["next_cursor"])]
            if between is not None:
                between()


def person(name: str, type_name: str = "form.submitted", **more: Any) -> dict[str, Any]:
    """Make an event of somebody with an e-mail address."""
    properties = {"form.submitted": {"form_id": "f"}, "file.downloaded": {"file": "price-list.pdf"}}.get(type_name, {})
    traits = {"email": f"{name}@firm.example", **more.pop("traits", {})}
    return {"type": type_name, "properties": properties, "traits": traits, **more}


def visitor(anonymous_id: str, path: str = "/pricing", **more: Any) -> dict[str, Any]:
    """Make a page view of somebody unknown."""
    return {
        "type": "page.viewed",
        "anonymous_id": anonymous_id,
        "context": {"page": {"url": f"https://shop.example{path}", "path": path}},
        **more,
    }
