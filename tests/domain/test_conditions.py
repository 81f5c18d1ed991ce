"""Conditions: what each operator accepts, where fields are looked for, what is missing, and mistakes explained."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from lead_events.domain.errors import InvalidModel
from lead_events.domain.event_conditions import compile_event_condition
from lead_events.domain.model import compile_model
from lead_events.domain.value_tests import compile_test
from tests.given import Folded, given, happened, identified, instant, viewed

HOLDS: list[tuple[Any, Any]] = [
    ("Riga", "riga"),
    (["Riga", "Oslo"], "OSLO"),
    ({"one_of": ["a", 5]}, 5),
    (True, True),
    ("present", "x"),
    ("present", 0),
    ("present", False),
    ("absent", None),
    ("absent", ""),
    ("absent", []),
    ({"present": True}, "x"),
    ({"present": False}, None),
    ({"glob": "/pricing*"}, "/Pricing/eu"),
    ({"glob": "*прайс*"}, quote("Прайс-лист.pdf")),
    ({"glob": quote("*прайс*")}, "прайс.pdf"),
    ({"glob": "a.b"}, "A.B"),
    ({"glob": "*"}, "two\nlines"),
    ({"glob": "*shop*"}, ["a", "my shop"]),
    ({"matches": "(?i)директор"}, "ДИРЕКТОР"),
    ({"matches": "^/цены"}, quote("/цены")),
    ({"matches": "é"}, "e\u0301"),
    ({"matches": "b"}, ["a", "b"]),
    ({"not": "x"}, "y"),
    ({"not": {"matches": "x"}}, None),
    ({"at_least": 5}, 5),
    ({"at_least": 5}, "5.0"),
    ({"above": 5, "below": 7}, 6),
    ({"at_most": 5}, 5),
]
FAILS: list[tuple[Any, Any]] = [
    ("Riga", None),
    ("Riga", {"a": "Riga"}),
    ("present", None),
    ("present", []),
    ("absent", "x"),
    ({"present": False}, "x"),
    ({"glob": "/pricing"}, "/pricing/eu"),
    ({"glob": "a.b"}, "axb"),
    ({"glob": "*"}, None),
    ({"glob": "*"}, 5),
    ({"matches": "Директор"}, "директор"),
    ({"at_least": 5}, None),
    ({"at_least": 5}, "many"),
    ({"at_least": 0}, True),
    ({"at_least": 0}, "nan"),
    ({"above": 5}, 5),
    ({"above": 5, "below": 7}, 8),
    ({"below": 5}, {"a": 1}),
]
MISTAKES: list[tuple[Any, str]] = [
    ({}, "empty condition"),
    ({"like": "x"}, "unknown operator 'like'"),
    ({"glob": 5}, "glob takes a text"),
    ({"matches": "("}, "not RE2 syntax"),
    ({"matches": "(a)\\1"}, "not RE2 syntax"),
    ({"matches": "x" * 1_001}, "longer than 1000"),
    ({"at_least": "5"}, "takes a number"),
    ({"at_least": True}, "takes a number"),
    ({"one_of": "a"}, "unknown operator 'one_of'"),
]


@pytest.mark.parametrize(("spec", "value"), HOLDS)
def test_tests_that_hold(spec: object, value: object) -> None:
    """Texts compare percent-decoded, case-folded and in NFC; lists hold if one item does."""
    assert compile_test(spec, "here")(value)


@pytest.mark.parametrize(("spec", "value"), FAILS)
def test_tests_that_do_not(spec: object, value: object) -> None:
    """Absent values, other shapes and near misses do not pass."""
    assert not compile_test(spec, "here")(value)


@pytest.mark.parametrize(("spec", "message"), MISTAKES)
def test_mistakes_are_explained(spec: object, message: str) -> None:
    """The error says where and what."""
    with pytest.raises(InvalidModel, match="here") as caught:
        compile_test(spec, "here")
    assert message in str(caught.value)


@pytest.mark.parametrize("field", ["page.path", "event", "Type", "properties", "occurred_at"])
def test_unknown_fields_of_events(field: str) -> None:
    """A field that no event has is refused, not silently never true."""
    with pytest.raises(InvalidModel, match="an event has no field"):
        compile_event_condition({field: "x"}, "here")


def meeting(condition: dict[str, Any], *said: dict[str, Any], after: str = "1m") -> Folded:
    """Fold under a model whose one definition is a condition, until so long after the beginning."""
    return given(*said).under(model(condition)).at(after).folded()


def model(condition: dict[str, Any]) -> dict[str, Any]:
    """A model with one definition, a fading score, and a score of traits."""
    return {
        "scores": {
            "views": {"half_life": "1d", "rules": [{"id": "v", "when": {"type": "page.viewed"}, "points": 10}]},
            "fit": {"rules": [{"id": "t", "when": {"traits.job_title": "CMO"}, "points": 5}]},
        },
        "definitions": {"first": {"contact": "present"}, "it": condition},
    }


WINDOW = {"count": {"type": "page.viewed"}, "at_least": 2, "within": "3d"}


def test_windows_close_at_their_instant() -> None:
    """Two views within three days hold until three days after the first of the last two, to the microsecond."""
    seen = [viewed("0"), viewed("1d"), viewed("2d")]
    end = instant("4d") - instant("0")
    assert meeting(WINDOW, *seen, after="2d").met == {"it"}
    just_before = given(*seen).under(model(WINDOW)).at(end - 1).folded()
    after = given(*seen).under(model(WINDOW)).at(end).folded()
    assert (just_before.met, after.met) == ({"it"}, set())
    assert after.lead.definitions[1] == [False, instant("1d"), instant("4d")]
    assert after.lead.windows == [[instant("1d"), instant("2d")]]


def test_counts_without_a_window_hold_for_ever() -> None:
    """Three downloads are three downloads."""
    condition = {"count": {"type": "page.viewed"}, "at_least": 3}
    assert meeting(condition, viewed("0"), viewed("9d"), viewed("99d"), after="999d").met == {"it"}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"all": [{"traits.city": "Riga"}, {"visits": 1}]}, True),
        ({"any": [{"traits.city": "Oslo"}, {"visits": 1}]}, True),
        ({"any": [{"traits.city": "Oslo"}, {"visits": 2}]}, False),
        ({"not": {"traits.city": "Oslo"}}, True),
        ({"at_least": 2, "of": [{"traits.city": "Riga"}, {"visits": 1}, {"owner": "present"}]}, True),
        ({"at_least": 3, "of": [{"traits.city": "Riga"}, {"visits": 1}, {"owner": "present"}]}, False),
        ({"traits.city": "Riga", "contact": "present"}, True),
        ({"traits.city": "Riga", "contact": "absent"}, False),
        ({"definition": "first"}, True),
        ({"scores.views": {"at_least": 10}}, True),
        ({"scores.views": {"below": 10}}, False),
        ({"scores.fit": {"below": 10}}, False),
        ({"scores.fit": {"at_least": 0}}, False),
    ],
)
def test_conditions_on_a_lead(condition: dict[str, Any], holds: bool) -> None:
    """All, any, not, some of, and atoms; unknown is neither at least nor below anything."""
    folded = meeting(condition, {**identified("0", city="Riga"), "type": "page.viewed", "properties": {}}, after="0")
    assert ("it" in folded.met) is holds
    gaps = folded.model.definitions[1][1].missing(folded.lead, folded.clock)
    assert bool(gaps) is not holds


def test_thresholds_are_left_at_their_instant() -> None:
    """Twenty points with a half-life of a day are below ten one microsecond after a day."""
    condition = {"scores.views": {"at_least": 10}}
    day = instant("1d") - instant("0")
    assert given(viewed("0"), viewed("0")).under(model(condition)).at(day).folded().met == {"it"}
    assert given(viewed("0"), viewed("0")).under(model(condition)).at(day + 1).folded().met == set()


def test_below_is_entered_by_time() -> None:
    """A condition that waits for a score to fade comes true by itself."""
    folded = meeting({"scores.views": {"below": 10}}, viewed("0"), viewed("0"), after="2d")
    assert folded.met == {"it"}
    assert folded.lead.definitions[1][1] == instant("1d") + 1


def test_what_is_missing_is_what_is_cheapest() -> None:
    """Of alternatives, the one that needs least is named."""
    condition = {"any": [{"all": [{"traits.city": "Riga"}, {"traits.need": "present"}]}, {"owner": "present"}]}
    folded = meeting(condition, viewed("0"))
    gaps = folded.model.definitions[1][1].missing(folded.lead, folded.clock)
    assert gaps == [{"field": "owner", "needs": "present", "has": None}]


def test_missing_counts_say_how_many_there_are() -> None:
    """One view of two."""
    folded = meeting(WINDOW, viewed("0"))
    (gap,) = folded.model.definitions[1][1].missing(folded.lead, folded.clock)
    assert (gap["field"], gap["has"], gap["needs"]["at_least"]) == ("count", 1, 2)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({}, "a condition is a mapping"),
        ({"all": ["x"]}, "a condition is a mapping"),
        ({"all": []}, "takes a list"),
        ({"traits": "x"}, "a lead has no field"),
        ({"scores.nothing": {"at_least": 5}}, "there is no score"),
        ({"scores.views": {"above": 5}}, "takes at_least or below"),
        ({"scores.views": {"at_least": 0}}, "more than 0 points"),
        ({"scores.views": {"at_least": "5"}}, "takes a number"),
        ({"count": {"type": "page.viewed"}, "most": 5}, "not most"),
        ({"count": {"type": "page.viewed"}, "at_least": 0}, "whole number"),
        ({"count": {"type": "page.viewed"}, "at_least": 1_001}, "whole number"),
        ({"count": {"type": "page.viewed"}, "within": "soon"}, "not a duration"),
        ({"definition": "it"}, "stands below"),
        ({"definition": "nothing"}, "there is no definition"),
    ],
)
def test_mistakes_in_definitions(condition: Any, message: str) -> None:
    """Every mistake is found when the model is published, and explained."""
    with pytest.raises(InvalidModel, match=message):
        compile_model(model(condition))


def test_events_of_any_lead_are_counted_by_their_fields() -> None:
    """A counter looks at the same fields as a rule."""
    condition = {"count": {"type": "webinar.attended", "properties.webinar_id": {"glob": "roi*"}}}
    assert meeting(condition, happened("0", "webinar.attended", webinar_id="ROI-5")).met == {"it"}
    assert meeting(condition, happened("0", "webinar.attended", webinar_id="x")).met == set()
