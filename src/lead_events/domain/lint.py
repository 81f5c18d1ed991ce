"""Lint: everything that is wrong with a model document at once, each with its place, a reason and a suggestion.

Errors are what publishing refuses; warnings are what is probably a mistake. Pure; text is read by ``model_text``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lead_events.domain import lint_conditions, lint_patterns, lint_sense, lint_time, lint_traits, lint_words, model_tests
from lead_events.domain.document import (
    Axis,
    Entry,
    Exit,
    Grade,
    Group,
    Inactivity,
    Limit,
    ModelDocument,
    ModelTest,
    NearMiss,
    Rule,
    Score,
    Sla,
    Stage,
    Target,
    Topic,
)
from lead_events.domain.errors import InvalidModel, LeadEventsError
from lead_events.domain.findings import Finding, Notes, Severity, did_you_mean, in_short
from lead_events.domain.model import compile_model
from lead_events.domain.model_text import step

MOST_DEFINITIONS = 62
"""A lead's row remembers the definitions it meets as bits of one 64-bit number."""

_PARTS: tuple[tuple[str, type[BaseModel]], ...] = (
    (r"scores/[^/]+/rules/\d+/limit", Limit),
    (r"scores/[^/]+/rules/\d+", Rule),
    (r"scores/[^/]+/groups/[^/]+/limit", Limit),
    (r"scores/[^/]+/groups/[^/]+", Group),
    (r"scores/[^/]+/inactivity/\d+", Inactivity),
    (r"scores/[^/]+", Score),
    (r"grade/(letter|digit)", Axis),
    (r"grade", Grade),
    (r"targets/\d+", Target),
    (r"tests/\d+", ModelTest),
    (r"stages/[^/]+/sla", Sla),
    (r"stages/[^/]+/entry/\d+", Entry),
    (r"stages/[^/]+/exits/\d+", Exit),
    (r"stages/[^/]+", Stage),
    (r"topics/[^/]+", Topic),
    (r"near_miss", NearMiss),
    (r"", ModelDocument),
)
_DURATION = "a duration is a number and one of s, m, h, d, w, such as 30d"
_DURATIONS = frozenset({"half_life", "after", "valid_for", "contact_within", "decide_within", "ago"})
_INSTEAD = {"on": "did you mean events?"}
_NAME = "a name has lower-case letters, digits, _ and -, begins with a letter and has at most 63 characters"


