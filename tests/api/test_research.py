"""The research queue over HTTP: take an item, give it up, open it again; a contact ends the search."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from lead_events.api import research
from tests.api.identifying import Identifying
from tests.api.service import person, visitor


class Researching(Identifying):
    """A service whose visitors looked at prices, so that they are worth looking for."""

    def __init__(self, engine: Engine) -> None:
        """Found the log and let three visitors act."""
        super().__init__(engine)
        self.app.include_router(research.router)
        self.say(visitor("v1"), visitor("v1", "/a"), visitor("v2"), person("anna"))
        self.one, self.two = (lead["id"] for lead in self.pull([("needs", "contact")]))

    def act(self, action: str, lead: str | None = None, **more: Any) -> httpx.Response:
        """Do something with an item, while a projector is at work."""
        with self.projecting():
            return self.post(f"/v1/leads/{lead or self.one}/research", {"action": action, **more})

    def queue(self, **parameters: str) -> list[str]:
        """Return the ids of a part of the queue, in its order."""
        return [lead["id"] for lead in self.pull([("needs", "contact"), *parameters.items()])]


@pytest.fixture
def service(engine: Engine) -> Researching:
    """A service with two items in the queue."""
    return Researching(engine)


def test_the_queue_shows_who_took_an_item_and_since_when(service: Researching) -> None:
    """It stays in the queue, is no longer free, and is found among those taken."""
    answer = service.act("take", author="zoe")
    assert answer.status_code == 200, answer.text
    item = answer.json()["data"]["research"]
    assert (item["state"], item["by"], item["reason"]) == ("taken", "zoe", None)
    assert item["since"] == service.lead(service.one)["updated_at"]
    assert service.queue() == [service.one, service.two]
    assert (service.queue(research="taken"), service.queue(research="free")) == ([service.one], [service.two])


def test_what_is_given_up_leaves_the_queue_with_its_reason(service: Researching) -> None:
    """It is found with its reason, and comes back when somebody opens it again."""
    assert service.act("give_up", author="zoe").json()["code"] == "without_reason"
    item = service.act("give_up", author="zoe", reason="no_such_company").json()["data"]["research"]
    assert (item["state"], item["by"], item["reason"]) == ("given_up", "zoe", "no_such_company")
    assert service.queue() == [service.two]
    assert service.queue(research="given_up") == [service.one]
    assert service.act("reopen", author="max").json()["data"]["research"] is None
    assert service.queue(research="free") == [service.one, service.two]


def test_nobody_takes_what_somebody_else_has(service: Researching) -> None:
    """The second one is told; the first one may ask again; after reopening it is free for both."""
    service.act("take", author="zoe")
    answer = service.act("take", author="max")
    assert (answer.status_code, answer.json()["code"]) == (409, "taken_already")
    assert service.act("take", author="zoe").status_code == 200
    service.act("reopen", author="max")
    assert service.act("take", author="max").json()["data"]["research"]["by"] == "max"


def test_a_contact_ends_the_search(service: Researching) -> None:
    """The item is gone from every part of the queue, and nothing can be done with it."""
    service.act("take", author="zoe")
    service.say({"type": "lead.identified", "lead_id": service.one, "traits": {"email": "boris@firm.example"}})
    assert service.queue() == [service.two]
    lead = service.lead(service.one)
    assert (lead["research"], lead["identification"]) == (None, "contact_known")
    answer = service.act("take", author="max")
    assert (answer.status_code, answer.json()["code"]) == (409, "contact_known")


def test_the_same_act_sent_again_is_one_event(service: Researching) -> None:
    """With an id of its own."""
    first, again = (service.act("take", author="zoe", event_id="r-1").json() for _ in range(2))
    assert first["written"] == again["written"]
    assert service.act("reopen", author="zoe", event_id="r-1").json()["code"] == "event_id_taken"


def test_what_makes_no_sense_is_refused(service: Researching) -> None:
    """A reason without giving up, an unknown act, a part of no queue, a key that may only read, nobody's id."""
    assert service.act("take", reason="x").json()["code"] == "reason_without_use"
    assert service.act("sell").status_code == 422
    assert service.get("/v1/leads", {"research": "taken"}).status_code == 422
    assert service.get("/v1/leads", {"needs": "contact", "research": "lost"}).status_code == 422
    assert service.act("take", key=service.reads_only).status_code in {403, 422}
    assert service.act("take", "ld_zzzz").status_code == 404
