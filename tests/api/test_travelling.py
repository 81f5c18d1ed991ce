"""Looking at a lead from another instant: as it stood, as it was known, by another model; and nothing changes by looking."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from lead_events.api.schemas_explained import ExplanationAnswer
from lead_events.domain.times import DAY, HOUR, SECOND, Instant, format_instant, parse_instant
from lead_events.domain.wire import admit
from lead_events.store import log
from lead_events.store.envelope import Arrival
from tests.api.conftest import assert_problem
from tests.api.identifying import Identifying
from tests.api.replaying import with_points
from tests.api.service import BEGIN, Service, person, visitor
from tests.world import empty

Answer = dict[str, Any]
Said = tuple[str, str, str | None, dict[str, Any], int]

SAID = st.tuples(
    st.sampled_from(["anna", "boris"]),
    st.sampled_from(["form.submitted", "file.downloaded", "page.viewed", "email.unsubscribed", "lead.accepted"]),
    st.sampled_from([None, "w1", "w2"]),
    st.sampled_from([{}, {}, {"job_title": "Director"}, {"job_title": "Clerk"}]),
    st.integers(0, 20 * 24),
)
"""Who, what, by which browser, saying what of themselves, how many hours ago."""


ACTS = ("nothing", "nothing", "merge", "stage", "score")


@pytest.fixture
def service(engine: Engine) -> Service:
    """A service with an empty log."""
    return Service(engine)


def check_sums(explanation: Answer) -> None:
    """Check that the contributions to each score sum, to the hundredth, to what is shown."""
    totals = {score["name"]: Decimal() for score in explanation["scores"]}
    for each in explanation["contributions"]:
        totals[each["score"]] += Decimal(str(each["value"]))
    assert totals == {score["name"]: Decimal(str(score["value"] or 0)) for score in explanation["scores"]}


def look(service: Service, lead_id: str, **asked: Any) -> tuple[Answer, Answer]:
    """Return a lead and its explanation from somewhere; they say the same, and the explanation sums to it."""
    asked = {name: format_instant(value) if name != "model" else value for name, value in asked.items()}
    lead, score = (service.get(f"/v1/leads/{lead_id}{part}", asked) for part in ("", "/score"))
    assert (lead.status_code, score.status_code) == (200, 200), lead.text + score.text
    shown, explained = lead.json(), ExplanationAnswer.model_validate_json(score.content).model_dump()
    assert shown["as_of"] == explained["as_of"]
    assert shown["position"] == explained["position"]
    assert {each["name"]: each["value"] for each in explained["data"]["scores"]} == shown["data"]["scores"]
    check_sums(explained["data"])
    return shown, explained


def test_a_lead_as_it_stood(service: Service) -> None:
    """What happened after the instant does not count, and decay has run only so far."""
    service.say(person("anna", traits={"job_title": "Director"}))
    asked_at = service.now + HOUR
    service.wait(2 * HOUR)
    service.say(person("anna", "file.downloaded"), person("anna", "lead.accepted"))
    lead_id = next(service.pull())["id"]
    then, explained = look(service, lead_id, as_of=asked_at)
    assert (then["data"]["stage"], then["data"]["scores"]) == ("lead", {"behaviour": 14.99, "fit": 20.0})
    assert (then["data"]["events"], then["data"]["position"], then["as_of"]) == (1, 1, format_instant(asked_at))
    assert [each["rule"] for each in explained["data"]["contributions"]] == ["form", "boss"]
    assert [move["stage"] for move in then["data"]["history"]] == ["lead"]
    now = service.get(f"/v1/leads/{lead_id}").json()["data"]
    assert (now["stage"], now["events"]) == ("sal", 3)


def test_late_events_count_as_known_now_and_not_as_known_then(service: Service) -> None:
    """Two clocks: when it happened, and when it was known."""
    service.say(person("anna"))
    then = service.now + HOUR
    service.wait(DAY)
    service.say(person("anna", "file.downloaded", occurred_at=format_instant(then - SECOND)))
    (lead,) = service.pull()
    assert look(service, lead["id"], as_of=then)[0]["data"]["scores"]["behaviour"] == 44.99
    assert look(service, lead["id"], as_of=then, known_at=then)[0]["data"]["scores"]["behaviour"] == 14.99
    known_later = look(service, lead["id"], as_of=then, known_at=service.now)[0]["data"]
    assert known_later["scores"]["behaviour"] == 44.99


def test_decay_is_previewed_up_to_a_year(service: Service) -> None:
    """Ahead of the present only time passes: scores fade, and moves that time causes are made."""
    service.say(person("anna"), person("anna", "file.downloaded"))
    (lead,) = service.pull()
    assert lead["stage"] == "mql"
    ahead, explained = look(service, lead["id"], as_of=service.now + 30 * DAY)
    assert (ahead["data"]["scores"]["behaviour"], ahead["data"]["stage"]) == (22.5, "lead")
    assert ahead["data"]["history"][-1]["reason"] == "cooled"
    cools_at = [each["cools_at"] for each in explained["data"]["scores"][0]["thresholds"] if each["reached"]]
    assert len(cools_at) == 1
    assert cools_at[0] > ahead["as_of"]
    beyond = service.get(f"/v1/leads/{lead['id']}", {"as_of": format_instant(service.now + 367 * DAY)})
    assert "366" in assert_problem(beyond, 422, "invalid_parameter")["message"]


def test_cools_at_is_when_travelling_there_shows_less(service: Service) -> None:
    """Each threshold is reached up to the microsecond before, and no longer at the instant that was named."""
    service.say(person("anna"), person("anna", "file.downloaded"))
    (lead,) = service.pull()
    for threshold in look(service, lead["id"], as_of=service.now)[1]["data"]["scores"][0]["thresholds"]:
        for shift, reached in ((-1, True), (0, False)):
            at = parse_instant(threshold["cools_at"]) + shift
            found = look(service, lead["id"], as_of=at)[1]["data"]["scores"][0]["thresholds"]
            assert [each["reached"] for each in found if each["points"] == threshold["points"]] == [reached]


def test_nothing_known_yet_is_said_clearly(service: Service) -> None:
    """Before its first event there is no lead, and the answer says since when there is one."""
    service.say(person("anna"))
    (lead,) = service.pull()
    for path in (f"/v1/leads/{lead['id']}", f"/v1/leads/{lead['id']}/score"):
        before = service.get(path, {"as_of": format_instant(service.now - HOUR)})
        assert format_instant(service.now) in assert_problem(before, 404, "nothing_known_yet")["message"]
        assert_problem(service.get(path, {"known_at": format_instant(service.now - 1)}), 404, "not_known_then")


@pytest.mark.parametrize(
    ("asked", "code", "says"),
    [
        ({"as_of": "yesterday"}, "invalid_parameter", "?as_of"),
        ({"as_of": "2026-05-03T12:00:00"}, "invalid_parameter", "offset"),
        ({"as_of": "1999-05-03T12:00:00Z"}, "invalid_parameter", "2000"),
        ({"known_at": "2199-05-03T12:00:00Z"}, "invalid_parameter", "present"),
        ({"model": 7}, "unknown_model", "1"),
        ({"model": 0}, "invalid_request", "model"),
        ({"model": "x"}, "invalid_request", "model"),
    ],
)
def test_what_cannot_be_looked_at_is_a_problem(service: Service, asked: Answer, code: str, says: str) -> None:
    """The answer says which parameter is wrong and what would do."""
    service.say(person("anna"))
    (lead,) = service.pull()
    for path in (f"/v1/leads/{lead['id']}", f"/v1/leads/{lead['id']}/score"):
        assert says in str(assert_problem(service.get(path, asked), 422, code))
    assert_problem(service.get("/v1/leads/ld_00000000000000000000000000", {"as_of": "2026-11-21T12:00:00Z"}), 404, "unknown_lead")


def test_any_published_model_can_be_asked(engine: Engine) -> None:
    """The same events under another model, as it was or as it is."""
    service = Identifying(engine)
    service.say(person("anna"))
    (lead,) = service.pull()
    number = service.publish(with_points("form", 40))
    found, explained = look(service, lead["id"], model=number)
    assert (found["data"]["scores"]["behaviour"], found["data"]["stage"], explained["data"]["model"]) == (40.0, "mql", number)
    assert look(service, lead["id"], model=1)[0]["data"] == service.lead(lead["id"])


def test_what_was_shown_then_was_by_the_model_live_then(engine: Engine) -> None:
    """After a promotion and a rollback, every number that was ever shown is shown again."""
    service = Identifying(engine)
    service.say(person("anna"))
    (lead,) = service.pull()
    shown = [(service.now, service.lead(lead["id"]))]
    generation_id = service.replayed(with_points("form", 40))
    assert service.post(f"/v1/generations/{generation_id}/promote", {}).status_code == 200
    service.catch_up()
    service.wait(HOUR)
    shown.append((service.now, service.lead(lead["id"])))
    assert service.post("/v1/generations/rollback", {}).status_code == 200
    service.wait(HOUR)
    shown.append((service.now, service.lead(lead["id"])))
    assert [each["scores"]["behaviour"] for _, each in shown] == [15.0, 39.96, 14.97]
    for at, was in shown:
        assert look(service, lead["id"], known_at=at)[0]["data"] == was


def import_event(service: Service, body: Answer) -> None:
    """Append an event as an import does: received now, and known since it says."""
    service.now += SECOND
    admitted = admit(body, arrival=service.now, trusted=True, phone_region=None, new_event_id=lambda: f"i-{service.now}")
    log.append(service.engine, service.vault, [Arrival(1, admitted, service.now)])
    service.catch_up()


def test_imported_events_count_from_when_they_were_known(service: Service) -> None:
    """What the old system knew in May was known in May, although it came to this log in November."""
    may, june = BEGIN - 200 * DAY, BEGIN - 170 * DAY
    known = {"occurred_at": format_instant(may), "known_at": format_instant(may + DAY)}
    import_event(service, person("anna", **known))
    import_event(service, person("anna", "file.downloaded", occurred_at=format_instant(may), known_at=format_instant(june)))
    service.say(person("anna", "file.downloaded", occurred_at=format_instant(may)))
    (lead,) = service.pull()
    events = [
        look(service, lead["id"], known_at=at)[0]["data"]["events"] for at in (may + DAY, june, service.now - 1, service.now)
    ]
    assert events == [1, 2, 2, 3]
    before = service.get(f"/v1/leads/{lead['id']}", {"known_at": format_instant(may + DAY - 1)})
    assert_problem(before, 404, "not_known_then")


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(said=st.lists(SAID, min_size=1, max_size=8), after=st.integers(0, 20 * 24))
def test_travelling_shows_what_a_live_service_would_have_shown(emptiable: Engine, said: list[Said], after: int) -> None:
    """A service that heard of everything the instant it happened shows, at an instant, what travelling there shows."""
    ever = told(emptiable, [(BEGIN + 21 * DAY, each, BEGIN + each[4] * HOUR) for each in said])
    at = BEGIN + after * HOUR + HOUR // 2
    travelled = {}
    for name in ("anna", "boris"):
        lead_id = find(ever, name)
        answer = ever.get(f"/v1/leads/{lead_id}", {"as_of": format_instant(at)}) if lead_id else None
        travelled[name] = comparable(answer.json()["data"]) if answer is not None and answer.status_code == 200 else None
        if travelled[name]:
            look(ever, str(lead_id), as_of=at)
    happened = sorted(((BEGIN + each[4] * HOUR, each) for each in said), key=lambda pair: pair[0])
    then = told(emptiable, [(when, each, when) for when, each in happened if when <= at])
    then.wait(at - then.now)
    for name in ("anna", "boris"):
        lead_id = find(then, name)
        live = comparable(then.get(f"/v1/leads/{lead_id}").json()["data"]) if lead_id else None
        assert travelled[name] == live, name


def emptied(engine: Engine) -> Engine:
    """Empty a database, for a log of its own."""
    with engine.begin() as connection:
        empty(connection)
    return engine


def told(engine: Engine, arrivals: list[tuple[Instant, Said, Instant]]) -> Service:
    """Return a service that took in events of people with one name each, at these arrivals, of these times."""
    service = Service(emptied(engine))
    for arrival, (name, type_name, _, traits, _), at in arrivals:
        service.now = max(arrival - SECOND, service.now)
        service.say(person(name, type_name, traits=traits, occurred_at=format_instant(at)))
    return service


def find(service: Service, name: str) -> str | None:
    """Return the id of a person, if known."""
    (found,) = service.get("/v1/leads/lookup", {"email": f"{name}@firm.example"}).json()["data"]
    return None if found["lead"] is None else str(found["lead"]["id"])


def comparable(lead: Answer) -> Answer:
    """Leave out what another order of arrival must change: names and places in the log, and when it was told."""
    history = [{**move, "position": None} for move in lead["history"]]
    consent = {subject: {**said, "position": None} for subject, said in lead["consent"].items()}
    return {**lead, "history": history, "consent": consent, "id": None, "position": None, "updated_at": None}


@settings(max_examples=12, suppress_health_check=list(HealthCheck))
@given(said=st.lists(SAID, min_size=2, max_size=8), acts=st.lists(st.sampled_from(ACTS), min_size=8, max_size=8))
def test_known_then_is_what_was_answered_then(emptiable: Engine, said: list[Said], acts: list[str]) -> None:
    """Every answer a live service ever gave is given again, byte for byte, after late events, claims and merges."""
    service = Identifying(emptied(emptiable))
    service.app.state.wait_seconds = 0.0  # nothing projects but the test
    answers = [answer for each, act in zip(said, acts, strict=False) for answer in live_answers(service, each, act)]
    assert answers
    for lead_id, at, shown, explained in answers:
        asked = {"known_at": format_instant(at)}
        assert service.get(f"/v1/leads/{lead_id}", asked).json() == shown
        assert service.get(f"/v1/leads/{lead_id}/score", asked).json() == explained


def live_answers(service: Identifying, said: Said, act: str) -> Iterator[tuple[str, Instant, Answer, Answer]]:
    """Let one thing be said, perhaps merge, part or override somebody, and return what is answered of every lead."""
    name, type_name, browser, traits, hours_ago = said
    at = format_instant(service.now - hours_ago * HOUR)
    service.say(visitor("w1", occurred_at=at), person(name, type_name, anonymous_id=browser, traits=traits, occurred_at=at))
    service.wait(8 * HOUR)
    ids = [lead["id"] for lead in service.pull([("stage", stage) for stage in ("visitor", "lead", "mql", "sal")])]
    if act != "nothing" and ids:
        until = format_instant(service.now + 20 * HOUR)
        asked = {"reason": "x", "expires_at": until, **({"stage": "sal"} if act == "stage" else {"score": "fit", "value": 7})}
        assert service.post(f"/v1/leads/{ids[0]}/override", asked).status_code == 202
        service.catch_up()
    if act == "merge" and len(ids) > 1:
        done = service.post(f"/v1/leads/{ids[0]}/merge", {"into": ids[1]})
        if done.status_code != 200:
            service.post(f"/v1/leads/{ids[0]}/unmerge", {"into": ids[1]})
        service.catch_up()
    ids = [lead["id"] for lead in service.pull([("stage", stage) for stage in ("visitor", "lead", "mql", "sal")])]
    for lead_id in ids:
        shown, explained = (service.get(f"/v1/leads/{lead_id}{part}").json() for part in ("", "/score"))
        yield lead_id, parse_instant(shown["as_of"]), shown, explained
