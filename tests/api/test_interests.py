"""Interests per topic over HTTP: of one lead, and of a company's people together."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine

from lead_events.domain.times import DAY
from tests.api.identifying import Identifying
from tests.api.service import MODEL, person, visitor

TOPICS: dict[str, Any] = {
    "crm": {"when": {"type": "page.viewed", "context.page.path": {"glob": "/crm*"}}, "half_life": "10d"},
    "prices": {"when": [{"type": "file.downloaded"}, {"type": "page.viewed", "context.page.path": {"glob": "/pric*"}}]},
}


def test_a_lead_and_its_company_show_what_they_are_interested_in(engine: Engine) -> None:
    """Counts fade exactly to the instant of the answer; a company's are those of its people together."""
    service = Identifying(engine, {**MODEL, "topics": TOPICS})
    service.say(
        visitor("v", "/crm"), visitor("v", "/crm/2"), person("anna", anonymous_id="v"), person("boris", "file.downloaded")
    )
    service.wait(10 * DAY)
    anna = service.find(email="anna@firm.example")
    assert anna["interests"] == [{"topic": "crm", "count": 1.0}]
    assert service.find(email="boris@firm.example")["interests"] == [{"topic": "prices", "count": 1.0}]
    service.say(person("boris", "file.downloaded"))
    found = service.get("/v1/companies/firm.example").json()["data"]
    assert found["interests"] == [{"topic": "prices", "count": 2.0}, {"topic": "crm", "count": 1.0}]


def test_a_model_without_topics_has_no_interests(engine: Engine) -> None:
    """The lists are empty, not missing."""
    service = Identifying(engine)
    service.say(person("anna"))
    assert service.find(email="anna@firm.example")["interests"] == []
    assert service.get("/v1/companies/firm.example").json()["data"]["interests"] == []
