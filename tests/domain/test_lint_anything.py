"""Lint and the compiler agree on any document, those that are nearly right above all: most of what people send is."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import find, given
from hypothesis import strategies as st

from lead_events.domain import lint
from lead_events.domain.findings import Finding, Severity
from lead_events.domain.model import compile_model
from tests.given import shipped_document
from tests.histories import LANGUAGE, MODEL

RIGHT = [MODEL, LANGUAGE, shipped_document()]
CONDITIONS = [condition for document in RIGHT for condition in document["definitions"].values()]
OF_LINT_ALONE = ("present takes true", "a type is a text")
"""What the compiler lets pass although it means nothing; publishing asks lint."""

_KEYS = st.sampled_from(
    ["scores", "a", "rules", "id", "when", "type", "points", "definitions", "all", "any", "of", "count", "within", "stages",
     "sum", "distinct", "dwell", "sequence", "since", "lately", "at_most", "grade", "groups", "inactivity", "tests",
     "entry", "exits", "from", "to", "unless", "limit", "scores.a", "traits.x", "at_least", "not", "temperature", "hot"]
)  # fmt: skip
_LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-5, 2_000), st.sampled_from(["a", "30d", "page.viewed", "present"]))
ANYTHING = st.recursive(
    _LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=4)), max_leaves=25
)


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Give every (holder, key) below a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from places(inner)


@st.composite
def nearly(draw: st.DrawFn, right: Any) -> Any:
    """Something right of which up to two parts were taken out, put in the place of others, or written by a monkey."""
    value = copy.deepcopy(right)
    for _ in range(draw(st.integers(0, 2))):
        below = list(places(value))
        if not below:
            break
        holder, key = below[draw(st.integers(0, len(below) - 1))]
        other, place = below[draw(st.integers(0, len(below) - 1))]
        match draw(st.sampled_from(["gone", "moved", "anything"])):
            case "gone":
                del holder[key]
            case "moved":
                holder[key] = copy.deepcopy(other[place])
            case _:
                holder[key] = draw(ANYTHING)
    return value


documents = st.sampled_from(RIGHT).flatmap(nearly) | ANYTHING
conditions = st.sampled_from(CONDITIONS).flatmap(nearly) | ANYTHING


def errors(document: Any) -> list[Finding]:
    """Return what keeps a document from being published."""
    return [finding for finding in lint.lint(document) if finding.severity is Severity.ERROR]


def compiles(document: Any) -> bool:
    """Say whether the compiler takes a document."""
    try:
        compile_model(document)
    except Exception:  # noqa: BLE001 - whatever the compiler stumbles over
        return False
    return True


@given(document=documents)
def test_lint_never_fails_and_what_it_lets_pass_can_be_compiled(document: Any) -> None:
    """Whatever is sent is answered with findings, and publishing refuses nothing that lint found no error in."""
    assert errors(document) or compiles(document)


@given(spec=conditions)
def test_lint_understands_every_condition_as_the_compiler_does(spec: Any) -> None:
    """A definition without an error compiles, and one that compiles has no error."""
    document = {"scores": MODEL["scores"], "definitions": {"d": spec}}
    found = errors(document)
    if compiles(document):
        assert [error for error in found if not error.message.startswith(OF_LINT_ALONE)] == []
    else:
        assert found


def test_what_is_tried_is_let_pass_now_and_then() -> None:
    """Documents and conditions that nobody wrote down here, and that are right all the same."""
    assert find(documents, lambda document: document not in RIGHT and not errors(document))
    assert find(
        conditions, lambda spec: spec not in CONDITIONS and compiles({"scores": MODEL["scores"], "definitions": {"d": spec}})
    )
