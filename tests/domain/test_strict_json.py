"""Strict JSON: what is refused, what passes unchanged, and that hostile bodies cost no more than their length."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_events.domain.errors import InvalidJson
from lead_events.domain.strict_json import MAX_DEPTH, _parse_slowly, check, parse
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


@given(KEPT, st.sampled_from(["\0", "a\ud800", float("nan"), float("-inf"), 2**63, -(2**63) - 1]), st.booleans())
def test_what_a_lenient_reader_gave_is_judged_alike(value: Any, wrong: Any, is_key: bool) -> None:
    """What passes here passes there; what would not is refused, however deep it lies, as a value or as a key."""
    check(value)
    inside = {wrong: 1} if is_key and isinstance(wrong, str) else wrong
    for _ in range(2_000):
        inside = [inside]
    with pytest.raises(InvalidJson):
        check([value, {"a": inside}])


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


def _told(read: Callable[[], Any]) -> str:
    """Tell a value, types and signs included, or the words of the refusal."""
    try:
        return repr(read())
    except InvalidJson as error:
        return f"refused: {error}"


@pytest.mark.parametrize(("name", "body", "code"), CORPUS, ids=[name for name, _, _ in CORPUS])
def test_both_readers_say_the_same_of_a_hostile_body(name: str, body: bytes, code: str) -> None:
    """As sent, and without the blanks that keep a body from the fast reader."""
    for each in (body, body.replace(b'": ', b'":').replace(b', "', b',"')):
        assert _told(lambda each=each: parse(each)) == _told(lambda each=each: _parse_slowly(each, MAX_DEPTH))  # type: ignore[misc]


@given(
    KEPT, st.integers(0, 400), st.sampled_from([b"", b"[", b"]", b"{", b'"', b"0", b"-", b"e9", b"9" * 19, b"\\u0000", b'"a":1,'])
)
def test_both_readers_say_the_same_of_a_damaged_body(value: Any, place: int, damage: bytes) -> None:
    """A body as a fast writer makes it, with something put into it anywhere."""
    written = orjson.dumps({"a": value, "b": [value]})
    body = written[: place % len(written)] + damage + written[place % len(written) :]
    assert _told(lambda: parse(body)) == _told(lambda: _parse_slowly(body, MAX_DEPTH))


@pytest.mark.parametrize("body", [b'{"a":1,"a":2}', b'{"a":18446744073709551615}', b'{"a":{"b":1,"b":1}}'])
def test_what_the_fast_reader_would_let_pass_is_refused(body: bytes) -> None:
    """Keys named twice and whole numbers beyond 64 bits, in bodies without a blank."""
    with pytest.raises(InvalidJson):
        parse(body)
