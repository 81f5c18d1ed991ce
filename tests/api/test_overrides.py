"""A person knows better than the machine: shown apart, followed everywhere, and undone at the instant it expires."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from lead_events.domain.times import DAY, HOUR, format_instant
from tests.api.conftest import assert_problem
from tests.api.identifying import Identifying
from tests.api.service import person
from tests.histories import LANGUAGE, MODEL, START, Said, logs
from tests.world import World


@pytest.fixture
def service(engine: Engine) -> Identifying:
    """A service with an empty log."""
    return Identifying(engine)


def override(service: Identifying, lead_id: str, **asked: Any) -> dict[str, Any]:
    """Override something and let the projector take it in."""
    answer = service.post(f"/v1/leads/{lead_id}/override", {"reason": "met at the fair", "author": "vera", **asked})
    assert answer.status_code in {200, 202}, answer.text
    service.catch_up()
    return service.lead(lead_id)


def explain(service: Identifying, lead_id: str, **asked: str) -> dict[str, Any]:
    """Return an explanation whose contributions sum to what is shown."""
    found: dict[str, Any] = service.get(f"/v1/leads/{lead_id}/score", asked).json()["data"]
    for score in found["scores"]:
        mine = [Decimal(str(each["value"])) for each in found["contributions"] if each["score"] == score["name"]]
        assert sum(mine) == Decimal(str(score["value"] or 0)), score
    return found


def ready(service: Identifying) -> list[str]:
    """Return who meets the definition."""
    return [lead["id"] for lead in service.pull([("definition", "ready")])]


def test_an_overridden_score_counts_everywhere_and_both_are_shown(service: Identifying) -> None:
    """Lists, definitions, temperature and stage follow the person; the machine's points stand beside."""
    service.say(person("anna"), person("boris"))
    anna = service.find(email="anna@firm.example")["id"]
    lead = override(service, anna, score="behaviour", value=80, expires_at=format_instant(service.now + 10 * DAY))
    assert (lead["scores"]["behaviour"], lead["stage"], lead["temperature"], ready(service)) == (80.0, "mql", "hot", [anna])
    (shown,) = lead["overrides"]
    assert {name: shown[name] for name in ("score", "value", "machine", "reason", "author")} == {
        "score": "behaviour", "value": 80.0, "machine": 15.0, "reason": "met at the fair", "author": "vera",
    }  # fmt: skip
    assert [each["id"] for each in service.pull([("min_score", "behaviour:60")])] == [anna]
    assert next(service.pull([("sort", "-priority")]))["id"] == anna
    explained = explain(service, anna)
    line = explained["contributions"][-1]
    assert (line["rule"], line["points"], line["credited"], line["value"]) == ("override", 80.0, 65.0, 65.0)
    assert explained["summary"][0].startswith("+65 override: behaviour set to 80 by vera on 2100-01-04")
    behaviour = explained["scores"][0]
    assert (behaviour["machine"], behaviour["override"]["expires_at"]) == (15.0, shown["expires_at"])


def test_the_machine_goes_on_beneath_and_is_shown_again_at_expiry(service: Identifying) -> None:
    """Points earned meanwhile are there afterwards; the instant is exact although nobody asked and no event came."""
    service.say(person("anna"))
    anna = service.find(email="anna@firm.example")["id"]
    expires_at = service.now + 20 * DAY
    override(service, anna, score="behaviour", value=80, expires_at=format_instant(expires_at))
    service.say(person("anna", "file.downloaded"))
    beneath = service.lead(anna)["overrides"][0]["machine"]
    assert beneath == 45.0
    thresholds = explain(service, anna)["scores"][0]["thresholds"]
    assert [each["cools_at"] == format_instant(expires_at) for each in thresholds] == [False, True]
    service.wait(expires_at - service.now - 1)
    last = service.lead(anna)
    assert (last["scores"]["behaviour"], last["stage"], len(last["overrides"])) == (50.4, "mql", 1)
    service.wait(1)
    after = service.lead(anna)
    assert (after["scores"]["behaviour"], after["overrides"], after["definitions"]["ready"]["met"]) == (28.35, [], False)
    assert after["updated_at"] == format_instant(expires_at)
    explain(service, anna)
    explain(service, anna, as_of=format_instant(expires_at - 1))
    service.wait(DAY)
    assert service.lead(anna)["stage"] == "lead"


