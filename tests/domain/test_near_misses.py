"""How far a lead is from a definition: the cheapest way through, weighed, and every kind of condition has its place."""

from __future__ import annotations

from itertools import combinations, count
from typing import Any

import pytest
from hypothesis import given as sampled
from hypothesis import strategies as st

from lead_events.domain.errors import InvalidModel
from lead_events.domain.model import Model, compile_model
from lead_events.domain.near_misses import KINDS, Way, find_way
from lead_events.domain.state import Lead
from tests.given import BEGIN

SCORES = {
    "heat": {"rules": [{"id": "view", "when": {"type": "page.viewed"}, "points": 5}]},
    "fit": {"rules": [{"id": "boss", "when": {"traits.job_title": "boss"}, "points": 20}]},
}
GRADE = {"letter": {"score": "fit", "steps": [20]}, "digit": {"score": "heat", "steps": [10]}}


def model_of(condition: dict[str, Any], **more: Any) -> Model:
    """Compile a model with one definition."""
    return compile_model(
        {"scores": SCORES, "grade": GRADE, "definitions": {**more.pop("definitions", {}), "ready": condition}, **more}
    )


def way(condition: dict[str, Any], lead: Lead | None = None, **more: Any) -> Way:
    """Return the way of somebody of whom nothing is known, unless another lead is named."""
    model = model_of(condition, **more)
    return find_way(lead or model.begin(1), "ready", model, BEGIN)


def test_every_kind_of_condition_has_a_place() -> None:
    """What the model language knows is weighed here; a new kind without a place ends this test."""
    with pytest.raises(InvalidModel) as caught:
        model_of({"no-such-field": 1})
    known = set(str(caught.value).partition("use one of ")[2].split(", "))
    assert len(known) > 10
    made_of_others = {"all", "any", "not", "definition"}
    assert known <= made_of_others | set(KINDS), known - made_of_others - set(KINDS)


@pytest.mark.parametrize(
    ("condition", "distance", "words"),
    [
        ({"traits.phone": "present"}, 1, ["find phone"]),
        ({"contact": "present"}, 1, ["find an e-mail address or a phone number"]),
        ({"traits.staff": {"at_least": 50}}, 1, ["staff must be at least 50"]),
        ({"scores.heat": {"at_least": 40}}, 3, ["40 more points of heat"]),
        ({"scores.fit": {"at_least": 20}}, 1, ["find job_title: without it fit is unknown"]),
        ({"count": {"type": "page.viewed"}, "at_least": 3, "within": "30d"}, 3, ["3 more page.viewed within 30d"]),
        (
            {"sum": {"type": "order.placed", "of": "properties.amount"}, "at_least": 100},
            3, ["100 more of properties.amount in order.placed"],
        ),
        ({"distinct": "context.page.path", "at_least": 3, "within": "7d"}, 3, ["3 more different context.page.path within 7d"]),
        ({"dwell": {"context.page.path": "/pricing"}, "at_least": "2m"}, 3, ["2m on pages with context.page.path /pricing"]),
        (
            {"sequence": [{"type": "page.viewed"}, {"type": "form.submitted"}], "within": "1d"},
            3, ["page.viewed, then form.submitted within 1d"],
        ),
        ({"since": {"type": "page.viewed"}, "at_most": "7d"}, 3, ["page.viewed at most 7d ago"]),
        ({"grade": ["A1", "A2"]}, 3, ["grade must be A1 or A2"]),
        ({"visits": {"at_least": 2}}, 3, ["2 more of visits"]),
        ({"stage": "mql"}, 3, ["stage must be mql"]),
        ({"traits.job_title": {"matches": "(?i)chief"}}, 1, ["job_title must match (?i)chief"]),
        ({"traits.job_title": {"glob": "*chief*"}}, 1, ["job_title must fit *chief*"]),
        ({"scores.heat": {"at_least": 1_000_001}}, 3, ["1000001 more points of heat"]),
        ({"not": {"stage": "visitor"}}, 3, ["no longer: stage visitor"]),
        ({"not": {"not": {"traits.phone": "present"}}}, 1, ["find phone"]),
        ({"not": {"all": [{"stage": "visitor"}, {"not": {"traits.phone": "present"}}]}}, 1, ["find phone"]),
        ({"all": [{"traits.phone": "present"}, {"visits": {"at_least": 1}}]}, 4, ["find phone", "1 more of visits"]),
        ({"any": [{"visits": {"at_least": 1}}, {"traits.phone": "present"}]}, 1, ["find phone"]),
        (
            {"at_least": 2, "of": [{"visits": {"at_least": 1}}, {"traits.phone": "present"}, {"traits.city": "present"}]},
            2, ["find phone", "find city"],
        ),
        ({"dwell": {}, "at_least": "2m", "within": "1d"}, 3, ["2m on pages within 1d"]),
        ({"traits.phone": "present", "traits.city": ["Perm", "Ufa"]}, 2, ["find phone", "city must be Perm or Ufa"]),
    ],
)  # fmt: skip
def test_the_cheapest_way_and_its_words(condition: dict[str, Any], distance: float, words: list[str]) -> None:
    """Of a visitor of whom nothing is known."""
    found = way(condition)
    assert (found.distance, [step.words for step in found.steps]) == (distance, words)


