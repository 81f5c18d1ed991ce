"""What a difference between two models says, in words and as data."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from lead_events.domain.model_diff import diff
from tests.histories import MODEL


def changed(*path: Any, to: Any) -> dict[str, Any]:
    """Return a copy of the model with one value replaced; None removes it."""
    copy: dict[str, Any] = orjson.loads(orjson.dumps(MODEL))
    place: Any = copy
    for name in path[:-1]:
        place = place[name]
    if to is None:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return copy


@pytest.mark.parametrize(
    ("path", "to", "words"),
    [
        (("scores", "behaviour", "half_life"), "30d", "score behaviour half-life: 12h → 30d"),
        (("scores", "behaviour", "rules", 0, "points"), 12, "rule view of behaviour points: 10 → 12"),
        (("scores", "behaviour", "cap"), 1_000_001, "score behaviour cap: 60 → 1000001"),
        (("scores", "behaviour", "rules", 0, "limit", "per"), "day", "rule view of behaviour limit per: session → day"),
        (("scores", "behaviour", "rules", 3), None, "rule gone of behaviour is gone: when type email.unsubscribed; points -20"),
        (("definitions", "ready", "all", 1, "scores.behaviour", "at_least"), 40,
         "definition ready scores.behaviour at least: 25 → 40"),
        (("definitions", "regular"), None, "definition regular is gone: all visits at least 2, scores.fit at least 20"),
        (("definitions", "new"), {"contact": "present"}, "definition new is new: contact present"),
        (("stages", "mql", "exits", 0, "after"), "2d", "stage mql exits after: 1d → 2d"),
        (("stages", "recycled", "entry", 0, "events"), ["lead.rejected", "deal.lost"],
         "stage recycled entry events also has: deal.lost"),
        (("time_zone",), "UTC", "time zone: Asia/Kathmandu → UTC"),
        (("temperature", "hot"), "regular", "temperature hot: ready → regular"),
    ],
)  # fmt: skip
def test_one_difference_is_one_sentence(path: tuple[Any, ...], to: Any, words: str) -> None:
    """Whoever agreed on the model reads what changes, without knowing JSON."""
    (only,) = diff(MODEL, changed(*path, to=to))
    assert only.words == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scores.behaviour.groups": {"acts": {"cap": 40}}}, "score behaviour groups is new: acts cap 40"),
        ({"scores.behaviour.inactivity": [{"id": "quiet", "after": "45d", "set": 0}]},
         "score behaviour inactivity is new: quiet after 45d; set 0"),
        ({"definitions.near": {"sequence": [{"type": "page.viewed"}, {"type": "deal.won"}], "within": "7d"}},
         "definition near is new: sequence type page.viewed, type deal.won; within 7d"),
        ({"definitions.near": {"since": {"type": "page.viewed"}, "at_least": "7d"}},
         "definition near is new: time since type page.viewed; at least 7d"),
        ({"tests": [{"name": "one view", "expect": {"stage": "lead"}}]}, "tests is new: one view expect stage lead"),
        ({"stages.sal.requires": ["traits.budget"]}, "stage sal requires is new: traits.budget"),
        ({"grade": {"letter": {"score": "fit", "steps": [3]}, "digit": {"score": "heat", "steps": [2, 1]}}},
         "grade is new: letter score fit; steps 3; digit score heat; steps 2, 1"),
    ],
)  # fmt: skip
def test_every_construct_is_said_in_words(change: dict[str, Any], words: str) -> None:
    """Groups, silence, windows, grades, requirements and tests."""
    ((path, to),) = change.items()
    (only,) = diff(MODEL, changed(*path.split("."), to=to))
    assert only.words == words


def test_parts_of_new_constructs_stand_by_their_names() -> None:
    """A silence, a group, a target and a test are named, not numbered."""
    old = changed("scores", "behaviour", "groups", to={"acts": {"cap": 40}})
    old["scores"]["behaviour"]["inactivity"] = [{"id": "quiet", "after": "45d", "points": -5}]
    old["tests"] = [{"name": "one view", "expect": {"stage": "lead"}}]
    new: dict[str, Any] = orjson.loads(orjson.dumps(old))
    new["scores"]["behaviour"]["groups"]["acts"]["cap"] = 50
    new["scores"]["behaviour"]["inactivity"][0]["after"] = "30d"
    new["tests"].insert(0, {"name": "nobody", "expect": {"stage": "visitor"}})
    assert [each.words for each in diff(old, new)] == [
        "group acts of behaviour cap: 40 → 50",
        "silence quiet of behaviour after: 45d → 30d",
        "test nobody is new: expect stage visitor",
    ]


def test_a_condition_that_gives_way_to_one_of_another_kind_is_not_mixed_with_it() -> None:
    """What was asked and what is asked instead are two sentences; names of fields stay as they are written."""
    old = {"definitions": {"ready": {"all": [{"contact": "present"}, {"traits.job_title": "Director"}]}}}
    new = {"definitions": {"ready": {"all": [{"contact": "present"}, {"count": {"type": "page.viewed"}, "at_least": 2}]}}}
    assert [each.words for each in diff(old, new)] == [
        "definition ready also has: count type page.viewed; at least 2",
        "definition ready no longer has: traits.job_title Director",
    ]
    more = {"definitions": {"ready": {"all": [{"contact": "present"}, {"traits.job_title": "Head"}]}}}
    assert [each.words for each in diff(old, more)] == ["definition ready traits.job_title: Director → Head"]


def test_order_of_rules_means_nothing_and_order_of_entries_does() -> None:
    """Rules stand by their ids; the first entry that fits wins."""
    rules = MODEL["scores"]["behaviour"]["rules"]
    assert diff(MODEL, changed("scores", "behaviour", "rules", to=rules[::-1])) == []
    entries = MODEL["stages"]["mql"]["entry"]
    (only,) = diff(MODEL, changed("stages", "mql", "entry", to=entries[::-1]))
    assert "another order" in only.words


def test_a_document_equals_itself_and_data_names_the_place() -> None:
    """No difference is no sentence; the pointer leads to what differs."""
    assert diff(MODEL, MODEL) == []
    (only,) = diff(MODEL, changed("scores", "fit", "rules", 0, "points", to=25))
    assert (only.pointer, only.kind, only.old, only.new) == ("/scores/fit/rules/director/points", "changed", 20, 25)
