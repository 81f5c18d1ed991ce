"""``GET /v1/leads/near-misses``: fill what it names, and the lead qualifies."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from lead_events.api import near_misses
from lead_events.domain.times import HOUR
from tests.api.conftest import assert_problem
from tests.api.identifying import Identifying
from tests.api.service import MODEL, person, visitor

DOCUMENT = {
    **MODEL,
    "definitions": {
        **MODEL["definitions"],
        "callable": {"all": [{"traits.phone": "present"}, {"scores.behaviour": {"at_least": 40}}]},
    },
}


@pytest.fixture
def service(engine: Engine) -> Identifying:
    """A service with a definition that asks for a phone number."""
    return Identifying(engine, DOCUMENT)


def near(service: Identifying, **asked: Any) -> list[dict[str, Any]]:
    """Return a whole list of near misses."""
    return list(service.pull([("definition", "callable"), *asked.items()], path="/v1/leads/near-misses"))


def test_fill_the_named_trait_and_the_lead_qualifies(service: Identifying) -> None:
    """High behaviour and one field short: a marketer finds the field, and sales gets the lead."""
    service.say(person("anna"), person("anna", "file.downloaded"), person("boris"), visitor("w1"))
    one, two = near(service)
    assert (one["lead"]["email"], one["distance"]) == ("anna@firm.example", 1)
    (step,) = one["missing"]
    assert (step["kind"], step["trait"], step["words"]) == ("fact", "phone", "find phone")
    assert (two["lead"]["email"], two["distance"]) == ("boris@firm.example", 4)
    assert [each["words"] for each in two["missing"]] == ["find phone", "25 more points of behaviour"]
    assert [each["points"] for each in two["missing"]] == [None, 25.0]
    assert service.patch(one["lead"]["id"], {step["trait"]: "+74951234567"}).status_code == 200
    assert service.lead(one["lead"]["id"])["definitions"]["callable"]["met"] is True
    assert [each["lead"]["email"] for each in near(service)] == ["boris@firm.example"]


def test_distance_then_priority_over_pages(service: Identifying, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages go on where the last ended; beyond what is examined at once, each part of the list has its own order."""
    for number in range(5):
        traits = {"phone": f"+7495123456{number}"} if number % 2 else {}
        service.say(*(person(f"p{number}", traits=traits, event_id=f"{number}-{n}") for n in range(number % 3 + 1)))
        service.wait(HOUR)
    whole = near(service)
    keys = [(each["distance"], -each["lead"]["scores"]["behaviour"]) for each in whole]
    assert keys == sorted(keys)
    assert len({each["lead"]["id"] for each in whole}) == 5 - len(list(service.pull([("definition", "callable")])))
    for limit in (1, 2, 3):
        assert near(service, limit=limit) == whole
    answer = service.get("/v1/leads/near-misses", {"definition": "callable", "limit": 2}).json()
    assert (answer["definition"], answer["examined"], answer["has_more"]) == ("callable", 5, True)
    monkeypatch.setattr(near_misses, "EXAMINED", 2)
    parts = near(service, limit=1)
    assert {each["lead"]["id"] for each in parts} == {each["lead"]["id"] for each in whole}
    assert len(parts) == len(whole)


def test_what_cannot_be_listed_is_a_problem(service: Identifying) -> None:
    """An unknown definition, a cursor of something else; without a name the first definition is meant."""
    service.say(person("anna"), person("boris"))
    path = "/v1/leads/near-misses"
    assert "callable" in assert_problem(service.get(path, {"definition": "x"}), 422, "unknown_name")["message"]
    assert_problem(service.get(path, {"cursor": "x"}), 400, "invalid_cursor")
    first = service.get(path, {"limit": 1}).json()
    assert first["definition"] == "ready"
    other = {"cursor": first["next_cursor"], "definition": "callable"}
    assert_problem(service.get(path, other), 400, "cursor_mismatch")
    assert service.get(path, key=service.events_only).status_code == 403


def test_without_definitions_there_is_nothing_to_miss(engine: Engine) -> None:
    """The answer says so."""
    bare = {"scores": MODEL["scores"], "definitions": {}}
    assert_problem(Identifying(engine, bare).get("/v1/leads/near-misses"), 422, "unknown_name")
