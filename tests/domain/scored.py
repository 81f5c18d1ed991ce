"""Models of one score, and what their contributions came to."""

from __future__ import annotations

from typing import Any

from tests.given import Folded


def scored(*rules: dict[str, Any], **score: Any) -> dict[str, Any]:
    """A model with one score of these rules."""
    return {"scores": {"points": {"rules": list(rules), **score}}}


def rule(points: float = 10, when: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A rule for page views, unless told otherwise."""
    return {"id": more.pop("id", "view"), "when": when or {"type": "page.viewed"}, "points": points, **more}


def cuts(folded: Folded) -> list[tuple[float, str]]:
    """What each contribution was credited and what cut it."""
    return [(round(c.credited, 6), c.cut_by) for c in folded.trace.contributions]


def quiet(*silences: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A model whose page views give ten points, and what silence does."""
    return scored(rule(10), inactivity=list(silences)) | more


def by_time(folded: Any) -> list[tuple[str, str, float]]:
    """What time did to which rule's points."""
    return [(c.rule, c.by_time, round(c.credited, 6)) for c in folded.trace.contributions if c.by_time]
