"""Groups, points for a time, silence, grades, and what a stage requires."""

from __future__ import annotations

from typing import Any

import pytest

from lead_events.domain.conditions import next_flip
from lead_events.domain.errors import InvalidModel
from lead_events.domain.funnel import held
from lead_events.domain.model import compile_model
from tests.domain.scored import by_time, cuts, quiet, rule, scored
from tests.given import given, happened, identified, instant, viewed

FILE = {"type": "file.downloaded"}
GONE = {"type": "email.unsubscribed"}
ONCE = {"times": 1, "per": "day"}


# --- groups ---------------------------------------------------------------------------------------------------------


def test_a_group_bounds_its_rules_together() -> None:
    """Ten and ten are fifteen under one cap; a rule outside has room of its own."""
    rules = [rule(10, group="acts"), rule(10, FILE, id="file", group="acts"), rule(10, GONE, id="free")]
    model = scored(*rules, groups={"acts": {"cap": 15}})
    said = [viewed("0"), happened("1m", "file.downloaded"), happened("2m", "email.unsubscribed"), viewed("3m")]
    folded = given(*said).under(model).then(score_points=25.0)
    assert cuts(folded) == [(10, ""), (5, "group cap"), (10, ""), (0, "group cap")]


def test_a_group_limit_counts_what_its_rules_let_through() -> None:
    """What a rule's own limit cuts uses nothing of the group's."""
    rules = [rule(10, group="acts", limit=ONCE), rule(10, FILE, id="file", group="acts")]
    model = scored(*rules, groups={"acts": {"limit": {"times": 2, "per": "day"}}})
    said = [viewed("0"), viewed("1m"), happened("2m", "file.downloaded"), happened("3m", "file.downloaded")]
    assert cuts(given(*said).under(model).folded()) == [(10, ""), (0, "limit"), (10, ""), (0, "group limit")]


def test_traits_taken_back_leave_room_in_their_group() -> None:
    """A demotion gives the group's room to the next trait."""
    boss, rich = {"traits.job_title": "Director"}, {"traits.annual_turnover": {"above": 5}}
    model = scored(rule(20, boss, id="boss", group="who"), rule(20, rich, id="rich", group="who"), groups={"who": {"cap": 20}})
    said = [identified("0", job_title="Director"), identified("1d", job_title="Clerk"), identified("2d", annual_turnover=9)]
    given(*said).under(model).then(score_points=20.0)


# --- points for a time ----------------------------------------------------------------------------------------------


def test_points_end_when_they_are_over() -> None:
    """They count up to the last microsecond, and what is left of them is taken back at the next."""
    model = scored(rule(16, valid_for="2d", limit=ONCE), half_life="1d")
    told = given(viewed("0"))
    assert told.under(model).at(instant("2d") - instant("0") - 1).folded().score("points") == 4.0
    after = told.under(model).at("2d").then(score_points=0.0)
    assert by_time(after) == [("view", "expired", -4.0)]
    assert (after.lead.moved, after.lead.due) == (instant("2d"), None)


def test_an_event_at_the_end_finds_them_gone() -> None:
    """What is due comes before what happens at the same instant, so a cap has room again."""
    model = scored(rule(10, valid_for="1d", cap=10, limit={"times": 9, "per": "day"}))
    folded = given(viewed("0"), viewed("1h"), viewed("1d")).under(model).then(score_points=10.0)
    assert cuts(folded) == [(10, ""), (0, "rule cap"), (-10, ""), (10, "")]


def test_a_penalty_for_a_time_ends_too() -> None:
    """What was taken comes back."""
    model = scored(rule(30), rule(-10, GONE, id="gone", valid_for="1d", limit=ONCE))
    told = given(viewed("0"), happened("1h", "email.unsubscribed")).under(model)
    assert [told.at(after).folded().score("points") for after in ("2h", "2d")] == [20.0, 30.0]


def test_expiry_takes_nothing_below_the_floor() -> None:
    """Points that something else took already are not taken twice."""
    model = scored(rule(10, valid_for="1d", limit=ONCE), rule(-8, GONE, id="gone"))
    folded = given(viewed("0"), happened("1h", "email.unsubscribed")).under(model).at("2d").then(score_points=0.0)
    assert cuts(folded) == [(10, ""), (-8, ""), (-2, "floor")]


@pytest.mark.parametrize("limit", [None, {"times": 1, "per": "session"}, {"times": 500, "per": "day"}])
def test_points_for_a_time_need_a_limit(limit: dict[str, Any] | None) -> None:
    """Each is remembered by itself, so there may not be any number of them."""
    with pytest.raises(InvalidModel, match="at most 1000 for each lead; add a limit"):
        compile_model(scored(rule(1, valid_for="30d", limit=limit)))


# --- silence --------------------------------------------------------------------------------------------------------


def test_silence_costs_once() -> None:
    """After five days without an act, and not again before the next one."""
    model = quiet({"id": "quiet", "after": "5d", "points": -4})
    told = given(viewed("0"), happened("2d", "email.bounced")).under(model)
    assert told.at(instant("5d") - instant("0") - 1).folded().score("points") == 10.0
    assert by_time(told.at("50d").then(score_points=6.0)) == [("quiet", "inactive", -4.0)]
    again = given(viewed("0"), viewed("4d"), viewed("12d")).under(model).at("40d").then(score_points=22.0)
    assert [c.at for c in again.trace.contributions if c.by_time] == [instant("9d"), instant("17d")]


