"""Bytes to JSON values, refusing whatever one of the databases or a JSON reader would refuse or change later.

Strictness lives here, once; what a JSON value means is in ``wire``. Errors name the place, never the content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any, NoReturn

import orjson

from lead_events.domain.errors import InvalidJson

MAX_DEPTH = 20
"""Deepest nesting that is accepted, in levels of arrays and objects."""

_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_MAX_DIGITS = 20
"""Longest text of a signed 64-bit integer, with its sign."""
_MAX_FLOAT = 400
"""Longest text of a number with a fraction or exponent, in characters."""
# Takes an unfinished string to the end of the body, so that every quote is looked at once: linear on any input.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_RISKY_ESCAPE = re.compile(rb"\\u(?:[dD][89a-fA-F]|0000)")
_NUL = "\0"
_TOO_LONG = "a whole number does not fit 64 bits; send it as a text."
_NESTED = frozenset({dict, list})
_UNSURE = object()
"""Says that only the slow reader can tell."""


def parse(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """Read one JSON value that every part of the service can keep and give back unchanged.

    Args:
        body: UTF-8 without a byte order mark.
        max_depth: deepest nesting, in levels.

    Returns:
        The value; its strings hold no NUL and no lone surrogate, its integers fit 64 bits, its numbers are finite.

    Raises:
        InvalidJson: the body is anything else, or names a key twice in one object.
    """
    value = _parse_canonical(body, max_depth)
    return _parse_slowly(body, max_depth) if value is _UNSURE else value


def check(value: Any) -> None:
    """Refuse a value that a more lenient reader of JSON gave, if ``parse`` would not have given it.

    Raises:
        InvalidJson: it holds a NUL, half of a surrogate pair, NaN, an infinity, or an integer beyond 64 bits.
    """
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += [*each, *each.values()]
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            _check_text(each)
        elif isinstance(each, float) and not isfinite(each):
            _constant("")
        elif isinstance(each, int) and not _LOWEST <= each <= _HIGHEST:
            raise InvalidJson(_TOO_LONG)


def _parse_canonical(body: bytes, max_depth: int) -> Any:
    """Read a body that is exactly what a fast writer makes of its value, as browsers and most clients send it.

    Writing it again shows what the fast reader would let pass: a key that is named twice, a number that does not fit.
    Only escapes and depth remain to be asked. Whatever else a body is, ``_parse_slowly`` judges it.
    """
    if b"\\u" in body:
        return _UNSURE
    try:
        value = orjson.loads(body)
        if orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER) != body:
            return _UNSURE
    except (ValueError, TypeError):
        return _UNSURE
    shallow = body.count(b"[") + body.count(b"{") <= max_depth
    return value if shallow or _ends_within(value, max_depth) else _UNSURE


def _ends_within(value: Any, levels: int) -> bool:
    """Say whether a value is nested no deeper than so many levels."""
    level = [value] if type(value) in _NESTED else []
    for _ in range(levels):
        level = [item for each in level for item in (each.values() if type(each) is dict else each) if type(item) in _NESTED]
        if not level:
            return True
    return not level


def _parse_slowly(body: bytes, max_depth: int) -> Any:
    """Read any body, and say what is wrong with it."""
    text = _decode(body)
    _check_depth(body, max_depth)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        message = f"{error.msg} at line {error.lineno}, column {error.colno}."
        raise InvalidJson(message) from None
    if _RISKY_ESCAPE.search(body):
        _check_strings(value)
    return value


def _decode(body: bytes) -> str:
    """Decode UTF-8, telling the usual other encodings apart."""
    if not body:
        raise InvalidJson("it is empty.")
    if body.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise InvalidJson("send UTF-8 without a byte order mark.")
    if b"\0" in body:
        raise InvalidJson("it holds NUL bytes; send UTF-8.")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        message = f"it is not UTF-8 at byte {error.start}."
        raise InvalidJson(message) from None


def _check_depth(body: bytes, max_depth: int) -> None:
    """Refuse nesting that is too deep before a parser could recurse into it."""
    if body.count(b"[") + body.count(b"{") <= max_depth:
        return
    depth = 0
    for bracket in _STRING.sub(b"", body).translate(None, _NOT_BRACKETS):
        if bracket in b"[{":
            depth += 1
            if depth > max_depth:
                message = f"it is nested deeper than {max_depth} levels."
                raise InvalidJson(message)
        else:
            depth -= 1


def _check_strings(value: Any) -> None:
    """Refuse NUL and halves of surrogate pairs, which only escapes can bring in."""
    for text in _strings(value):
        _check_text(text)


def _check_text(text: str) -> None:
    if _NUL in text:
        raise InvalidJson("a text holds a NUL character.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidJson("a text holds half of a surrogate pair.") from None


def _strings(value: Any) -> Iterator[str]:
    """Give every key and every text of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, refusing a key that stands in it twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InvalidJson("an object names a key twice.")
    return found


def _integer(text: str) -> int:
    """Read a signed 64-bit integer; the length goes first, because long numbers are slow to read."""
    if len(text) <= _MAX_DIGITS:
        number = int(text)
        if _LOWEST <= number <= _HIGHEST:
            return number
    raise InvalidJson(_TOO_LONG)


def _number(text: str) -> float:
    """Read a number with a fraction or exponent that a 64-bit float can hold."""
    if len(text) <= _MAX_FLOAT:
        number = float(text)
        if isfinite(number):
            return number
    raise InvalidJson("a number is too large or too long; send it as a text.")


def _constant(_text: str) -> NoReturn:
    """Refuse NaN and the infinities, which are not JSON."""
    raise InvalidJson("NaN and Infinity are not JSON; leave the field out.")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_constant)
