"""Consent, overrides and what time does, together: the machine goes on beneath, and what is withheld stays withheld."""

from __future__ import annotations

from typing import Any

from lead_events.domain import lint
from lead_events.domain.funnel import held
from lead_events.domain.model import compile_model
from lead_events.domain.model_tests import run
from lead_events.domain.overrides import of_score
from lead_events.domain.scoring import machine_value_at
from tests.domain.scored import by_time, quiet, rule, scored
from tests.given import given, happened, identified, instant, viewed

SILENCE = {"id": "quiet", "after": "3d", "points": -4}


def said(after: str, state: str) -> dict[str, Any]:
    """Say whether profiling is permitted."""
    return happened(after, f"consent.{state}", properties={"purpose": "profiling"}, trusted=True)


def overridden(after: str, **properties: Any) -> dict[str, Any]:
    """Say that a person knows better."""
    return happened(after, "lead.overridden", author="vera", properties={"reason": "met", **properties})


def test_time_without_consent_is_no_silence() -> None:
    """Nothing is taken while profiling is withdrawn; with the consent the silence begins anew, and costs once."""
    told = given(viewed("0"), said("1d", "withdrawn"), said("30d", "granted")).under(quiet(SILENCE))
    assert by_time(told.at("29d").folded()) == []
    assert by_time(told.at("30d").then(score_points=10.0)) == []
    assert by_time(told.at("33d").then(score_points=6.0)) == [("quiet", "inactive", -4.0)]
    assert by_time(told.at("90d").folded()) == [("quiet", "inactive", -4.0)]


def test_points_for_a_time_expire_unseen_without_consent() -> None:
    """With the consent only what is still valid counts again, and nothing seemed to move meanwhile."""
    model = scored(rule(16, valid_for="2d", limit={"times": 1, "per": "day"}), rule(5, id="stays"))
    folded = given(viewed("0"), said("1d", "withdrawn")).under(model).at("9d").folded()
    assert folded.lead.moved < instant("0")
    given(viewed("0"), said("1d", "withdrawn"), said("9d", "granted")).under(model).at("9d").then(score_points=5.0)


def test_time_works_on_the_machine_beneath_an_override() -> None:
    """What expires and what silence costs is the machine's; the person's points stay."""
    model = quiet(SILENCE)
    folded = given(viewed("0"), overridden("1d", score="points", value=70)).under(model).at("9d").then(score_points=70.0)
    compiled = folded.model
    assert machine_value_at(folded.lead, 0, compiled.scores[0], instant("9d")) == 6.0
    held_score = of_score(folded.lead, "points")
    assert held_score is not None
    assert held_score.machine is not None
    assert held_score.machine[0] == 6.0


def test_a_grade_follows_the_person_and_is_withheld_without_consent() -> None:
    """It is read off the scores as they are shown."""
    model = scored(rule(10)) | {
        "grade": {"letter": {"score": "points", "steps": [50]}, "digit": {"score": "points", "steps": [5]}}
    }
    grade = compile_model(model).grade
    assert grade is not None
    events = [viewed("0"), overridden("1d", score="points", value=70), said("2d", "withdrawn")]
    folded = [given(*events[:number]).under(model).at("3d").folded().lead for number in (1, 2, 3)]
    assert [grade.at(lead, instant("3d")) for lead in folded] == ["B1", "A1", None]


def test_no_window_answers_without_consent() -> None:
    """Neither whether it holds nor how much is lacking."""
    conditions: list[dict[str, Any]] = [
        {"count": {"type": "page.viewed"}, "at_least": 1},
        {"sum": {"type": "page.viewed", "of": "properties.seconds"}, "at_least": 1},
        {"distinct": "context.page.path", "at_least": 1},
        {"sequence": [{"type": "page.viewed"}, {"type": "page.viewed"}]},
        {"since": {"type": "page.viewed"}, "at_most": "99d"},
    ]
    model = compile_model({**scored(rule(1)), "definitions": {f"d{n}": each for n, each in enumerate(conditions)}})
    seen = [viewed("0", properties={"seconds": 3}), viewed("1h", "/b", properties={"seconds": 3})]
    document = model.document.model_dump(exclude_none=True)
    lead = given(*seen).under(document).at("1d").folded().lead
    assert all(condition.holds(lead, instant("1d")) for _, condition in model.definitions)
    hidden = given(*seen, said("2h", "withdrawn")).under(document).at("1d").folded().lead
    assert not any(condition.holds(hidden, instant("1d")) for _, condition in model.definitions)
    assert {gap["has"] for _, condition in model.definitions for gap in condition.missing(hidden, instant("1d"))} == {None}


def test_a_requirement_is_asked_of_the_machines_stage() -> None:
    """Beneath an overridden stage the machine goes on waiting for what is required, and enters unseen."""
    model = scored(rule(1)) | {
        "stages": {
            "lead": {"entry": [{"when": {"contact": "present"}}]},
            "sal": {"requires": ["traits.budget"], "entry": [{"events": ["lead.accepted"]}]},
            "customer": {"entry": [{"events": ["deal.won"]}]},
        }
    }
    events = [identified("0"), happened("1d", "lead.accepted"), overridden("2d", stage="customer"), identified("3d", budget=5)]
    waiting = given(*events[:3]).under(model).at("2d").folded()
    assert (waiting.lead.shown_stage, held(waiting.lead, instant("2d"), waiting.model)) == ("customer", "sal")
    entered = given(*events).under(model).at("4d").folded()
    assert (entered.lead.shown_stage, entered.lead.stage) == ("customer", "sal")


def test_a_sample_expects_the_stage_that_counts() -> None:
    """A sample in which a person sets the stage shows that one, as the lead does."""
    sample = {"type": "lead.overridden", "properties": {"stage": "customer", "reason": "signed"}, "author": "vera"}
    model = scored(rule(1)) | {
        "stages": {"customer": {"entry": [{"events": ["deal.won"]}]}},
        "tests": [
            {"name": "signed", "traits": {"email": "anna@firm.example"}, "events": [sample], "expect": {"stage": "customer"}}
        ],
    }
    compiled = compile_model(model)
    assert run(compiled.document.tests[0], compiled) == []


def test_lint_knows_what_a_near_miss_weighs() -> None:
    """A misspelt weight is found where it stands."""
    (found,) = lint.lint({"scores": {"points": {"rules": []}}, "near_miss": {"fakt": 1}})
    assert (found.pointer, found.suggestion) == ("/near_miss/fakt", "did you mean fact?")
