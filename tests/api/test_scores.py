"""Why a lead scores what it scores: the explanation and the list say the same, to the hundredth."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from lead_events.domain.times import DAY, HOUR, format_instant
from lead_events.store import schema
from lead_events.store.engine import writing
from tests.api.service import Service, person, visitor


@pytest.fixture
def service(engine: Engine) -> Service:
    """A service with an empty log."""
    return Service(engine)


def sums(explanation: dict[str, Any]) -> dict[str, Decimal]:
    """Add up the contributions to each score."""
    totals = {score["name"]: Decimal() for score in explanation["scores"]}
    for each in explanation["contributions"]:
        totals[each["score"]] += Decimal(str(each["value"]))
    return totals


def test_contributions_name_event_rule_points_cut_and_decay(service: Service) -> None:
    """Each contribution says which event earned what by which rule, what a limit or cap took, and what is left."""
    download = person("anna", "file.downloaded")
    service.say(*(visitor("w1") for _ in range(3)), person("anna", anonymous_id="w1", traits={"job_title": "Director"}))
    service.say(*({**download, "event_id": f"d-{number}"} for number in range(3)))
    service.wait(30 * DAY - HOUR)
    (lead,) = service.pull()
    answer = service.get(f"/v1/leads/{lead['id']}/score").json()
    explanation = answer["data"]
    assert (answer["as_of"], answer["position"]) == (format_instant(service.now), 7)
    assert sums(explanation) == {name: Decimal(str(value)) for name, value in lead["scores"].items()}
    names = ("rule", "position", "credited", "cut", "cut_by")
    given = [tuple(each[name] for name in names) for each in explanation["contributions"]]
    assert [each[:2] for each in given] == [
        ("view", 1), ("view", 2), ("view", 3), ("form", 4), ("boss", 4), ("price", 5), ("price", 6), ("price", 7),
    ]  # fmt: skip
    assert given[2][2:] == (2.0, 3.0, "rule cap")
    assert given[7][2:] == (0.0, 30.0, "limit")
    assert explanation["contributions"][5]["event_id"] == "d-0"
    assert explanation["contributions"][5]["decay"] == pytest.approx(0.5, abs=0.001)
    assert explanation["summary"][0].startswith("+60 price: 2 times, last downloaded price-list.pdf on 2026-11-21, now 30.0")
    assert len(explanation["summary"]) == 4
    behaviour = explanation["scores"][0]
    assert (behaviour["half_life_seconds"], behaviour["cap"], behaviour["missing"]) == (30 * 86_400, 200, [])
    assert [(each["points"], each["reached"]) for each in behaviour["thresholds"]] == [(10, True), (40, True)]
    assert all(each["cools_at"] > answer["as_of"] for each in behaviour["thresholds"])


def test_one_score_can_be_asked_for(service: Service) -> None:
    """With ``?score=`` only that score is explained; an unknown name is told which there are."""
    service.say(person("anna", traits={"job_title": "Director"}))
    (lead,) = service.pull()
    explanation = service.get(f"/v1/leads/{lead['id']}/score", {"score": "fit"}).json()["data"]
    assert [score["name"] for score in explanation["scores"]] == ["fit"]
    assert {each["score"] for each in explanation["contributions"]} == {"fit"}
    assert explanation["summary"] == ["+20 boss: job_title = Director on 2026-11-21"]
    answer = service.get(f"/v1/leads/{lead['id']}/score", {"score": "x"})
    assert (answer.status_code, "behaviour, fit" in answer.json()["message"]) == (422, True)


def test_an_unknown_score_names_the_traits_it_needs(service: Service) -> None:
    """Null is explained by what nobody said yet."""
    service.say(person("anna"))
    (lead,) = service.pull()
    fit = service.get(f"/v1/leads/{lead['id']}/score").json()["data"]["scores"][1]
    assert (fit["value"], fit["missing"]) == (None, ["job_title"])
    assert [(each["reached"], each["cools_at"]) for each in fit["thresholds"]] == [(False, None)]


def test_a_parked_lead_is_explained_as_far_as_it_was_folded(service: Service) -> None:
    """Behind the event that cannot be folded nothing counts, in the row and in its explanation."""
    service.say(person("anna"))
    service.append(person("anna", "file.downloaded"), person("anna"))
    with writing(service.engine) as connection:
        spoil(connection)
    service.catch_up()
    (lead,) = service.pull()
    assert (lead["parked"], lead["scores"]["behaviour"]) == (True, 15.0)
    assert sums(service.get(f"/v1/leads/{lead['id']}/score").json()["data"])["behaviour"] == Decimal(15)
    timeline = service.get(f"/v1/leads/{lead['id']}/timeline").json()["data"]
    assert [each["readable"] for each in timeline if each["kind"] == "event"] == [True, False, True]


def spoil(connection: Any) -> None:
    """Make the second event unreadable: it claims a schema version from the future."""
    for name in _triggers(connection):
        drop = f"DROP TRIGGER {name} ON events" if connection.dialect.name == "postgresql" else f"DROP TRIGGER {name}"
        connection.exec_driver_sql(drop)
    connection.execute(update(schema.events).where(schema.events.c.position == 2).values(version=99))


def _triggers(connection: Any) -> list[str]:
    catalogue = {
        "postgresql": "SELECT tgname FROM pg_trigger WHERE tgrelid = 'events'::regclass AND NOT tgisinternal",
        "sqlite": "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'",
    }
    return [row[0] for row in connection.exec_driver_sql(catalogue[connection.dialect.name])]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["anna", "boris"]),
        st.sampled_from(["form.submitted", "file.downloaded", "page.viewed", "email.unsubscribed"]),
        st.sampled_from([None, None, "w1"]),
        st.sampled_from([{}, {}, {"job_title": "Director"}, {"job_title": "Clerk"}]),
        st.integers(0, 20 * 24),
    ),
    max_size=8,
)


@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(acts=ACTS)
def test_every_explanation_sums_to_what_the_list_shows(service: Service, acts: list[tuple[Any, ...]]) -> None:
    """Over random histories, one after another in the same log, with late events, limits, caps and taken-back traits."""
    for name, type_name, browser, traits, hours_ago in acts:
        at = format_instant(service.now - hours_ago * HOUR)
        service.say(person(name, type_name, anonymous_id=browser, traits=traits, occurred_at=at), visitor("w1"))
    service.wait(DAY)
    leads = service.pull([("stage", "visitor"), ("stage", "lead"), ("stage", "mql"), ("limit", 3)])
    assert any(lead["scores"]["behaviour"] for lead in leads) or not acts
    for lead in leads:
        explanation = service.get(f"/v1/leads/{lead['id']}/score").json()["data"]
        if lead["merged_into"] is None:
            assert {score["name"]: score["value"] for score in explanation["scores"]} == lead["scores"]
            assert sums(explanation) == {name: Decimal(str(value or 0)) for name, value in lead["scores"].items()}


@pytest.mark.parametrize("points", [0.0005, 1.0])
def test_a_half_life_of_ages_stops_nobody(engine: Engine, points: float) -> None:
    """When the score cools lies beyond what a calendar writes, or a column holds; it is shown as never."""
    document = {
        "scores": {
            "b": {"half_life": "999999w", "rules": [{"id": "file", "when": {"type": "file.downloaded"}, "points": 30}]},
        },
        "definitions": {"d": {"scores.b": {"at_least": points}}},
    }
    service = Service(engine, document)
    service.say(person("anna", "file.downloaded"))
    (lead,) = service.get("/v1/leads").json()["data"]
    assert (lead["scores"], lead["definitions"]["d"]["met"]) == ({"b": 30.0}, True)
    (score,) = service.get(f"/v1/leads/{lead['id']}/score").json()["data"]["scores"]
    assert score["thresholds"] == [{"points": points, "reached": True, "cools_at": None}]
