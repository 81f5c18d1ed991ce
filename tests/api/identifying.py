"""A reading API with everything about identity: merging, candidates, traits, companies; and the change feed beside it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from sqlalchemy import Engine

from lead_events.api import companies, merge_candidates, merging, overrides, traits
from lead_events.domain.times import SECOND
from lead_events.domain.wire import admit
from lead_events.store import api_keys, log
from lead_events.store.api_keys import KeyKind
from lead_events.store.engine import writing
from lead_events.store.envelope import Arrival
from tests.api.replaying import Document, Replaying


class Identifying(Replaying):
    """A service with the routes of identity, far in the future, so that its log is the clock and not this machine."""

    def __init__(self, engine: Engine, document: Document | None = None) -> None:
        """Found the log, add the routes, and make a key that reads leads only."""
        super().__init__(engine, document)
        for router in (traits.router, overrides.router, merging.router, merge_candidates.router, companies.router):
            self.app.include_router(router)
        with writing(engine) as connection:
            self.reads_only = api_keys.create(connection, KeyKind.SECRET, "crm", ["leads:read"])[1]

    def lead(self, lead_id: str) -> dict[str, Any]:
        """Return one lead as it is shown alone."""
        answer = self.get(f"/v1/leads/{lead_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()["data"]
        return found

    def find(self, **identifier: str) -> dict[str, Any]:
        """Return the lead of an identifier."""
        (answer,) = self.get("/v1/leads/lookup", identifier).json()["data"]
        assert answer["lead"] is not None, identifier
        lead: dict[str, Any] = answer["lead"]
        return lead

    def merge(self, one: str, two: str) -> dict[str, Any]:
        """Merge two leads and let the projector take it in."""
        return self._regroup(one, "merge", {"into": two})

    def unmerge(self, one: str, two: str | None = None) -> dict[str, Any]:
        """Part two leads, or one from all, and let the projector take it in."""
        return self._regroup(one, "unmerge", {"into": two})

    def _regroup(self, one: str, verb: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.post(f"/v1/leads/{one}/{verb}", body)
        assert answer.status_code == 200, answer.text
        self.catch_up()
        done: dict[str, Any] = answer.json()
        return done

    def patch(self, lead_id: str, traits: dict[str, Any], **more: Any) -> httpx.Response:
        """Set traits while a projector is at work, as it is in life."""
        with self.projecting():
            headers = self._headers(more.pop("key", None), {})
            return self.ask("PATCH", f"/v1/leads/{lead_id}", json={"traits": traits, **more}, headers=headers)

    @contextmanager
    def projecting(self) -> Iterator[None]:
        """Let a projector run beside whatever the block does."""
        self.app.state.wait_seconds = 10.0
        stop = threading.Event()

        def project() -> None:
            while not stop.wait(0.01):
                self.catch_up()

        beside = threading.Thread(target=project)
        beside.start()
        try:
            yield
        finally:
            stop.set()
            beside.join()

    def say_in_public(self, event: dict[str, Any]) -> None:
        """Append an event as a browser sends it, with a write key, and let the projector take it in."""
        self.now += SECOND
        body = {**event, "event_id": f"public-{self.now}"}
        admitted = admit(body, arrival=self.now, trusted=False, phone_region="RU", new_event_id=str)
        log.append(self.engine, self.vault, [Arrival(1, admitted, self.now)])
        self.catch_up()

    def candidates(self) -> list[tuple[set[str], str]]:
        """Return who may be one person, by their ids, and why."""
        found = self.pull([("limit", 1)], path="/v1/merge-candidates")
        return [({lead["id"] for lead in each["leads"]}, each["evidence"]) for each in found]
