"""What the live generation says about a lead: facts come in as events, changes go out.

A change carries the lead's standing before and after, without personal values; each ``old`` is the previous ``new``.
Visitors are nobody's business: a lead is spoken of from the moment it has a contact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lead_events.domain.model import Model
from lead_events.domain.scoring import Move, Trace
from lead_events.domain.state import FIRST_STAGE, Lead
from lead_events.domain.times import Instant

Standing = dict[str, Any]
"""``stage``, ``temperature`` and the names of the definitions met, sorted (``qualified``)."""


class ChangeKind(StrEnum):
    """What kind of change it is."""

    CREATED = "lead.created"
    QUALIFIED = "lead.qualified"
    UNQUALIFIED = "lead.unqualified"
    STAGE_CHANGED = "lead.stage_changed"
    TEMPERATURE_CHANGED = "lead.temperature_changed"
    SCORE_CHANGED = "lead.score_changed"
    TRAITS_CHANGED = "lead.traits_changed"
    MERGED = "lead.merged"
    UNMERGED = "lead.unmerged"
    ERASED = "lead.erased"
    CORRECTED = "lead.corrected"
    PROMOTED = "generation.promoted"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to say.

    Attributes:
        founding: the lead; None for ``generation.promoted``.
        detail: names, never values: which traits, which rules gave which points, which entries of the history.
        position: the event that caused it, or None when time did.
        at: when it happened, microseconds UTC.
    """

    founding: int | None
    kind: ChangeKind
    old: Standing | None
    new: Standing | None
    detail: dict[str, Any]
    position: int | None
    at: Instant


@dataclass(frozen=True, slots=True)
class Before:
    """What must be remembered of a lead before it is folded on."""

    contact: bool = False
    standing: Standing = field(default_factory=lambda: {"stage": FIRST_STAGE, "temperature": "cold", "qualified": []})
    history: tuple[tuple[Any, ...], ...] = ()
    scores: tuple[tuple[float, Instant], ...] = ()
    traits: dict[str, Any] = field(default_factory=dict)


NOBODY = Before()


def remember(lead: Lead, model: Model) -> Before:
    """Return what ``changes_of`` will compare with."""
    return Before(
        lead.contact,
        standing(lead, model),
        tuple(tuple(entry) for entry in lead.history),
        _shown_scores(lead),
        {name: entry[0] for name, entry in lead.traits.items()},
    )


def _shown_scores(lead: Lead) -> tuple[tuple[float, Instant], ...]:
    """Return the scores; nothing of those that are withheld without consent to profiling."""
    return tuple((value, since) if lead.profiled else (0.0, 0) for value, since in lead.scores)


def standing(lead: Lead, model: Model) -> Standing:
    """Return where a lead stands, as changes show it."""
    met = [name for (name, _), entry in zip(model.definitions, lead.definitions, strict=True) if entry[0]]
    return {"stage": lead.shown_stage, "temperature": lead.temperature, "qualified": sorted(met)}


def changes_of(before: Before, lead: Lead, model: Model, trace: Trace, position: int, at: Instant) -> list[Change]:
    """Return what a lead folded in order has to say: every move is one change, so no page swallows a stage.

    Args:
        before: the lead before the page.
        trace: what the fold of the page did.
        position: the last event of the page that touched the lead.
        at: the instant of that event, microseconds UTC.
    """
    if not lead.contact and not before.contact:
        return []
    changes = _created(before, lead, trace, position, at)
    at_start = before.standing
    for move in trace.moves:
        if move.kind == "erased":
            return [*changes, _erased(lead, at_start, position, at)]
        after = _moved(at_start, move)
        changes.append(_of_move(lead.founding, at_start, after, move))
        at_start = after
    return changes + _quiet(before, lead, model, trace, position, at)


