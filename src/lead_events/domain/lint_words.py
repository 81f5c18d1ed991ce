"""What the readers of YAML, and of the fields of a document, say of a mistake, in the words of somebody who writes a model.

Words only: where a mistake stands, and what else is wrong, is in ``lint`` and ``model_text``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sized
from typing import Any

_CLOSED = "of line {line} is not closed, or a comma is missing; put a text that holds , : or # in quotes"
_YAML = {
    r"expected <block end>": "this line is indented otherwise than the lines that it belongs to",
    r"mapping values are not allowed": "a : stands where none can be; look at the indentation and at the space after each :, "
    "and put a text that holds a : in quotes",
    r"sequence entries are not allowed": "a - stands where none can be; begin a new line with it",
    r"found character '\\t'": "a tab stands here; indent with spaces",
    r"found character|expected alphabetic or numeric|undefined alias": "a text that begins with * & % @ ` or ! must stand in "
    "quotes, and each quote must be closed",
    r"expected ',' or '\}'": f"the {{{{ {_CLOSED}",
    r"expected ',' or '\]'": f"the [ {_CLOSED}",
    r"could not find expected ':'": "a name without a : after it stands here",
    r"found unexpected end of stream": "the quote of line {line} is not closed",
    r"but found another document": "one document at a time; remove ---",
}
"""What PyYAML says → what to say; {line} is where the part begins in which it stands."""

_NUMBERS = frozenset({"float_parsing", "float_type", "int_parsing", "int_type", "int_from_float", "finite_number"})
_SHAPES = {
    **dict.fromkeys(_NUMBERS, "this is a number, not {given!r:.80}"),
    "int_from_float": "this is a whole number, not {given!r:.80}",
    **dict.fromkeys(("bool_parsing", "bool_type"), "this is true or false, not {given!r:.80}"),
    **dict.fromkeys(
        ("dict_type", "model_type", "model_attributes_type"), "this takes names with values, such as {{name: value}}"
    ),
    "list_type": "this takes a list, such as [one, two]",
    "string_type": "this is a text",
    "literal_error": "this is {expected}, not {given!r:.80}",
    "too_long": "there are at most {max_length} of these, not {length}",
    "too_short": "there are at least {min_length} of these, not {length}",
    "string_too_long": "this text has at most {max_length} characters, not {length}",
    "string_too_short": "this text is not empty",
    "greater_than": "this is above {gt:g}, not {given}",
    "greater_than_equal": "this is at least {ge:,}, not {given}",
    "less_than_equal": "this is at most {le:,}, not {given}",
}
"""Type of a pydantic error (https://docs.pydantic.dev/latest/errors/validation_errors/) → what to say."""

_COMMA = re.compile(r"([-+]?\d+),(\d+)")
DECIMALS = "write a number with a point and no other mark, such as 4.5 or 1000000"


def say_yaml(problem: str, opened: int | None) -> str:
    """Return what a YAML reader says, in plain words.

    Args:
        problem: as PyYAML says it.
        opened: the line on which what is being read began, counted from 1.
    """
    words = next((words for pattern, words in _YAML.items() if re.search(pattern, problem)), None)
    return problem if words is None else words.format(line=opened or "?")


def say_shape(kind: str, context: Mapping[str, Any], given: Any) -> str | None:
    """Return what is wrong with the value of a field; None when its own message says it.

    Args:
        kind: the type of a pydantic error.
        context: what belongs to it, such as the least number.
        given: what stands there.
    """
    length = len(given) if isinstance(given, Sized) else 0
    return _SHAPES[kind].format(**{**context, "given": given, "length": length}) if kind in _SHAPES else None


def hint(kind: str, given: Any) -> str | None:
    """Return how a value that is no number, or no text, is written."""
    if kind in _NUMBERS and isinstance(given, str):
        found = _COMMA.fullmatch(given)
        return f"write {found[1]}.{found[2]}" if found else DECIMALS
    return f'write "{given}"' if kind == "string_type" and isinstance(given, int | float) else None
