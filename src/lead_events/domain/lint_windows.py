"""Lint of conditions over windows: each part is looked at where it stands; the compiler has the last word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lead_events.domain.findings import Notes, did_you_mean
from lead_events.domain.lists import SHIPPED
from lead_events.domain.model_text import step
from lead_events.domain.window_conditions import WINDOW_KINDS, compile_window

_DURATIONS = {"sum": ("within",), "distinct": ("within",)}
"""Which of the fields are durations, where not all of them are."""

EventLint = Callable[[Notes, Any, str], None]


def check(notes: Notes, kind: str, spec: Mapping[str, Any], pointer: str, event_condition: EventLint) -> None:
    """Look through one condition over a window; ``event_condition`` looks through a condition on one event."""
    known = WINDOW_KINDS[kind]
    before = notes.errors
    for name in spec.keys() - {kind, *known}:
        words = f"{kind} knows {' and '.join(known)}, not {name!r}"
        notes.error(step(pointer, name), words, did_you_mean(name, known))
    for name in _DURATIONS.get(kind, known):
        if name in spec and not isinstance(spec[name], str):
            notes.error(f"{pointer}/{name}", "a duration is a number and one of s, m, h, d, w, such as 30d")
    _check_events(notes, kind, spec[kind], f"{pointer}/{kind}", event_condition)
    if notes.errors == before:
        notes.attempt(pointer, compile_window, kind, spec, [], SHIPPED, "@")


def _check_events(notes: Notes, kind: str, content: Any, pointer: str, event_condition: EventLint) -> None:
    if kind == "sequence" and isinstance(content, list):
        for number, one in enumerate(content):
            event_condition(notes, one, f"{pointer}/{number}")
    elif kind in {"sum", "distinct"} and isinstance(content, Mapping):
        rest = {name: test for name, test in content.items() if name != "of"}
        if rest:
            event_condition(notes, rest, pointer)
    elif kind == "since" or (kind == "dwell" and isinstance(content, Mapping)):
        event_condition(notes, {"type": "page.left", **content} if kind == "dwell" else content, pointer)
