"""What happened to a lead, newest first: its own events as they were sent, and the stage moves they caused."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from lead_events.domain.times import DAY, format_instant
from lead_events.store import parked
from lead_events.store.engine import writing
from tests.api.service import BEGIN, Service, person, visitor


@pytest.fixture
def service(engine: Engine) -> Service:
    """A service with an empty log."""
    return Service(engine)


def short(items: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Write a timeline short."""
    return [
        (each["type"], each["position"]) if each["kind"] == "event" else (each["old"], each["new"], each["position"])
        for each in items
    ]


def anna(service: Service) -> str:
    """Return the id of the one lead with a contact."""
    (lead,) = service.pull()
    return str(lead["id"])


def test_events_and_moves_stand_newest_first_by_when_they_happened(service: Service) -> None:
    """A late event stands where it happened; moves stand above the event that caused them, those of time alone."""
    service.say(person("anna", anonymous_id="w1"), person("anna", "file.downloaded"))
    service.say(visitor("w1", occurred_at=format_instant(BEGIN)))
    service.wait(60 * DAY)
    timeline = service.get(f"/v1/leads/{anna(service)}/timeline").json()
    assert short(timeline["data"]) == [
        ("mql", "lead", None),
        ("lead", "mql", 2), ("file.downloaded", 2),
        ("visitor", "lead", 1), ("form.submitted", 1),
        ("page.viewed", 3),
    ]  # fmt: skip
    assert (timeline["data"][0]["reason"], timeline["position"], timeline["has_more"]) == ("cooled", 3, False)


def test_an_event_is_shown_as_it_was_sent(service: Service) -> None:
    """Personal values are there for those who may read leads, with the source, the author and the page."""
    page = {"url": "https://shop.example/a?token=secret", "path": "/a"}
    service.say(
        person("anna", "lead.noted", properties={"text": "Call in spring"}, author="boris", event_id="n-1"),
        person("anna", "page.viewed", context={"page": page, "campaign": {"source": "mail"}}),
    )
    events = [each for each in service.get(f"/v1/leads/{anna(service)}/timeline").json()["data"] if each["kind"] == "event"]
    viewed, note = events
    assert viewed["context"] == {"page": page, "campaign": {"source": "mail"}}
    assert (note["event_id"], note["author"], note["source"]) == ("n-1", "boris", "shop")
    assert (note["properties"], note["traits"]) == ({"text": "Call in spring"}, {"email": "anna@firm.example"})
    assert note["at"] == note["received_at"] == format_instant(BEGIN + 1_000_000)


def test_only_the_leads_own_events_are_shown(service: Service) -> None:
    """On a shared browser, each person sees what is theirs, whatever came first."""
    service.say(visitor("w1"), person("anna", anonymous_id="w1"), visitor("w1"))
    service.say(person("boris", anonymous_id="w1"), visitor("w1"))
    found = {lead["last_name"]: service.get(f"/v1/leads/{lead['id']}/timeline").json()["data"] for lead in service.pull()}
    events = {name: [each["position"] for each in items if each["kind"] == "event"] for name, items in found.items()}
    assert events == {"anna": [3, 2, 1], "boris": [5, 4]}


def test_pages_of_a_timeline_are_the_whole_timeline(service: Service) -> None:
    """Whatever the page size, and with events at equal times, nothing is skipped and nothing shown twice."""
    same = {"occurred_at": format_instant(BEGIN)}
    service.say(person("anna", anonymous_id="w1", **same), *(visitor("w1", **same) for _ in range(4)))
    service.say(person("boris", anonymous_id="w1"), *(visitor("w1") for _ in range(4)), person("anna", "file.downloaded"))
    service.wait(60 * DAY)
    lead_id = next(lead["id"] for lead in service.pull() if lead["last_name"] == "anna")
    path = f"/v1/leads/{lead_id}/timeline"
    whole = service.get(path).json()["data"]
    assert len(whole) == 9
    for limit in (1, 2, 3, 8, 9):
        assert list(service.pull([("limit", limit)], path=path)) == whole


def test_a_cursor_of_another_timeline_is_refused(service: Service) -> None:
    """A cursor goes on in the timeline it came from."""
    service.say(person("anna"), person("anna"), person("boris"))
    anna_id, boris_id = (lead["id"] for lead in service.pull())
    cursor = service.get(f"/v1/leads/{anna_id}/timeline", {"limit": 1}).json()["next_cursor"]
    answer = service.get(f"/v1/leads/{boris_id}/timeline", {"cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_mismatch")
    assert service.get(f"/v1/leads/{anna_id}/timeline", {"cursor": "x"}).json()["code"] == "invalid_cursor"


def test_a_skipped_event_says_so(service: Service) -> None:
    """What an operator left out of every fold is still what happened."""
    service.say(person("anna"), person("anna", "file.downloaded"))
    with writing(service.engine) as connection:
        parked.skip(connection, 2, "a robot", BEGIN)
    events = [each for each in service.get(f"/v1/leads/{anna(service)}/timeline").json()["data"] if each["kind"] == "event"]
    assert [(each["position"], each["skipped"]) for each in events] == [(2, True), (1, False)]