def test_silence_may_set_a_score() -> None:
    """Zero is zero; points for a time that were set away do not expire a second time."""
    rules = [rule(10, valid_for="30d", limit=ONCE), rule(3, FILE, id="file")]
    model = scored(*rules, inactivity=[{"id": "reset", "after": "5d", "set": 0}])
    folded = given(viewed("0"), happened("10d", "file.downloaded")).under(model).at("14d").then(score_points=3.0)
    assert by_time(folded) == [("reset", "inactive", -10.0)]
    given(viewed("0"), viewed("10d")).under(model).at("34d").then(score_points=0.0)


def test_silence_waits_while_sales_has_the_lead() -> None:
    """``unless`` holds it back; when that ends, it costs at once."""
    stages = {
        "visitor": {},
        "sal": {"entry": [{"events": ["lead.accepted"]}]},
        "recycled": {"entry": [{"events": ["lead.recycled"]}]},
    }
    model = quiet({"id": "quiet", "after": "5d", "points": -4, "unless": {"stage": ["sal"]}}, stages=stages)
    said = [viewed("0"), happened("1d", "lead.accepted")]
    given(*said).under(model).at("60d").then(score_points=10.0)
    back = given(*said, happened("20d", "lead.recycled")).under(model).then(score_points=6.0)
    assert [c.at for c in back.trace.contributions if c.by_time] == [instant("20d")]


def test_silence_is_points_or_set() -> None:
    """Neither and both are refused."""
    for said in ({}, {"points": 1, "set": 2}):
        with pytest.raises(InvalidModel, match="either points or set"):
            compile_model(quiet({"id": "quiet", "after": "5d", **said}))


# --- grades ---------------------------------------------------------------------------------------------------------

GRADED: dict[str, Any] = {
    "scores": {
        "acts": {"half_life": "1d", "rules": [rule(40)]},
        "fit": {"rules": [rule(20, {"traits.job_title": "Director"}, id="boss")]},
    },
    "grade": {"letter": {"score": "fit", "steps": [20, 10]}, "digit": {"score": "acts", "steps": [40, 20, 10]}},
    "definitions": {"top": {"grade": ["A1", "A2"]}, "any-a": {"grade": {"glob": "A*"}}},
}


def test_a_grade_is_who_and_what() -> None:
    """The letter stays, the digit fades, each turn at its own instant; an unknown half is no grade."""
    told = given(viewed("0"), identified("0", job_title="Director")).under(GRADED)
    grades = []
    for after in ("0", "1h", "1d", "36h", "2d", "3d"):
        folded = told.at(after).folded()
        assert folded.model.grade is not None
        grades.append(folded.model.grade.at(folded.lead, folded.clock))
    assert grades == ["A1", "A2", "A2", "A3", "A3", "A4"]
    lost = told.at("9d").then(met={"any-a"})
    assert lost.lead.definitions[0][2] == instant("1d") + 1
    nobody = given(viewed("0")).under(GRADED).then(met=set())
    assert nobody.model.grade is not None
    assert nobody.model.grade.at(nobody.lead, nobody.clock) is None
    assert nobody.missing == ["grade"]
    assert next_flip(nobody.lead, nobody.model.scope, nobody.clock) is not None


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        ({"score": "nothing", "steps": [1]}, "there is no score"),
        ({"score": "fit", "steps": [1, 2]}, "they fall"),
        ({"score": "acts", "steps": [5, 0]}, "above 0"),
        ({"score": "fit", "steps": list(range(30, 0, -1))}, "26 marks"),
    ],
)
def test_a_grade_that_cannot_be_is_refused(axis: dict[str, Any], message: str) -> None:
    """Steps fall, and a score that fades never reaches zero."""
    with pytest.raises(InvalidModel, match=message):
        compile_model(GRADED | {"grade": {**GRADED["grade"], "letter": axis}})
    with pytest.raises(InvalidModel, match="gives no grade"):
        compile_model({name: part for name, part in GRADED.items() if name != "grade"})


# --- what a stage requires ------------------------------------------------------------------------------------------

GATED: dict[str, Any] = {
    "scores": {"s": {"rules": []}},
    "stages": {
        "visitor": {},
        "lead": {"entry": [{"from": ["visitor"], "when": {"contact": "present"}}], "requires": ["traits.industry"]},
        "sal": {"entry": [{"events": ["lead.accepted"]}], "requires": ["traits.budget", {"visits": {"at_least": 1}}]},
        "lost": {"entry": [{"events": ["lead.rejected"]}]},
    },
}


def test_a_stage_is_entered_when_what_it_requires_is_there() -> None:
    """Until then it is named with what is missing; then the lead enters, for the reason it waited for."""
    waiting = given(viewed("0"), identified("0")).under(GATED).then(stage="visitor")
    assert held(waiting.lead, waiting.clock, waiting.model) == "lead"
    assert [gap["field"] for gap in waiting.model.requires["lead"].missing(waiting.lead, waiting.clock)] == ["traits.industry"]
    entered = given(viewed("0"), identified("0"), identified("1d", industry="Trade")).under(GATED).then(stage="lead")
    assert held(entered.lead, entered.clock, entered.model) is None


def test_what_sales_said_is_not_lost() -> None:
    """An acceptance waits for the budget; a rejection ends the waiting."""
    accepted = [viewed("0"), happened("1d", "lead.accepted", reason="called")]
    waiting = given(*accepted).under(GATED).then(stage="visitor")
    assert held(waiting.lead, waiting.clock, waiting.model) == "sal"
    assert given(*accepted, identified("2d", budget=5)).under(GATED).folded().stages == [("sal", "called")]
    rejected = [*accepted, happened("2d", "lead.rejected", reason="small"), identified("3d", budget=5)]
    assert given(*rejected).under(GATED).folded().stages == [("lost", "small")]
