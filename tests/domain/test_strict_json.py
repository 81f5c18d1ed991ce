"""Strict JSON: what is refused, what passes unchanged, and that hostile bodies cost no more than their length."""

from __future__ import annotations

import json
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_events.domain.errors import InvalidJson
from lead_events.domain.strict_json import parse
from tests.domain.corpus import CORPUS, nested

KEPT = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="ascii", min_codepoint=1)), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(("name", "body", "code"), CORPUS, ids=[name for name, _, _ in CORPUS])
def test_only_what_can_be_kept_passes(name: str, body: bytes, code: str) -> None:
    """A body is refused here exactly when the corpus says so; what passes can be written again."""
    if code == "invalid_json":
        with pytest.raises(InvalidJson):
            parse(body)
    else:
        orjson.dumps(parse(body))


@given(KEPT)
def test_json_that_can_be_kept_comes_back_unchanged(value: Any) -> None:
    """Any value within the limits is read as it was written, escaped or not."""
    assert parse(json.dumps(value).encode(), max_depth=100) == value
    assert parse(json.dumps(value, ensure_ascii=False).encode(), max_depth=100) == value


@pytest.mark.parametrize("levels", [3, 19, 20, 21, 22, 60])
def test_depth_is_counted_exactly(levels: int) -> None:
    """Twenty levels pass and one more does not, whatever brackets stand in texts."""
    body = nested(levels)[:-1] + b',"noise":"\\"[[[[[[[[[[{{{{{{{{{{{{"}'
    if levels <= 20:
        assert parse(body)["noise"].endswith("{")
    else:
        with pytest.raises(InvalidJson, match="deeper than 20"):
            parse(body)


@pytest.mark.parametrize(
    "unit",
    [b'\\"', b'"', b"\\", b'"\\', b"[", b"{", b"[{", b'"[', b"9", b"\\ud800", b"1,", b'{"a":'],
    ids=lambda unit: unit.decode(),
)
def test_cost_grows_with_length_only(unit: bytes) -> None:
    """Half a megabyte of any repeated trouble is refused in well under a second."""
    body = b'{"a":[[[[[[[[[[[[[[[[[[[[["' + unit * (512 * 1024 // len(unit))
    started = time.perf_counter()
    with pytest.raises(InvalidJson):
        parse(body)
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize("body", [b'{"email":"anna@firm.example",}', b'{"x":"anna@firm.example\\ud800"}'])
def test_errors_do_not_repeat_what_was_sent(body: bytes) -> None:
    """An error names the place, never the content."""
    with pytest.raises(InvalidJson) as caught:
        parse(body)
    assert "anna" not in str(caught.value)
