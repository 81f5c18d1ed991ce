"""Tests inside a model document are run by the very fold, and a document whose tests fail is not published."""

from __future__ import annotations

from typing import Any

import pytest

from lead_events.domain import lint
from lead_events.domain.findings import Severity
from tests.given import shipped_document
from tests.histories import LANGUAGE, MODEL

VIEW = {"type": "page.viewed", "context": {"page": {"path": "/"}}}


def errors(tests: list[dict[str, Any]], document: dict[str, Any] | None = None) -> list[tuple[str, str]]:
    """Return where and why a model with these tests cannot be published."""
    found = lint.lint((document or MODEL) | {"tests": tests})
    return [(each.pointer, each.message) for each in found if each.severity is Severity.ERROR]


def test_a_sample_lead_scores_what_it_must() -> None:
    """Points, decay, traits, stage, temperature and definitions are those of any lead."""
    sample = {
        "name": "a director who looked",
        "traits": {"email": "anna@firm.example", "job_title": "Director"},
        "events": [{**VIEW, "ago": "12h"}, {**VIEW, "ago": "12h"}, {"type": "lead.accepted"}],
        "expect": {"scores.behaviour": 10, "scores.fit": {"at_least": 20}, "stage": "sal", "temperature": "cold",
                   "definitions": ["reader"], "traits.job_title": "Director", "contact": True, "visits": 1},
    }  # fmt: skip
    assert errors([sample]) == []


def test_a_failing_test_says_what_was_expected_and_what_came() -> None:
    """One error for each field, where it stands."""
    sample = {"name": "one view", "events": [VIEW], "expect": {"scores.behaviour": 42, "stage": "mql", "scores.fit": 0}}
    assert errors([sample]) == [
        ("/tests/0/expect/scores.behaviour", "test 'one view' fails: scores.behaviour is 10, not 42"),
        ("/tests/0/expect/stage", "test 'one view' fails: stage is visitor, not mql"),
        ("/tests/0/expect/scores.fit", "test 'one view' fails: scores.fit is nothing, not 0"),
    ]
    with pytest.raises(lint.RefusedModel):
        lint.check(MODEL | {"tests": [sample]})


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ({"events": [{"type": "nonsense"}], "expect": {"stage": "lead"}}, "type"),
        ({"events": [{"type": "page.viewed", "ago": "soon"}], "expect": {"stage": "lead"}}, "not a duration"),
        ({"events": [VIEW], "expect": {"points": 5}}, "cannot expect anything of 'points'"),
        ({"events": [VIEW], "expect": {"stage": {"globe": "x"}}}, "unknown operator 'globe'"),
        ({"events": [VIEW], "expect": {"definitions": [5, "a"]}}, "fails"),
        ({"events": [VIEW], "expect": {}}, "at least 1"),
    ],
)
def test_a_sample_that_cannot_be_is_an_error(sample: dict[str, Any], words: str) -> None:
    """Nonsense is said, not raised."""
    ((_, message),) = errors([{"name": "broken", **sample}])
    assert words in message


def test_time_passes_in_a_sample() -> None:
    """Silence and windows of a sample are those of its last event, long ago."""
    sample = {"name": "asleep", "events": [{**VIEW, "ago": "4d"}], "expect": {"scores.heat": 0, "grade": None}}
    assert errors([sample], LANGUAGE) == []


def test_the_shipped_model_brings_its_own() -> None:
    """They pass, and they fail when the model is made worse."""
    document = shipped_document()
    assert len(document["tests"]) == 2
    assert errors(document["tests"], document) == []
    worse = {**document, "scores": {**document["scores"], "fit": {"rules": []}}}
    assert {pointer for pointer, _ in errors(document["tests"], worse)} >= {"/tests/0/expect/scores.fit"}
