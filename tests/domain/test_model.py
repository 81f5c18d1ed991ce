"""Model documents: what is refused and why, days in the model's time zone, and stages that end."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from lead_events.domain.errors import InvalidModel
from lead_events.domain.model import compile_model
from lead_events.domain.times import DAY, parse_instant
from tests.given import given, happened, identified, instant, shipped_document, viewed
from tests.histories import MODEL

RULE = {"id": "r", "when": {"type": "page.viewed"}, "points": 1}
MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({"scores": {}}, "scores"),
    ({"scores": {"S": {"rules": []}}}, "scores"),
    ({"scores": {"s": {"rules": [RULE, RULE]}}}, "r stands more than once"),
    ({"scores": {"s": {"rules": [{**RULE, "when": {}}]}}}, "names at least one field"),
    ({"scores": {"s": {"rules": [{**RULE, "points": "many"}]}}}, "scores.s.rules.0.points"),
    ({"scores": {"s": {"rules": [{**RULE, "cap": 0}]}}}, "greater than 0"),
    ({"scores": {"s": {"rules": [{**RULE, "limit": {"times": 1, "per": "week"}}]}}}, "limit.per"),
    ({"scores": {"s": {"half_life": "soon", "rules": []}}}, "not a duration"),
    ({"scores": {"s": {"half_life": "0d", "rules": []}}}, "not a duration"),
    (
        {"scores": {"s": {"rules": [{"id": "t", "when": {"traits.x": 1}, "points": 1, "limit": {"times": 1, "per": "day"}}]}}},
        "limit",
    ),
    ({"time_zone": "Mars/Olympus"}, "there is no zone"),
    ({"time_zone": "../../etc/passwd"}, "there is no zone"),
    ({"priority": "nothing"}, "there is no score nothing"),
    ({"priority": {"s": 1, "fading": 1}}, "one common half-life"),
    ({"temperature": {"tepid": {"contact": "present"}}}, "temperature"),
    ({"temperature": {"hot": "nothing"}}, "there is no definition"),
    ({"stages": {"a": {"entry": [{"from": ["b"], "events": ["lead.accepted"]}]}}}, "there is no stage 'b'"),
    ({"stages": {"a": {"entry": [{}]}}}, "either events"),
    ({"stages": {"a": {"entry": [{"events": ["lead.accepted"], "when": {"contact": "present"}}]}}}, "either events"),
    ({"stages": {"a": {"exits": [{"to": "b", "after": "1d", "idle": True, "reason": "r"}]}}}, "there is no stage 'b'"),
    ({"stages": {"a": {"exits": [{"to": "visitor", "after": "1d", "reason": "r"}]}}}, "either for idle"),
    ({"stages": {"a": {"exits": [{"to": "visitor", "after": "later", "idle": True, "reason": "r"}]}}}, "not a duration"),
    ({"unknown": 5}, "unknown"),
    ({"definitions": {f"d{number}": {"contact": "present"} for number in range(63)}}, "definitions"),
]
BASE: dict[str, Any] = {"scores": {"s": {"rules": []}, "fading": {"half_life": "1d", "rules": []}}}


@pytest.mark.parametrize(("part", "message"), MISTAKES)
def test_mistakes_are_refused(part: dict[str, Any], message: str) -> None:
    """A document that cannot mean what it says is refused, and the message says where."""
    with pytest.raises(InvalidModel, match=message):
        compile_model(BASE | part)


def test_compiling_changes_no_document() -> None:
    """A document is data; two models of it are equal in what they do."""
    document = copy.deepcopy(shipped_document())
    compile_model(document)
    assert document == shipped_document()
    assert compile_model(MODEL).event_moves == {"lead.accepted", "lead.rejected"}


def test_days_are_local() -> None:
    """A day begins at local midnight, also where the offset is no whole hour and when the clocks change."""
    kathmandu = compile_model(BASE | {"time_zone": "Asia/Kathmandu"})
    midnight = parse_instant("2026-03-01T00:00:00+05:45")
    assert kathmandu.day(midnight) == kathmandu.day(midnight - 1) + 1 == kathmandu.day(midnight + DAY - 1)
    berlin = compile_model(BASE | {"time_zone": "Europe/Berlin"})
    spring = parse_instant("2026-03-29T00:00:00+01:00")
    assert berlin.day(spring) == berlin.day(spring + 23 * DAY // 24 - 1) == berlin.day(spring + 23 * DAY // 24) - 1


def test_the_same_rule_matches_by_values_not_by_their_texts() -> None:
    """True is not 1 and 1 is not "1" where it matters, whichever came first."""
    when = {"type": "demo.asked", "properties.seats": {"at_least": 1}}
    document = {"scores": {"s": {"rules": [{"id": "r", "when": when, "points": 1}]}}}
    for order in ((1, True, "1"), (True, "1", 1), ("1", 1, True)):
        said = [happened(f"{number + 1}m", "demo.asked", seats=seats) for number, seats in enumerate(order)]
        given(*said).under(document).then(score_s=2.0)


def test_a_stage_moves_at_most_once_round_the_chart() -> None:
    """A chart with a circle of conditions ends."""
    always = {"when": {"not": {"owner": "present"}}}
    stages = {
        "visitor": {},
        "a": {"entry": [{"from": ["visitor", "b"], **always}]},
        "b": {"entry": [{"from": ["a"], **always}]},
    }
    folded = given(viewed("0"), identified("1d")).under(BASE | {"stages": stages}).folded()
    assert [stage for stage, _ in folded.stages] == ["a", "b", "a"]


def test_an_exit_waits_from_when_its_reason_ended() -> None:
    """Leaving is timed from the instant the condition stopped to hold, not from entering the stage."""
    stages = {
        "visitor": {},
        "a": {
            "entry": [{"from": ["visitor"], "when": {"contact": "present"}}],
            "exits": [{"to": "b", "after": "1d", "unless": {"scores.fading": {"at_least": 1}}, "reason": "cold"}],
        },
        "b": {},
    }
    rules = [{"id": "v", "when": {"type": "lead.identified"}, "points": 4}]
    document = {"scores": {"fading": {"half_life": "1d", "rules": rules}}, "stages": stages}
    folded = given(identified("0")).under(document).at("9d").then(stage="b")
    assert folded.lead.stage_since == instant("3d") + 1
    assert folded.lead.due is None
