"""Everything held about a person, as one document: all of it, nobody else's, however long the history is."""

from __future__ import annotations

import time
import tracemalloc
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from lead_events.api.schemas_personal import PersonalData
from lead_events.store import api_keys
from lead_events.store.api_keys import KeyKind
from lead_events.store.engine import writing
from tests.api.identifying import Identifying
from tests.api.service import person, visitor

MOST_SECONDS = 60


@pytest.fixture
def service(engine: Engine) -> Identifying:
    """A service with the routes of identity."""
    return Identifying(engine)


def ask(service: Identifying, lead_id: str) -> dict[str, Any]:
    """Return the document, checked against its schema."""
    answer = service.get(f"/v1/leads/{lead_id}/personal-data")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    PersonalData.model_validate_json(answer.text)
    found: dict[str, Any] = answer.json()
    return found


def test_everything_that_was_said_about_a_person_is_in_it(service: Identifying) -> None:
    """Identifiers, traits with their origin, events with their sealed parts, logic, changes and who read."""
    service.say(
        visitor("browser-1", "/pricing"),
        person("ada", anonymous_id="browser-1", user_id="u-1", crm_ids={"hubspot": "501"},
            traits={"first_name": "Ada", "phone": "+74951234567"}),
        person("ada", "file.downloaded"),
        person("bob", traits={"first_name": "Bob"}),
    )  # fmt: skip
    lead = service.find(email="ada@firm.example")
    found = ask(service, lead["id"])
    assert found["lead"]["email"] == "ada@firm.example"
    assert {name: len(value) for name, value in found["identifiers"].items()} == {
        "emails": 1, "phones": 1, "user_ids": 1, "crm_ids": 1, "browsers": 1,
    }  # fmt: skip
    assert found["identifiers"]["crm_ids"] == ["hubspot:501"]
    assert [event["type"] for event in found["events"]] == ["file.downloaded", "form.submitted", "page.viewed"]
    assert found["events"][1]["content"]["traits"]["first_name"] == "Ada"
    assert found["traits"]["first_name"]["position"] == found["events"][1]["position"]
    assert found["logic"]["document"]["scores"]["behaviour"]["rules"][0]["id"] == "price"
    assert {rule["rule"]: rule["times"] for rule in found["logic"]["rules_met"]} == {"view": 1, "form": 1, "price": 1}
    assert found["retention"]["retention_class"] == "prospect"
    assert "lead.created" in {change["kind"] for change in found["changes"]}
    assert "Bob" not in orjson.dumps(found).decode()


def test_of_a_shared_browser_only_ones_own_is_shown(service: Identifying) -> None:
    """What the other person did there stays theirs."""
    service.say(
        person("ada", anonymous_id="shared"),
        visitor("shared", "/adas"),
        person("bob", anonymous_id="shared"),
        visitor("shared", "/bobs"),
    )
    texts = {name: orjson.dumps(ask(service, service.find(email=f"{name}@firm.example")["id"])) for name in ("ada", "bob")}
    assert [b"/adas" in texts["ada"], b"/bobs" in texts["ada"], b"bob@" in texts["ada"]] == [True, False, False]
    assert [b"/adas" in texts["bob"], b"/bobs" in texts["bob"], b"ada@" in texts["bob"]] == [False, True, False]


def test_merged_leads_are_one_person(service: Identifying) -> None:
    """Asked for by either id, the answer is the whole person, and says which ids that are."""
    service.say(person("ada"), person("lovelace", "file.downloaded"))
    one, two = (service.find(email=f"{name}@firm.example")["id"] for name in ("ada", "lovelace"))
    service.merge(two, one)
    first, second = ask(service, one), ask(service, two)
    assert first["identifiers"]["emails"] == ["ada@firm.example", "lovelace@firm.example"]
    assert (first["merged"], second["resolved_from"]) == ([two], two)
    assert {event["event_id"] for event in first["events"]} == {event["event_id"] for event in second["events"]}
    assert {event["type"] for event in first["events"]} >= {"form.submitted", "file.downloaded"}


def test_what_waits_in_quarantine_is_part_of_it(service: Identifying) -> None:
    """An event whose id was taken is the person's all the same; another person's is not."""
    service.say(person("ada", event_id="one"), person("bob", event_id="two"))
    for name, event_id in (("ada", "one"), ("bob", "two")):
        service.say(person(name, event_id=event_id, traits={"last_name": f"Other {name}"}))
    (entry,) = ask(service, service.find(email="ada@firm.example")["id"])["quarantine"]
    assert entry["content"]["traits"]["last_name"] == "Other ada"


def test_it_needs_a_scope_of_its_own(service: Identifying) -> None:
    """Reading leads is not enough, and a key without named scopes does not have it."""
    service.say(person("ada"))
    lead_id = service.find(email="ada@firm.example")["id"]
    with writing(service.engine) as connection:
        default, granted = (api_keys.create(connection, KeyKind.SECRET, "shop", scopes)[1] for scopes in ([], ["personal:read"]))
    for key, status in ((service.reads_only, 403), (default, 403), (granted, 200)):
        assert service.get(f"/v1/leads/{lead_id}/personal-data", key=key).status_code == status
    assert service.get("/v1/leads/ld_nobody/personal-data").status_code == 404


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_ten_thousand_events_come_in_time_and_in_little_memory(service: Identifying) -> None:
    """Within 60 seconds of CPU; the answer is written page by page, so that what is held at once does not grow with it."""
    events = [
        person("ada", "file.downloaded", event_id=f"e{n}", traits={"note": f"said {n} " + "x" * 200}) for n in range(10_000)
    ]
    for start in range(0, len(events), 1_000):
        service.append(*events[start : start + 1_000])
    service.catch_up()
    lead_id = service.find(email="ada@firm.example")["id"]
    since = time.process_time()
    found = ask(service, lead_id)
    assert time.process_time() - since < MOST_SECONDS
    assert len({event["event_id"] for event in found["events"]}) == 10_000


def test_the_parts_are_read_while_they_are_sent(service: Identifying) -> None:
    """Memory for the stream of 6 000 events is not three times that of 2 000: pages are let go."""
    from lead_events.api import personal_data

    peaks: list[int] = []
    for last in (2_000, 6_000):
        events = [person("ada", event_id=f"e{n}", traits={"note": "x" * 500}) for n in range(2_000 if peaks else 0, last)]
        service.append(*events)
        service.catch_up()
        with reader_of(service).moment() as moment:
            from lead_events.store import subjects

            founding = moment.founding(service.find(email="ada@firm.example")["id"])
            found = subjects.load(moment.connection, founding, moment.generation.position)
        someone = personal_data._Person(reader_of(service), found, {})
        tracemalloc.start()
        assert sum(len(page) for page in personal_data._events(someone)) == last
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0]


def reader_of(service: Identifying) -> Any:
    """Return what a route would be given."""
    from lead_events.api.deps import Reader

    return Reader(service.engine, service.vault, None, None, {}, None)  # type: ignore[arg-type]
