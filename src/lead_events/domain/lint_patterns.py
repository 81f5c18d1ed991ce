"""Lint of patterns: RE2 is linear in what it searches, but not in what it is asked to search for.

A pattern of ten characters can compile to half a million instructions, which take megabytes and a fifth of a second.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import re2

from lead_events.domain.findings import Notes
from lead_events.domain.model_text import step
from lead_events.domain.value_tests import MATCHES_MAX_CHARACTERS

MOST_INSTRUCTIONS = 250_000
"""Of all patterns of a model together; one that people write has less than a thousand."""

_QUIET = re2.Options()
_QUIET.log_errors = False


def check(notes: Notes, document: Mapping[str, Any]) -> bool:
    """Say whether the patterns of a document of any shape are small enough to be compiled; if not, an error says where."""
    seen: set[str] = set()
    instructions = 0
    for pointer, pattern in _patterns(document):
        if pattern in seen:
            continue
        seen.add(pattern)
        instructions += _size(pattern)
        if instructions > MOST_INSTRUCTIONS:
            words = "the patterns of this model are too large together: count fewer repetitions, such as {1,20}"
            notes.error(pointer, words, "matches finds its text anywhere; leave out what stands around it")
            return False
    return True


def _patterns(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give every text under a name ``matches`` that could be compiled, with its pointer."""
    waiting = deque[tuple[str, Any]]([("", document)])
    while waiting:
        pointer, value = waiting.popleft()
        if isinstance(value, list):
            waiting += [(f"{pointer}/{index}", item) for index, item in enumerate(value)]
        elif isinstance(value, Mapping):
            waiting += [(step(pointer, name), item) for name, item in value.items()]
        elif isinstance(value, str) and pointer.endswith("/matches") and len(value) <= MATCHES_MAX_CHARACTERS:
            yield pointer, value


def _size(pattern: str) -> int:
    """Return how many instructions a pattern compiles to; what is no pattern at all has none, and the compiler says why."""
    try:
        return int(re2.compile(pattern, _QUIET).programsize)
    except re2.error as error:
        return MOST_INSTRUCTIONS + 1 if "too large" in str(error) else 0
