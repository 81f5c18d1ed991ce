"""What time alone would do for ever is refused before anything is folded by it, and so is what no fold could write down."""

from __future__ import annotations

from typing import Any

import pytest

from lead_events.domain import lint
from lead_events.domain.decay import cooling_instant
from lead_events.domain.findings import Severity
from lead_events.domain.times import DAY, LAST_WRITTEN, YEAR_2000, format_instant
from tests.given import shipped_document
from tests.histories import LANGUAGE, MODEL

LONGEST = 999_999 * 7 * DAY


def errors(**parts: Any) -> list[tuple[str, str]]:
    """Return where and why a small model with these parts cannot be published."""
    small = {"scores": {"b": {"half_life": "30d", "rules": [{"id": "r", "when": {"type": "page.viewed"}, "points": 1}]}}}
    return [(each.pointer, each.message) for each in lint.lint(small | parts) if each.severity is Severity.ERROR]


def exit_to(stage: str, after: str) -> dict[str, Any]:
    """Return a stage that time leads out of."""
    return {"exits": [{"to": stage, "after": after, "unless": {"contact": "present"}, "reason": "time"}]}


def test_a_quick_circle_of_exits_is_refused() -> None:
    """However long it is and whatever leads into it; the words name the way round."""
    ways = {"a": "b", "b": "c", "c": "d", "d": "b"}
    stages = {name: exit_to(to, "1s") for name, to in ways.items()}
    (found,) = errors(stages=stages)
    assert found == ("/stages/b/exits/0/after", "whoever does nothing goes round for ever: b → c → d → b")
    assert [pointer for pointer, _ in errors(stages={"a": exit_to("a", "23h")})] == ["/stages/a/exits/0/after"]


def test_a_circle_in_which_somebody_waits_is_none() -> None:
    """A day is enough, and so is an exit that leads out."""
    assert errors(stages={"a": exit_to("b", "1s"), "b": exit_to("a", "1d")}) == []
    assert errors(stages={"a": exit_to("b", "1s"), "b": exit_to("c", "1s"), "c": {}}) == []
    assert errors(stages={f"s{n}": exit_to(f"s{n + 1}", "1s") for n in range(500)} | {"s500": {}}) == []


def entered(when: dict[str, Any], *sources: str, **more: Any) -> dict[str, Any]:
    """Return a stage that a condition leads into."""
    return {"entry": [{**({"from": list(sources)} if sources else {}), "when": when}], **more}


READY: dict[str, Any] = {"scores.b": {"at_least": 5}}


def test_a_quick_exit_is_refused_where_a_condition_leads_back() -> None:
    """Whatever the condition asks, as long as it may hold while the exit is open."""
    words = "whoever does nothing goes round for ever: b → a → b"
    for sources in (("a",), ()):
        stages = {"visitor": {}, "a": {}, "b": entered({"contact": "present"}, *sources, exits=[quick("a", READY)])}
        assert errors(stages=stages) == [("/stages/b/exits/0/after", words)]
        stages["b"]["exits"][0]["after"] = "1d"
        assert errors(stages=stages) == []


@pytest.mark.parametrize(
    "when", [READY, READY | {"contact": "present"}, {"all": [{"contact": "present"}, READY]}], ids=["same", "more", "all"]
)
def test_what_keeps_a_lead_in_may_lead_it_in(when: dict[str, Any]) -> None:
    """Then it goes round no more often than that changes."""
    stages = {"visitor": {}, "b": entered(when, "visitor", "a", exits=[quick("a", READY)]), "a": {"exits": []}}
    assert errors(stages=stages) == []
    # Another way in that does not ask for it, on the same circle.
    stages["c"] = {"exits": [quick("b", {"contact": "present"})], **entered({"contact": "absent"}, "a")}
    assert [pointer for pointer, _ in errors(stages=stages)] == ["/stages/b/exits/0/after"]


def quick(stage: str, unless: dict[str, Any]) -> dict[str, Any]:
    """Return an exit of an hour."""
    return {"to": stage, "after": "1h", "unless": unless, "reason": "time"}


def test_models_that_are_in_use_are_not_refused() -> None:
    """The shipped one, and those of other tests."""
    for document in (shipped_document(), MODEL, LANGUAGE):
        assert [each for each in lint.lint(document) if each.severity is Severity.ERROR] == []


def test_a_sample_that_time_moves_again_and_again_is_an_error() -> None:
    """Also where no circle of exits is seen, it is said instead of being folded to its end."""
    entry = {"entry": [{"from": ["b"], "when": {"visits": {"at_least": 1}}}]}
    sample = {"name": "restless", "events": [{"type": "page.viewed", "ago": "5000d"}], "expect": {"stage": "a"}}
    start = {"entry": [{"from": ["visitor"], "when": {"visits": {"at_least": 1}}}], **exit_to("b", "1d")}
    start["entry"] += entry["entry"]
    ((pointer, message),) = errors(stages={"visitor": {}, "a": start, "b": exit_to("visitor", "1s")}, tests=[sample])
    assert pointer == "/tests/0"
    assert "more than 1000 times" in message


@pytest.mark.parametrize("points", [5e-324, 1e-310, 1e-7])
def test_a_score_that_fades_is_compared_with_points_that_somebody_sees(points: float) -> None:
    """Fewer cannot be divided by, or are never got below; without fading they are points like any other."""
    grade = {"letter": {"score": "b", "steps": [50, points]}, "digit": {"score": "b", "steps": [50]}}
    asked = {"d": {"any": [{"not": {"scores.b": {"at_least": points}}}, {"contact": "present"}]}}
    assert [pointer for pointer, _ in errors(definitions=asked)] == ["/definitions/d/any/0/not/scores.b"]
    assert [pointer for pointer, _ in errors(grade=grade)] == ["/grade/letter/steps/1"]
    assert errors(scores={"b": {"rules": [{"id": "r", "when": {"type": "page.viewed"}, "points": 1}]}}, definitions=asked) == []


@pytest.mark.parametrize("weight", ["nan", "inf", 1e308, True, "much"])
def test_a_weight_is_a_number_that_can_be_added(weight: Any) -> None:
    """Else a priority is no number, and no order of leads either."""
    assert next(pointer for pointer, _ in errors(priority={"b": weight})).startswith("/priority")


def test_a_sample_of_long_ago_is_an_error_and_no_failure() -> None:
    """Nothing is known from before 2000, and the calendar ends even sooner."""
    for ago in ("9999d", "999999w"):
        sample = {"name": "old", "events": [{"type": "page.viewed", "ago": ago}], "expect": {"stage": "visitor"}}
        assert errors(tests=[sample]) == [("/tests/0", "test 'old' fails: /occurred_at: this is before 2000-01-01.")]


def test_an_instant_that_no_database_holds_is_never() -> None:
    """Some hundred thousand years from now; before that it is an instant, though no calendar writes it."""
    assert cooling_instant(30.0, YEAR_2000, 0.0005, LONGEST) is None
    late = cooling_instant(30.0, YEAR_2000, 1.0, LONGEST)
    assert late is not None
    assert LAST_WRITTEN < late < 2**63
    assert format_instant(LAST_WRITTEN) == "9999-12-31T23:59:59.999999Z"