def changes_of_refold(before: Before, lead: Lead, model: Model, trace: Trace, position: int, at: Instant) -> list[Change]:
    """Return what a lead folded again from its beginning has to say; rewritten history is one ``corrected``."""
    if not before.contact:
        blank = Before(traits=before.traits, scores=before.scores)
        return changes_of(blank, lead, model, trace, position, at)
    if lead.erased is not None:
        return [_erased(lead, before.standing, position, at)]
    history = tuple(tuple(entry) for entry in lead.history)
    if history[: len(before.history)] != before.history:
        return [_corrected(before, lead, model, history, position, at)]
    changes: list[Change] = []
    at_start = before.standing
    for entry in history[len(before.history) :]:
        move = Move(entry[0], entry[3], "stage", at_start["stage"], entry[1], entry[2])
        changes.append(_of_move(lead.founding, at_start, _moved(at_start, move), move))
        at_start = _moved(at_start, move)
    now = standing(lead, model)
    if now != at_start:
        changes.append(_corrected(Before(contact=True, standing=at_start, history=history), lead, model, history, position, at))
    return changes + _quiet(before, lead, model, Trace(), position, at)


def _erased(lead: Lead, old: Standing, position: int, at: Instant) -> Change:
    """Say with ids only that a lead is gone, so that whoever knew it forgets it too."""
    return Change(lead.founding, ChangeKind.ERASED, old, None, {}, position, at)


def _created(before: Before, lead: Lead, trace: Trace, position: int, at: Instant) -> list[Change]:
    """Say first, and at its first move, that somebody is spoken of from now on."""
    if before.contact:
        return []
    first = next((move for move in trace.moves if move.position is not None), None)
    if first is not None and first.position is not None:
        position, at = first.position, first.at
    return [Change(lead.founding, ChangeKind.CREATED, None, before.standing, {}, position, at)]


_KINDS = {
    "stage": ChangeKind.STAGE_CHANGED,
    "temperature": ChangeKind.TEMPERATURE_CHANGED,
    "qualified": ChangeKind.QUALIFIED,
    "unqualified": ChangeKind.UNQUALIFIED,
}


def _of_move(founding: int, old: Standing, new: Standing, move: Move) -> Change:
    detail = {"definition": move.new} if "qualified" in move.kind else {"reason": move.reason} if move.reason else {}
    return Change(founding, _KINDS[move.kind], old, new, detail, move.position, move.at)


def _moved(old: Standing, move: Move) -> Standing:
    match move.kind:
        case "qualified":
            return old | {"qualified": sorted([*old["qualified"], move.new])}
        case "unqualified":
            return old | {"qualified": [name for name in old["qualified"] if name != move.new]}
    return old | {move.kind: move.new}


def _corrected(
    before: Before, lead: Lead, model: Model, history: Sequence[tuple[Any, ...]], position: int, at: Instant
) -> Change:
    detail = {
        "added": [list(entry) for entry in history if entry not in before.history],
        "removed": [list(entry) for entry in before.history if entry not in history],
    }
    return Change(lead.founding, ChangeKind.CORRECTED, before.standing, standing(lead, model), detail, position, at)


def _quiet(before: Before, lead: Lead, model: Model, trace: Trace, position: int, at: Instant) -> list[Change]:
    """Return the changes that move nobody: points and traits, one of each a page."""
    now = standing(lead, model)
    changes = []
    if _shown_scores(lead) != (before.scores or tuple((0.0, 0) for _ in lead.scores)):
        given = [[c.position, c.score, c.rule, c.credited] for c in trace.contributions if c.credited]
        changes.append(Change(lead.founding, ChangeKind.SCORE_CHANGED, now, now, {"contributions": given}, position, at))
    traits = {name: entry[0] for name, entry in lead.traits.items()}
    names = sorted(name for name in traits.keys() | before.traits.keys() if traits.get(name) != before.traits.get(name))
    if names:
        changes.append(Change(lead.founding, ChangeKind.TRAITS_CHANGED, now, now, {"traits": names}, position, at))
    return changes
