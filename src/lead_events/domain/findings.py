"""What is found in a model document: findings with a place, a reason and a suggestion, gathered while it is looked through."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from lead_events.domain.errors import LeadEventsError

_PLACE = re.compile(r"^@[^:]*: ")
_SIMILAR = 0.6


class Severity(StrEnum):
    """An error keeps a document from being published, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a model document, or probably is.

    Attributes:
        pointer: where (RFC 6901), such as ``/scores/behaviour/rules/0/points``.
        line: in the text, counted from 1; None when the document came without one.
        message: why.
        suggestion: what would do, when that can be said.
    """

    severity: Severity
    pointer: str
    line: int | None
    message: str
    suggestion: str | None = None

    def __str__(self) -> str:
        """Write it on one line."""
        place = f"line {self.line}: " if self.line else ""
        hint = f" ({self.suggestion})" if self.suggestion else ""
        return f"{place}{self.severity}: {self.pointer or '/'}: {self.message}{hint}"


@dataclass(slots=True)
class Notes:
    """Findings so far; ``lines`` is pointer → line."""

    lines: Mapping[str, int] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    errors: int = 0
    """So many of them are errors."""
    _known: set[Finding] = field(default_factory=set)

    def error(self, pointer: str, message: str, suggestion: str | None = None) -> None:
        """Note what keeps the document from being published."""
        self._note(Severity.ERROR, pointer, message, suggestion)

    def warn(self, pointer: str, message: str, suggestion: str | None = None) -> None:
        """Note what is probably a mistake."""
        self._note(Severity.WARNING, pointer, message, suggestion)

    def attempt(self, pointer: str, compile_: Callable[..., object], *arguments: Any) -> None:
        """Compile a part as publishing would, with ``@`` as its place, and note why it cannot be."""
        try:
            compile_(*arguments)
        except LeadEventsError as error:
            reason = str(error.args[0]) if type(error).__name__ == "InvalidModel" else str(error)
            self.error(pointer, _PLACE.sub("", reason))
        except (ArithmeticError, TypeError, ValueError, AttributeError, KeyError):
            self.error(pointer, "this cannot be understood; it has another shape than any condition")

    def _note(self, severity: Severity, pointer: str, message: str, suggestion: str | None) -> None:
        finding = Finding(severity, pointer, self._line(pointer), message, suggestion)
        if finding not in self._known:
            self._known.add(finding)
            self.found.append(finding)
            self.errors += severity is Severity.ERROR

    def _line(self, pointer: str) -> int | None:
        while pointer and pointer not in self.lines:
            pointer = pointer.rpartition("/")[0]
        return self.lines.get(pointer)


def in_short(findings: Sequence[Finding]) -> str:
    """Say the first of some findings, where it is, and how many more there are."""
    first, more = findings[0], len(findings) - 1
    return f"{first.pointer or '/'}: {first.message}" + (f" (and {more} more)" if more else "")


def did_you_mean(word: object, known: Collection[str]) -> str | None:
    """Return a suggestion when a word is nearly one of those known."""
    near = get_close_matches(str(word), list(known), n=1, cutoff=_SIMILAR)
    return f"did you mean {near[0]}?" if near else None
