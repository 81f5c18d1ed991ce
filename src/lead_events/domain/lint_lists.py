"""Lint of lists: everything that is wrong with a lists document at once, each with its place, a reason and a suggestion."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from lead_events.domain.errors import InvalidLists
from lead_events.domain.findings import Finding, Notes, did_you_mean, in_short
from lead_events.domain.lists import SHIPPED, ListChange, ListsDocument, compile_lists
from lead_events.domain.model_text import step

_FIELDS = {0: ("free", "disposable"), 1: ("add", "remove")}


class RefusedLists(InvalidLists):
    """The lists cannot be used: {0}."""

    code = "invalid_lists"

    def __init__(self, findings: Sequence[Finding]) -> None:
        """Refuse a document for its findings."""
        super().__init__(in_short(findings))
        self.findings = tuple(findings)
        self.errors = tuple(_error(finding) for finding in findings)


def check(document: Any, lines: Mapping[str, int] | None = None) -> tuple[dict[str, Any], list[Finding]]:
    """Let pass only a document that can be published.

    Args:
        lines: JSON pointer → line, where the text is known.

    Returns:
        The document as it is kept, each domain spelled as it is compared; and what is probably a mistake.

    Raises:
        RefusedLists: carries every error.
    """
    notes = Notes(lines or {})
    if not isinstance(document, Mapping):
        notes.error("", "lists are a mapping such as free: {add: [example.com]}")
        raise RefusedLists(notes.found)
    try:
        read = ListsDocument.model_validate(document)
        compile_lists(document)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            _note(notes, each["type"], each["loc"], each["msg"])
        raise RefusedLists(notes.found) from None
    except InvalidLists as error:
        notes.error("", str(error.args[0]))
        raise RefusedLists(notes.found) from None
    _check_sense(notes, "/free", read.free, SHIPPED.free)
    _check_sense(notes, "/disposable", read.disposable, SHIPPED.disposable)
    return read.model_dump(exclude_defaults=True), notes.found


def _error(finding: Finding) -> dict[str, Any]:
    return {"pointer": finding.pointer, "detail": finding.message} | ({} if finding.line is None else {"line": finding.line})


def _note(notes: Notes, kind: str, place: tuple[int | str, ...], message: str) -> None:
    pointer = ""
    for name in place:
        pointer = step(pointer, name)
    if kind == "extra_forbidden":
        known = _FIELDS.get(len(place) - 1, ())
        words = f"there is no field {place[-1]!r} here; use {' or '.join(known)}"
        notes.error(pointer, words, did_you_mean(place[-1], known))
    else:
        notes.error(pointer, message.removeprefix("Value error, "))


def _check_sense(notes: Notes, pointer: str, change: ListChange, shipped: Collection[str]) -> None:
    for index, domain in enumerate(change.add):
        if domain in shipped:
            notes.warn(f"{pointer}/add/{index}", f"{domain} is on this list already")
    for index, domain in enumerate(change.remove):
        if domain not in shipped:
            notes.warn(f"{pointer}/remove/{index}", f"{domain} is not on this list", did_you_mean(domain, shipped))