def test_a_stage_is_overridden_and_undone_to_what_the_machine_says_then(service: Identifying) -> None:
    """Beneath it the machine moves on unseen; the history tells both ends of the override."""
    service.say(person("anna"))
    anna = service.find(email="anna@firm.example")["id"]
    expires_at = service.now + DAY
    lead = override(service, anna, stage="sal", expires_at=format_instant(expires_at))
    assert (lead["stage"], lead["overrides"][0]["machine"], lead["overrides"][0]["value"]) == ("sal", "lead", "sal")
    assert [each["id"] for each in service.pull([("stage", "sal")])] == [anna]
    service.say(person("anna", "file.downloaded"))
    lead = service.lead(anna)
    assert (lead["stage"], lead["overrides"][0]["machine"]) == ("sal", "mql")
    service.wait(expires_at - service.now)
    lead = service.lead(anna)
    moves = [(move["stage"], move["reason"]) for move in lead["history"]]
    assert moves[1:] == [("sal", "overridden"), ("mql", "override_expired")]
    assert (lead["stage"], lead["history"][-1]["at"], lead["overrides"]) == ("mql", format_instant(expires_at), [])
    stages = [each["new"]["stage"] for each in service.feed() if each["kind"] == "lead.stage_changed"]
    assert stages[-2:] == ["sal", "mql"]


def test_an_override_is_withdrawn(service: Identifying) -> None:
    """By an event with a reason; what is not overridden is not changed by it."""
    service.say(person("anna"))
    anna = service.find(email="anna@firm.example")["id"]
    override(service, anna, stage="sal")
    override(service, anna, score="fit", value=20)
    assert service.lead(anna)["definitions"]["boss"]["met"] is True
    for asked in ({"stage": True, "reason": "my mistake"}, {"score": "fit"}, {"score": "behaviour"}):
        assert service.post(f"/v1/leads/{anna}/override/withdraw", asked).status_code in {200, 202}
        service.catch_up()
    lead = service.lead(anna)
    assert (lead["stage"], lead["scores"]["fit"], lead["overrides"]) == ("lead", None, [])
    assert lead["history"][-1]["reason"] == "override_withdrawn"


def test_the_same_override_sent_again_counts_once(service: Identifying) -> None:
    """By its event id; another one with the same id is refused."""
    service.say(person("anna"))
    anna = service.find(email="anna@firm.example")["id"]
    sent = {"score": "fit", "value": 20, "reason": "x", "author": "vera", "event_id": "o-1"}
    with service.projecting():
        one, two = (service.post(f"/v1/leads/{anna}/override", sent) for _ in range(2))
    assert (one.status_code, two.json()["written"]) == (200, one.json()["written"])
    assert_problem(service.post(f"/v1/leads/{anna}/override", {**sent, "value": 30}), 409, "event_id_taken")


