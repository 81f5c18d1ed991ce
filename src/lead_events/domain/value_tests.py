"""Tests of one value: the right side of a condition, compiled once per model.

Texts compare percent-decoded, case-folded and NFC; ``matches`` is RE2 syntax
(https://github.com/google/re2/wiki/Syntax), which cannot be made slow by its input.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import re2

from lead_events.domain.errors import InvalidModel
from lead_events.domain.lists import SHIPPED, Lists, MailKind, mail_kind

Value = Any
Test = Callable[[Value], bool]

MATCHES_MAX_CHARACTERS = 1_000
_QUIET = re2.Options()
_QUIET.log_errors = False  # its own log is no line of ours; the error says the same
MAIL_KINDS = tuple(kind.value for kind in MailKind)
"""What an e-mail address can be; the operands of ``mail``."""


@lru_cache(maxsize=262_144)
def normalise(text: str) -> str:
    """Return a text as comparisons see it: percent-decoded, NFC, case-folded."""
    return _decoded(text).casefold()


@lru_cache(maxsize=65_536)
def _decoded(text: str) -> str:
    return unicodedata.normalize("NFC", unquote(text) if "%" in text else text)


def compile_test(spec: Value, where: str, lists: Lists = SHIPPED) -> Test:
    """Compile the right side of a condition: a value, a list of values, ``present``, ``absent``, or operators.

    Args:
        where: what a refusal begins with.
        lists: of mail providers, which ``mail`` looks into.

    Raises:
        InvalidModel: an operator is unknown or its operand is of the wrong type; ``where`` names the place.
    """
    if spec == "present":
        return _present
    if spec == "absent":
        return lambda value: not _present(value)
    if isinstance(spec, Mapping):
        return _all_of([_operator(name, operand, where, lists) for name, operand in spec.items()], where)
    if isinstance(spec, list):
        return _one_of(spec)
    return _one_of([spec])


def _present(value: Value) -> bool:
    return value is not None and value not in ("", [], {})


def _all_of(tests: list[Test], where: str) -> Test:
    if not tests:
        raise InvalidModel(f"{where}: an empty condition matches nothing; name an operator")
    return tests[0] if len(tests) == 1 else lambda value: all(test(value) for test in tests)


def _one_of(options: Iterable[Value]) -> Test:
    wanted = frozenset(_comparable(option) for option in options)

    def equals(value: Value) -> bool:
        if isinstance(value, list):
            return any(_comparable(item) in wanted for item in value if not isinstance(item, dict | list))
        return not isinstance(value, dict) and _comparable(value) in wanted

    return equals


def _comparable(value: Value) -> Value:
    return normalise(value) if isinstance(value, str) else value


def _operator(name: str, operand: Value, where: str, lists: Lists) -> Test:
    match name:
        case "glob":
            return _glob(_text(operand, name, where))
        case "matches":
            return _matches(_text(operand, name, where), where)
        case "one_of" if isinstance(operand, list):
            return _one_of(operand)
        case "not":
            inner = compile_test(operand, where, lists)
            return lambda value: not inner(value)
        case "at_least" | "at_most" | "above" | "below":
            return _number_test(name, operand, where)
        case "present":
            return _present if operand else lambda value: not _present(value)
        case "mail":
            return _mail(operand, where, lists)
    raise InvalidModel(f"{where}: unknown operator {name!r}; use one of {', '.join(OPERATORS)}")


OPERATORS = ("glob", "matches", "one_of", "not", "at_least", "at_most", "above", "below", "present", "mail")


def _text(operand: Value, name: str, where: str) -> str:
    if not isinstance(operand, str):
        raise InvalidModel(f"{where}: {name} takes a text, not {operand!r}")
    return operand


def _glob(pattern: str) -> Test:
    parts = [re2.escape(part) for part in normalise(pattern).split("*")]
    regex = re2.compile("(?s)" + ".*".join(parts))
    return _text_test(lru_cache(maxsize=65_536)(lambda text: regex.fullmatch(normalise(text)) is not None))


def _matches(pattern: str, where: str) -> Test:
    if len(pattern) > MATCHES_MAX_CHARACTERS:
        raise InvalidModel(f"{where}: matches is longer than {MATCHES_MAX_CHARACTERS} characters")
    try:
        regex = re2.compile(pattern, _QUIET)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if error.args and isinstance(error.args[0], bytes) else str(error)
        raise InvalidModel(f"{where}: matches is not RE2 syntax: {reason}") from None
    return _searching(regex)


@lru_cache(maxsize=1_024)
def _searching(regex: Any) -> Test:
    """Return one test for all conditions that search for the same pattern, so that a text is searched once for all."""
    return _text_test(lru_cache(maxsize=65_536)(lambda text: regex.search(_decoded(text)) is not None))


def _mail(operand: Value, where: str, lists: Lists) -> Test:
    """Compile the test of what an e-mail address is by its domain; what is no address is nothing."""
    kinds = operand if isinstance(operand, list) and operand else [operand]
    if not all(isinstance(kind, str) and kind in MAIL_KINDS for kind in kinds):
        raise InvalidModel(f"{where}: mail takes one of {', '.join(MAIL_KINDS)}, or a list of them, not {operand!r}")
    wanted = frozenset(MailKind(kind) for kind in kinds)
    return _text_test(lambda text: "@" in text and mail_kind(lists, text) in wanted)


def _text_test(test: Callable[[str], bool]) -> Test:
    def on_value(value: Value) -> bool:
        if isinstance(value, str):
            return test(value)
        return isinstance(value, list) and any(isinstance(item, str) and test(item) for item in value)

    return on_value


def _number_test(name: str, operand: Value, where: str) -> Test:
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        raise InvalidModel(f"{where}: {name} takes a number, not {operand!r}")
    bound = operand
    compare: dict[str, Callable[[float], bool]] = {
        "at_least": lambda number: number >= bound,
        "at_most": lambda number: number <= bound,
        "above": lambda number: number > bound,
        "below": lambda number: number < bound,
    }
    holds = compare[name]

    def on_value(value: Value) -> bool:
        number = number_of(value)
        return number is not None and holds(number)

    return on_value


def number_of(value: Value) -> float | None:
    """Return the number that a value is, or that a text of it spells; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None
