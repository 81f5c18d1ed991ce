"""Whom an identifier belongs to now: every kind, many at once, spelled as the door would take it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from tests.api.service import Service, person, visitor


@pytest.fixture
def service(engine: Engine) -> Service:
    """Anna by every kind of identifier, Boris on her browser later, and an unknown visitor."""
    service = Service(engine)
    service.say(visitor("w1"), visitor("w2"))
    ids: dict[str, Any] = {"user_id": "u-1", "crm_ids": {"hubspot": "501"}}
    service.say(person("anna", anonymous_id="w1", traits={"phone": "+74951234567"}, **ids), person("boris", anonymous_id="w1"))
    return service


def look_up(service: Service, *identifiers: dict[str, Any]) -> list[str | None]:
    """Return who each identifier belongs to."""
    answer = service.post("/v1/leads/lookup", {"identifiers": list(identifiers)})
    assert answer.status_code == 200, answer.text
    found = answer.json()["data"]
    assert [{k: v for k, v in each["identifier"].items() if v is not None} for each in found] == list(identifiers)
    return [each["lead"] and (each["lead"]["last_name"] or each["lead"]["stage"]) for each in found]


def test_every_kind_of_identifier_finds_its_lead(service: Service) -> None:
    """Spelled as in events, normalised alike; a browser belongs to whom it was claimed for last."""
    assert look_up(
        service,
        {"email": " ANNA@firm.example "},
        {"phone": "+7 (495) 123-45-67"},
        {"user_id": "u-1"},
        {"crm_id": {"hubspot": "501"}},
        {"anonymous_id": "w1"},
        {"anonymous_id": "w2"},
        {"email": "boris@firm.example"},
    ) == ["anna", "anna", "anna", "anna", "boris", "visitor", "boris"]


def test_what_nobody_has_is_null(service: Service) -> None:
    """Unknown identifiers, of another system, or that cannot be anybody's, are null and no error."""
    unknown: list[dict[str, Any]] = [
        {"email": "clara@firm.example"}, {"crm_id": {"salesforce": "501"}}, {"user_id": "501"}, {"anonymous_id": "anna"},
        {"lead_id": "ld_000000000100000000"}, {"lead_id": "x"}, {"email": "no address"}, {"user_id": ""}, {"phone": "1"},
        {"crm_id": {"HUB": "501"}}, {"user_id": 10**30},
    ]  # fmt: skip
    assert look_up(service, *unknown) == [None] * len(unknown)
    answer = service.post("/v1/leads/lookup", {"identifiers": [{"email": "no address"}]}).json()
    assert answer["data"][0]["problem"] == "/email: this is not an e-mail address."


def test_a_lead_id_finds_the_lead_that_owns_its_events(service: Service) -> None:
    """Old ids of visitors that became somebody resolve."""
    (ghost,) = (lead for lead in service.pull([("stage", "visitor")]) if not lead["merged_into"])
    service.say(person("clara"), person("clara", anonymous_id="w2"))
    assert look_up(service, {"lead_id": ghost["id"]}, {"anonymous_id": "w2"}) == ["clara", "clara"]


def test_the_form_for_tools_that_can_only_get(service: Service) -> None:
    """One query parameter per kind; a plus that was not encoded is forgiven; the answer looks the same."""
    for query in ("email=anna@firm.example", "phone=+74951234567", "phone=%2B74951234567", "crm_id=hubspot:501", "user_id=u-1"):
        answer = service.get(f"/v1/leads/lookup?{query}").json()
        assert [each["lead"]["last_name"] for each in answer["data"]] == ["anna"], query
    assert service.get("/v1/leads/lookup?email=clara@firm.example").json()["data"][0]["lead"] is None
    assert service.get("/v1/leads/lookup").status_code == 422


MALFORMED: list[dict[str, Any]] = [
    {},
    {"identifiers": []},
    {"identifiers": [{}]},
    {"identifiers": [{"email": "a@b.cd", "user_id": "1"}]},
    {"identifiers": [{"crm_id": {"a": "1", "b": "2"}}]},
    {"identifiers": [{"name": "Anna"}]},
    {"identifiers": [{"email": ["a@b.cd"]}]},
    {"identifiers": [{"user_id": "1"}] * 1_001},
]


def test_a_malformed_question_is_422(service: Service) -> None:
    """What cannot be one to a thousand identifiers is refused, with the place named."""
    for body in MALFORMED:
        answer = service.post("/v1/leads/lookup", body)
        assert answer.status_code == 422, body
        assert "identifiers" in answer.json()["message"]


def test_hostile_texts_are_never_a_500(service: Service) -> None:
    """NUL, lone surrogates and broken JSON get a 4xx or nobody, on both databases."""
    half = rb'"\ud800"'
    texts = (b'{"user_id": %b}', b'{"crm_id": {"a": %b}}', b'{"crm_id": {%b: "1"}}', b'{"crm_id": {%b: []}}', b"{%b: 1}", b"%b")
    for raw in (*(b'{"identifiers": [%b]}' % (text % half) for text in texts), b'{"identifiers": "\xff"}', b"{", b"[]", b"\xff"):
        headers = {"Authorization": f"Bearer {service.secret}", "Content-Type": "application/json"}
        answer = service.ask("POST", "/v1/leads/lookup", content=raw, headers=headers)
        assert 400 <= answer.status_code < 500, raw
    assert look_up(service, {"user_id": "\0"}, {"anonymous_id": "\0"}, {"crm_id": {"hubspot": "\0"}}) == [None] * 3


def test_a_thousand_at_once(service: Service) -> None:
    """A whole page of a CRM is one question."""
    many = [{"email": f"x{number}@firm.example"} for number in range(999)]
    assert look_up(service, *many, {"email": "anna@firm.example"})[-2:] == [None, "anna"]