def test_another_definition_is_reached_by_its_own_way() -> None:
    """Naming a definition costs what that one lacks; naming any takes the nearest."""
    others = {"far": {"visits": {"at_least": 1}}, "near": {"traits.phone": "present"}}
    assert way({"definition": "far"}, definitions=others).distance == 3
    assert [step.trait for step in way({"definition": "any"}, definitions=others).steps] == ["phone"]


def test_what_two_definitions_ask_is_done_once() -> None:
    """A step that is needed twice is one step, and of several ways the one that others need too is the cheapest."""
    others = {
        "reached": {"traits.phone": "present", "text": "somebody to call"},
        "local": {"any": [{"traits.city": "Perm"}, {"traits.phone": "present"}]},
    }
    wanted = {"all": [{"definition": "local"}, {"definition": "reached"}, {"traits.phone": "present"}]}
    found = way(wanted, definitions=others)
    assert (found.distance, [step.words for step in found.steps]) == (1, ["find phone"])


def test_no_longer_meeting_a_definition_has_its_way_too() -> None:
    """Who must not meet another definition does the least that ends it."""
    others: dict[str, Any] = {"poor": {"all": [{"traits.budget": "absent"}, {"visits": {"below": 3}}], "owner": "marketing"}}
    model = model_of({"not": {"definition": "poor"}}, definitions=others)
    lead = model.begin(1)
    lead.definitions[0][0] = True
    found = find_way(lead, "ready", model, BEGIN)
    assert (found.distance, [step.words for step in found.steps]) == (1, ["no longer: traits.budget absent"])


@pytest.mark.parametrize("named", ["before", "any"])
def test_definitions_that_multiply_are_looked_into_no_further(named: str) -> None:
    """However many ways there are through definitions inside definitions, the answer comes, and is a way."""
    definitions: dict[str, Any] = {"d0": {"contact": "present"}}
    for number in range(1, 40):
        inner = {"definition": f"d{number - 1}" if named == "before" else "any"}
        definitions[f"d{number}"] = {"all": [inner, {"any": [inner, {"traits.x": number}]}]}
    found = way({"definition": "d39"}, definitions=definitions)
    assert found.distance > 0
    assert len(found.steps) < 1_000
    assert {step.field for step in found.steps} <= {"contact", "traits.x", "definition"}


