"""What operators see over HTTP: parked leads, and quarantined events to release or discard."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from lead_events.domain.times import format_instant
from lead_events.store import log, parked
from lead_events.store.engine import writing
from lead_events.store.parked import Parked
from tests.api.service import BEGIN, Service, person
from tests.logs import arrive


@pytest.fixture
def service(engine: Engine) -> Service:
    """A service with an empty log."""
    return Service(engine)


def test_parked_leads_are_listed_in_pages(service: Service) -> None:
    """Oldest first, each with the event and the reason, over pages without a gap."""
    service.say(*(person(f"p{number}") for number in range(5)))
    with writing(service.engine) as connection:
        parked.save(connection, service.live, [Parked(n, n, f"ValueError: {n}", BEGIN + n // 3, 1) for n in range(1, 6)])
    found = list(service.pull([("limit", 2)], path="/v1/parked"))
    assert [each["position"] for each in found] == [1, 2, 3, 4, 5]
    assert found[0]["lead_id"] == next(lead["id"] for lead in service.pull() if lead["last_name"] == "p0")
    assert (found[0]["error"], found[0]["since"], found[0]["tries"]) == ("ValueError: 1", format_instant(BEGIN), 1)


def test_parked_leads_need_their_scope(service: Service) -> None:
    """``events:read`` is enough; a write key is not."""
    assert service.get("/v1/parked", key=service.events_only).json()["data"] == []
    assert service.get("/v1/parked", key=service.write).status_code == 403
    assert service.get("/v1/parked", {"cursor": "x"}).json()["code"] == "invalid_cursor"


def test_a_quarantined_event_is_seen_and_released(service: Service) -> None:
    """An id with other content waits, sealed but readable here; released it gets a position of its own."""
    service.say(person("anna", event_id="a"), person("boris", event_id="a"), person("clara", event_id="a"))
    boris, clara = service.get("/v1/quarantine").json()["data"]
    assert (boris["event_id"], boris["source"], boris["original_position"], boris["times"]) == ("a", "shop", 1, 1)
    assert (boris["type"], boris["content"]["properties"]) == ("form.submitted", {"form_id": "f"})
    released = service.post(f"/v1/quarantine/{boris['id']}/release")
    assert released.json() == {"kept": "created", "position": 2}
    service.catch_up()
    assert [lead["last_name"] for lead in service.pull()] == ["anna", "boris"]
    assert service.post(f"/v1/quarantine/{clara['id']}/discard").status_code == 204
    assert service.get("/v1/quarantine").json() == {"data": [], "next_cursor": None, "has_more": False}


def test_quarantine_is_read_page_by_page(service: Service) -> None:
    """Every event once, oldest first, also those of one instant and id; what is discarded meanwhile moves no other."""
    service.say(*(person(name, event_id=event_id) for name in ("anna", "boris", "clara", "dora") for event_id in ("a", "b")))
    at_once = [arrive(person(name, event_id="a")) for name in ("emma", "fjodor", "gleb")]
    log.append(service.engine, service.vault, at_once)
    whole = [each["id"] for each in service.pull(path="/v1/quarantine")]
    assert len(set(whole)) == 9
    assert [each["id"] for each in service.pull([("limit", 2)], path="/v1/quarantine")] == whole
    pulled = service.pull(
        [("limit", 3)], path="/v1/quarantine", between=lambda: service.post(f"/v1/quarantine/{whole[2]}/discard")
    )
    assert [each["id"] for each in pulled] == whole
    assert service.get("/v1/quarantine", {"cursor": "x"}).json()["code"] == "invalid_cursor"


def test_releasing_needs_the_admin_scope_and_something_to_release(service: Service) -> None:
    """Reading events is not deciding about them."""
    for act in ("release", "discard"):
        assert service.post(f"/v1/quarantine/x/{act}", key=service.events_only).status_code == 403
        answer = service.post(f"/v1/quarantine/x/{act}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_quarantined")