@pytest.mark.parametrize(
    ("body", "kind", "code", "message"),
    [
        (b'{"stage": "sal", "reason": "x"}', "application/x-www-form-urlencoded", "invalid_request",
         "/: send a JSON object, with Content-Type: application/json."),
        (b"[1]", "application/json", "invalid_request", "/: send a JSON object, with Content-Type: application/json."),
        (b"", "application/json", "invalid_request", "/: send a JSON object, with Content-Type: application/json."),
        (b'{"stage": "sal"}', "application/json", "invalid_request", "/reason: this is needed."),
        (b'{"stage": "sal", "reason": "x", "untill": 1}', "application/json", "invalid_request",
         "/untill: there is no such field here."),
        (b"{stage: 1}", "application/json", "invalid_json",
         "The body is not JSON that can be kept: it cannot be parsed at character 1."),
    ],
)  # fmt: skip
def test_a_body_that_is_none_is_told_what_to_send(service: Identifying, body: bytes, kind: str, code: str, message: str) -> None:
    """A forgotten header, a missing or mistyped field, and JSON with a slip are what newcomers send."""
    service.say(person("anna"))
    anna = service.find(email="anna@firm.example")["id"]
    headers = {"Authorization": f"Bearer {service.secret}", "Content-Type": kind}
    answer = service.ask("POST", f"/v1/leads/{anna}/override", content=body, headers=headers)
    assert assert_problem(answer, 400 if code == "invalid_json" else 422, code)["message"] == message


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"score": "fit"}, "one_target"),
        ({"stage": "sal", "value": 1}, "one_target"),
        ({"score": "fit", "stage": "sal", "value": 1}, "one_target"),
        ({}, "one_target"),
        ({"score": "charm", "value": 1}, "unknown_target"),
        ({"stage": "heaven"}, "unknown_target"),
        ({"stage": "sal", "expires_at": "2001-01-01T00:00:00Z"}, "already_expired"),
        ({"stage": "sal", "expires_at": "soon"}, "already_expired"),
        ({"stage": "sal", "reason": ""}, "invalid_request"),
        ({"score": "fit", "value": 1e13}, "invalid_request"),
    ],
)
def test_what_cannot_be_overridden_is_a_problem(service: Identifying, asked: dict[str, Any], code: str) -> None:
    """Nothing is written, and the answer says what would do."""
    service.say(person("anna"))
    anna = service.find(email="anna@firm.example")["id"]
    assert_problem(service.post(f"/v1/leads/{anna}/override", {"reason": "x", **asked}), 422, code)
    assert service.post(f"/v1/leads/{anna}/override", {"reason": "x", **asked}, key=service.reads_only).status_code == 403
    assert service.post("/v1/leads/ld_nobody/override", {"reason": "x", "stage": "sal"}).status_code == 404
    assert service.lead(anna)["position"] == 1


WHAT: list[dict[str, Any]] = [
    {"score": "behaviour", "value": 70},
    {"score": "fit", "value": 30},
    {"score": "heat", "value": 1},
    {"stage": "sal"},
    {"stage": "visitor"},
]
OVERRIDES = st.lists(
    st.tuples(
        st.integers(0, 15),
        st.sampled_from(WHAT),
        st.sampled_from([None, 3, 30, 300]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)
"""After which event, what, for how many hours, and whether it is withdrawn instead."""


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(document=st.sampled_from([MODEL, LANGUAGE]), said=logs(), asked=OVERRIDES, page=st.integers(1, 5))
def test_overrides_live_equal_replay(
    emptiable: Engine, document: dict[str, Any], said: list[Said], asked: list[tuple[Any, ...]], page: int
) -> None:
    """With overrides, withdrawals and expiries among late events and claims, rows are the same live and built again."""
    world = World(emptiable, document)
    mixed = list(said)
    for number, (after, what, hours, withdrawn) in enumerate(asked):
        arrival = said[min(after, len(said) - 1)].arrival
        until = {} if hours is None or withdrawn else {"expires_at": format_instant(arrival + hours * HOUR)}
        properties = {name: value for name, value in what.items() if name != "value" or not withdrawn}
        body = {
            "type": "lead.override_withdrawn" if withdrawn else "lead.overridden",
            "event_id": f"o-{number}", "user_id": "u1", "author": "vera",
            "occurred_at": format_instant(arrival), "properties": {**properties, "reason": "x", **until},
        }  # fmt: skip
        mixed.append(Said(1_000 + number, arrival, body))
    for one in sorted(mixed, key=lambda each: (each.arrival, each.number)):
        world.append([one])
        world.step(page)
    world.tick(START + 60 * DAY)
    world.catch_up(page)
    rows = world.rows()
    world.rebuild()
    assert world.rows() == rows