def test_the_model_says_what_a_fact_and_an_act_weigh() -> None:
    """Somebody whose marketers find nothing and whose leads come often."""
    either = {"any": [{"traits.phone": "present"}, {"visits": {"at_least": 1}}]}
    found = way(either, near_miss={"fact": 5, "act": 2})
    assert (found.distance, found.steps[0].kind, found.steps[0].more) == (2, "act", 1)
    with pytest.raises(InvalidModel):
        model_of(either, near_miss={"fact": 0})


TREES = st.recursive(
    st.just("atom"),
    lambda inner: st.one_of(
        st.tuples(st.just("all"), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(st.just("any"), st.lists(inner, min_size=1, max_size=3)),
        st.tuples(st.just("not"), inner),
        st.tuples(st.integers(1, 3), st.lists(inner, min_size=3, max_size=3)),
    ),
    max_leaves=6,
)


def spell(tree: Any, numbers: Any) -> dict[str, Any]:
    """Write a condition whose atoms are about the traits of these numbers."""
    if tree == "atom":
        return {f"traits.t{next(numbers)}": "present"}
    head, rest = tree
    if head == "not":
        return {"not": spell(rest, numbers)}
    parts = [spell(part, numbers) for part in rest]
    return {"at_least": head, "of": parts} if isinstance(head, int) else {head: parts}


@sampled(tree=TREES, known=st.sets(st.integers(0, 8)))
def test_the_distance_is_the_least_number_of_facts_to_change(tree: Any, known: set[int]) -> None:
    """Trying every set of traits to find or to empty finds no shorter way, and the way named is one that leads there."""
    numbers = count()
    model = model_of(spell(tree, numbers))
    names = [f"t{number}" for number in range(next(numbers))]
    lead = model.begin(1)
    lead.traits = {name: [1, 0, 1, 0] for number, name in enumerate(names) if number in known}
    holds = model.definitions[0][1].holds

    def reaches(changed: tuple[str, ...]) -> bool:
        other = model.begin(1)
        other.traits = {name: [1, 0, 1, 0] for name in names if (name in lead.traits) != (name in changed)}
        return holds(other, BEGIN)

    shortest = next(size for size in range(len(names) + 1) if any(map(reaches, combinations(names, size))))
    found = find_way(lead, "ready", model, BEGIN)
    assert found.distance == shortest == len(found.steps)
    assert reaches(tuple(step.trait or next(iter(step.needs)).removeprefix("traits.") for step in found.steps))


ALIKE = st.recursive(
    st.integers(0, 4),
    lambda inner: st.one_of(
        st.tuples(st.just("all"), st.lists(inner, min_size=1, max_size=4)),
        st.tuples(st.just("any"), st.lists(inner, min_size=1, max_size=4)),
        st.tuples(st.integers(1, 3), st.lists(inner, min_size=3, max_size=3)),
    ),
    max_leaves=9,
)


def spell_alike(tree: Any) -> dict[str, Any]:
    """Write a condition whose atoms are about few traits, so that one may stand in several places."""
    if isinstance(tree, int):
        return {f"traits.t{tree}": "present"}
    head, rest = tree
    parts = [spell_alike(part) for part in rest]
    return {"at_least": head, "of": parts} if isinstance(head, int) else {head: parts}


@sampled(tree=ALIKE)
def test_a_fact_that_is_asked_for_in_several_places_is_found_once(tree: Any) -> None:
    """Trying every set of traits finds no shorter way, although the cheapest of a part is not that of the whole."""
    model = model_of(spell_alike(tree))

    def reaches(found: tuple[int, ...]) -> bool:
        lead = model.begin(1)
        lead.traits = {f"t{number}": [1, 0, 1, 0] for number in found}
        return model.definitions[0][1].holds(lead, BEGIN)

    shortest = next(size for size in range(6) if any(map(reaches, combinations(range(5), size))))
    way_found = find_way(model.begin(1), "ready", model, BEGIN)
    assert way_found.distance == shortest == len(way_found.steps)
    assert reaches(tuple(int(str(step.trait)[1:]) for step in way_found.steps))
