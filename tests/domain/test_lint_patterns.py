"""Patterns that would take the memory and the time of everybody else are refused before they are compiled for good."""

from __future__ import annotations

from typing import Any

import pytest

from lead_events.domain import lint
from lead_events.domain.findings import Severity


def errors(*patterns: str, place: str = "context.page.path") -> list[str]:
    """Return where a model with these patterns cannot be published."""
    rules = [{"id": f"r{n}", "when": {place: {"matches": each}}, "points": 1} for n, each in enumerate(patterns)]
    document: dict[str, Any] = {"scores": {"b": {"rules": rules}}}
    return [each.pointer for each in lint.lint(document) if each.severity is Severity.ERROR]


def test_patterns_that_people_write_pass() -> None:
    """Hundreds of them, and the same large one in many places, which is compiled once."""
    assert errors(*(rf"(?i)\b(ceo|chief|head|vp|director|директор) of {n}\b" for n in range(300))) == []
    assert errors(*[r"\pL{100}x"] * 50) == []


@pytest.mark.parametrize("pattern", [r"\pL{400}x", r"(\pL{100}){9}x"])
def test_a_pattern_that_compiles_to_megabytes_is_refused_once(pattern: str) -> None:
    """One finding, whatever else there is: nothing more is compiled."""
    assert errors("(", *[pattern] * 20) == ["/scores/b/rules/1/when/context.page.path/matches"]


def test_patterns_are_counted_together() -> None:
    """A hundred that pass alone are too many."""
    assert errors(r"\pL{50}x") == []
    assert len(errors(*(rf"\pL{{50}}x{n}" for n in range(100)))) == 1


def test_what_is_no_pattern_is_said_as_ever() -> None:
    """Where it stands, by the compiler's own words."""
    assert errors("(a", "b") == ["/scores/b/rules/0/when/context.page.path/matches"]