class RefusedModel(InvalidModel):
    """The model document cannot be used: {0}."""

    code = "invalid_model"

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Refuse a document for its findings."""
        super().__init__(in_short(findings))
        self.findings = tuple(findings)
        self.errors = tuple(_error(finding) for finding in findings)


def lint(
    document: Any,
    lines: Mapping[str, int] | None = None,
    traps: Sequence[tuple[str, str]] = (),
    carried: Collection[str] | None = None,
) -> list[Finding]:
    """Look through a document.

    Args:
        lines: JSON pointer → line, where the text is known.
        traps: pointers of plain words that other YAML readers take for booleans.
        carried: the traits that recent events carried, where the log is at hand; None where it is not.
    """
    notes = Notes(lines or {})
    for pointer, word in traps:
        notes.warn(pointer, f"{word} is a text here, but a boolean for other YAML readers", f'write "{word}", true or false')
    if not isinstance(document, Mapping):
        notes.error("", "a model is a mapping with scores, definitions, temperature, stages and topics")
        return notes.found
    if not lint_patterns.check(notes, document):
        return notes.found
    well_formed = _check_shape(notes, document)
    lint_conditions.check(notes, document)
    if notes.errors == 0:
        _check_whole(notes, document)
    if carried is not None:
        lint_traits.check(notes, document, carried)
    if well_formed and notes.errors == 0:
        whole = ModelDocument.model_validate(document)
        lint_sense.check(notes, whole)
        lint_time.check(notes, whole)
        if notes.errors == 0:  # what is refused here may take a fold for ever
            model_tests.check(notes, whole)
    return sorted(notes.found, key=lambda finding: (finding.line or 0, finding.severity))


def check(
    document: Any,
    lines: Mapping[str, int] | None = None,
    traps: Sequence[tuple[str, str]] = (),
    carried: Collection[str] | None = None,
) -> list[Finding]:
    """Let pass only a document that can be published; the arguments are those of ``lint``.

    Returns:
        Its warnings.

    Raises:
        RefusedModel: carries every error.
    """
    found = lint(document, lines, traps, carried)
    errors = [finding for finding in found if finding.severity is Severity.ERROR]
    if errors:
        raise RefusedModel(errors)
    return found


def _error(finding: Finding) -> dict[str, Any]:
    hints = {"line": finding.line, "suggestion": finding.suggestion}
    return {"pointer": finding.pointer, "detail": finding.message} | {k: v for k, v in hints.items() if v is not None}


def _check_shape(notes: Notes, document: Mapping[str, Any]) -> bool:
    try:
        ModelDocument.model_validate(document)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            _note_shape(notes, document, each)
        return False
    return True


def _note_shape(notes: Notes, document: Any, error: ErrorDetails) -> None:
    kind, place = error["type"], error["loc"]
    pointer, rest = _place(document, place)
    parent, _, name = pointer.rpartition("/")
    if kind == "extra_forbidden":
        known = _fields(parent)
        near = lint_words.DECIMALS if name.isdigit() else _INSTEAD.get(name) or did_you_mean(name, known)
        notes.error(pointer, f"there is no field {name!r} here; use one of {', '.join(known)}", near)
    elif kind == "missing" and rest:
        notes.error(pointer, f"{rest[0]} is missing")
    elif "[key]" in place or kind == "string_pattern_mismatch":
        notes.error(pointer, _NAME)
    elif pointer == "/priority":
        notes.error(pointer, "priority is the name of a score, or a mapping of scores and weights")
    else:
        given = _at(document, pointer)
        is_duration = kind == "string_type" and name in _DURATIONS
        said = _DURATION if is_duration else lint_words.say_shape(kind, error.get("ctx", {}), given)
        expected = re.findall(r"'([^']+)'", error["msg"]) if kind == "literal_error" else []
        near = did_you_mean(given, expected) or (None if is_duration else lint_words.hint(kind, given))
        notes.error(pointer, said or error["msg"].removeprefix("Value error, "), near)


def _place(document: Any, place: tuple[int | str, ...]) -> tuple[str, list[int | str]]:
    """Return the pointer to the last part of a place that the document has, and the rest; a rule may stand by its id."""
    pointer, value = "", document
    for index, name in enumerate(place):
        try:
            if isinstance(value, list) and isinstance(name, str):
                name = next(n for n, item in enumerate(value) if isinstance(item, Mapping) and item.get("id") == name)  # noqa: PLW2901
            value = value[name]
        except (StopIteration, KeyError, IndexError, TypeError):
            return pointer, list(place[index:])
        pointer = step(pointer, name)
    return pointer, []


def _at(document: Any, pointer: str) -> Any:
    value = document
    for name in pointer.split("/")[1:]:
        value = value[int(name)] if isinstance(value, list) else value[name.replace("~1", "/").replace("~0", "~")]
    return value


def _fields(pointer: str) -> list[str]:
    part = next((part for pattern, part in _PARTS if re.fullmatch(pattern, pointer.removeprefix("/"))), None)
    return [] if part is None else [field.alias or name for name, field in part.model_fields.items()]


def _check_whole(notes: Notes, document: Mapping[str, Any]) -> None:
    """Compile as publishing does: whatever the other checks did not foresee is found here."""
    definitions = document.get("definitions") or {}
    if len(definitions) > MOST_DEFINITIONS:
        notes.error("/definitions", f"a model has at most {MOST_DEFINITIONS} definitions, not {len(definitions)}")
    try:
        compile_model(document)
    except LeadEventsError as error:
        reason = str(error.args[0] if isinstance(error, InvalidModel) else error)
        place, _, message = reason.partition(": ")
        pointer, _ = _place(document, tuple(int(n) if n.isdigit() else n for n in re.findall(r"[^.\[\]]+", place)))
        notes.error(pointer, message or reason)
    except Exception as error:  # noqa: BLE001 - a document is somebody's text; whatever it breaks must be said, not raised
        notes.error("", f"this document cannot be compiled ({type(error).__name__})")
