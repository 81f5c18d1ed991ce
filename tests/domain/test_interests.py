"""Interests: decayed counts per topic of the model, exact at any instant, checked by lint."""

from __future__ import annotations

from typing import Any

import pytest

from lead_events.domain.errors import InvalidModel
from lead_events.domain.interests import add_up, interests_at
from lead_events.domain.lint import lint
from lead_events.domain.model import compile_model
from tests.given import given, happened, instant, viewed

MODEL: dict[str, Any] = {
    "scores": {"behaviour": {"half_life": "30d", "rules": [{"id": "v", "when": {"type": "page.viewed"}, "points": 1}]}},
    "topics": {
        "crm": {"when": {"type": "page.viewed", "context.page.path": {"glob": "/crm*"}}, "half_life": "10d"},
        "prices": {"when": [{"type": "page.viewed", "context.page.path": {"glob": "*price*"}},
                            {"type": "file.downloaded", "properties.file": {"glob": "*price*"}}]},
        "chess": {"when": {"type": "search.performed"}, "half_life": "1d"},
    },
}  # fmt: skip


def interests(*said: dict[str, Any], at: str) -> list[tuple[str, float]]:
    """Return the interests so long after the beginning."""
    folded = given(*said).under(MODEL).at(at).folded()
    return [(topic, round(count, 6)) for topic, count in interests_at(folded.lead, folded.model.topics, instant(at))]


def test_each_event_counts_once_a_topic_and_fades_with_its_half_life() -> None:
    """Strongest first; one that fits two patterns of a topic is still one; without a half-life nothing fades."""
    said = [viewed("0", "/crm/price"), viewed("10d", "/crm"), happened("10d", "file.downloaded", file="price.pdf")]
    assert interests(*said, at="10d") == [("prices", 2.0), ("crm", 1.5)]
    assert interests(*said, at="20d") == [("prices", 2.0), ("crm", 0.75)]
    assert interests(*said, at="30d") == [("prices", 2.0), ("crm", 0.375)]


def test_what_faded_to_nothing_is_not_shown() -> None:
    """An interest that rounds to 0.00 is left out."""
    assert interests(happened("0", "search.performed"), at="5d") == [("chess", 0.03125)]
    assert interests(happened("0", "search.performed"), at="8d") == []


def test_interests_are_a_profile() -> None:
    """Without consent to profiling nothing is counted or shown; with it again, what was before has faded meanwhile."""
    said = [viewed("0", "/crm"), happened("0", "consent.withdrawn", purpose="profiling"), viewed("1d", "/crm")]
    assert interests(*said, at="10d") == []
    assert interests(*said, happened("10d", "consent.granted", purpose="profiling"), at="10d") == [("crm", 0.5)]


def test_interests_of_several_leads_add_up() -> None:
    """A company's interests are the sum of its people's."""
    one = given(viewed("0", "/crm")).under(MODEL).folded()
    two = given(viewed("0", "/crm"), viewed("0", "/price")).under(MODEL).folded()
    summed = add_up([(one.lead, one.model.topics), (two.lead, two.model.topics)], instant("0"))
    assert [tuple(each) for each in summed] == [("crm", 2.0), ("prices", 1.0)]


@pytest.mark.parametrize(
    ("topic", "pointer"),
    [
        ({"when": {"type": "page.viewed"}, "halflife": "3d"}, "/topics/x/halflife"),
        ({"when": {"type": "page.viewed"}, "half_life": "soon"}, "/topics/x/half_life"),
        ({"when": {"path": "/crm"}}, "/topics/x/when/path"),
        ({"when": [{"type": "page.viewed"}, {"path": "/crm"}]}, "/topics/x/when/1/path"),
        ({"when": []}, "/topics/x/when"),
        ({}, "/topics/x"),
    ],
)
def test_lint_finds_what_is_wrong_with_a_topic(topic: dict[str, Any], pointer: str) -> None:
    """Unknown fields, durations and conditions are found where they stand, and such a model cannot be compiled."""
    document = {**MODEL, "topics": {"x": topic}}
    assert pointer in [finding.pointer for finding in lint(document)]
    with pytest.raises(InvalidModel):
        compile_model(document)


def test_a_good_document_has_nothing_to_say() -> None:
    """The topics above pass."""
    assert [finding for finding in lint(MODEL) if "topics" in finding.pointer] == []
