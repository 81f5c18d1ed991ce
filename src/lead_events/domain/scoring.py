"""Points: what an event adds to a lead's scores, with limits and caps applied when points are added.

What is cut is lost and shown as cut. Between contributions a score is one exponential; only a contribution re-bases it.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from lead_events.domain.decay import UNRANKED, decayed, rank
from lead_events.domain.events import Event
from lead_events.domain.model import Model
from lead_events.domain.rules import CompiledGroup, CompiledRule, CompiledScore
from lead_events.domain.state import BEGINNING, Lead, is_unknown, score_key
from lead_events.domain.times import Instant
from lead_events.domain.windows import Counter, Watch


class Contribution(NamedTuple):
    """What one event gave one score by one rule.

    Attributes:
        points: as the rule says.
        credited: what a limit or a cap left of them; ``points - credited`` was cut.
        cut_by: ``limit``, ``group limit``, ``rule cap``, ``group cap``, ``score cap`` or ``floor``, of an override
            ``machine``; empty when nothing was cut.
        by_time: ``expired`` when time took back what the event gave, ``inactive`` when nothing followed the event for too
            long; empty when the event itself did it.
    """

    position: int
    at: Instant
    score: str
    rule: str
    points: float
    credited: float
    cut_by: str
    by_time: str = ""


class Move(NamedTuple):
    """Something visible that changed at an instant, for the change feed."""

    at: Instant
    position: int | None
    kind: str
    old: object
    new: object
    reason: str


@dataclass(slots=True)
class Trace:
    """What a fold did, for those who ask: a live fold keeps the moves, an explanation the contributions too."""

    contributions: list[Contribution] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)


class Effect(IntEnum):
    """What an event did to that which conditions look at, the least first.

    ``QUIET``: scores or windows are others, and yet no condition says anything else, nor will time alone make one do so
    sooner than before. ``NOTICEABLE``: any may.
    """

    NONE = 0
    QUIET = 1
    NOTICEABLE = 2


def apply(lead: Lead, event: Event, model: Model, trace: Trace | None, *, traits_changed: bool) -> Effect:
    """Let one event change scores and what watches remember; nothing does without consent to profiling.

    Returns:
        What that did.
    """
    if not lead.profiled:
        return Effect.NONE
    effect = Effect.NONE
    rules, watches = model.match(event.type, event.fields)
    # Comparisons, for ``max`` costs more than what it compares.
    for rule in rules:
        credited = _credit(lead, rule, event, model, trace)
        effect = credited if credited > effect else effect  # noqa: FURB136
    for index, watch in watches:
        noted = _remember(lead, index, watch, event)
        effect = noted if noted > effect else effect  # noqa: FURB136
    if traits_changed and model.trait_rules and ("traits" in event.fields or event.type in _MAY_CHANGE_FIT):
        effect = Effect.NOTICEABLE if _apply_trait_rules(lead, event, model, trace) else effect
    return effect


_MAY_CHANGE_FIT = frozenset({"lead.traits_set", "consent.granted"})
"""Types of events after which traits may fit otherwise, although the event names none: a consent brings back what was."""


def _remember(lead: Lead, index: int, watch: Watch, event: Event) -> Effect:
    """Let one watch take note of an event; a count that was high enough, or is still too low, says what it said."""
    if not isinstance(watch, Counter):
        watch.remember(lead.windows, index, event)
        return Effect.NOTICEABLE
    held = watch.holds(lead.windows[index], event.at)
    watch.remember(lead.windows, index, event)
    return Effect.QUIET if held or not watch.holds(lead.windows[index], event.at) else Effect.NOTICEABLE


def value_at(lead: Lead, index: int, score: CompiledScore, at: Instant) -> float | None:
    """Return a score in points at an instant; None when it is unknown, or withheld without consent to profiling."""
    if is_unknown(lead, score.name, score.unknown_without):
        return None
    value, since = lead.scores[index]
    return decayed(value, since, at, score.half_life)


def machine_value_at(lead: Lead, index: int, score: CompiledScore, at: Instant) -> float | None:
    """Return what the machine alone says a score is at an instant; None when it is unknown, or withheld."""
    if not lead.profiled:
        return None
    if score.unknown_without and not any(trait in lead.traits for trait in score.unknown_without):
        return None
    value, since = machine_entry(lead, index, score)
    return decayed(value, since, at, score.half_life)


def machine_entry(lead: Lead, index: int, score: CompiledScore) -> list[Any]:
    """Return the machine's [value, at] of a score: beneath its override, where there is one."""
    override = lead.overrides.get(score_key(score.name)) if lead.overrides else None
    return lead.scores[index] if override is None else override[6]


def ranks(lead: Lead, model: Model) -> list[float]:
    """Return the numbers that order leads at every instant: by priority, then by each sortable score."""
    if not lead.profiled:
        return [UNRANKED] * (1 + len(model.scores))
    return [_priority_rank(lead, model)] + [
        UNRANKED if is_unknown(lead, score.name, score.unknown_without) else rank(value, since, score.half_life)
        for (value, since), score in zip(lead.scores, model.scores, strict=True)
    ]


def _priority_rank(lead: Lead, model: Model) -> float:
    half_life = model.scores[model.priority[0][1]].half_life
    weighted = [(weight, *lead.scores[index]) for weight, index in model.priority]
    now = max(since for _, _, since in weighted)
    total: float = sum(weight * decayed(value, since, now, half_life) for weight, value, since in weighted)
    return rank(total, now, half_life)


def _credit(lead: Lead, rule: CompiledRule, event: Event, model: Model, trace: Trace | None) -> Effect:
    score = model.scores[rule.score]
    entry = machine_entry(lead, rule.score, score)
    points, value = rule.points, 0.0
    credited, cut_by = 0.0, _limited(lead, rule, event, model)
    if not cut_by:
        value = decayed(entry[0], entry[1], event.at, score.half_life)
        if points > 0:
            credited, cut_by = _capped(lead, rule, score, value, event.at)
        elif value + points < score.floor:
            credited, cut_by = min(0.0, score.floor - value), "floor"
        else:
            credited = points
    if trace is not None:
        trace.contributions.append(Contribution(event.position, event.at, score.name, rule.id, points, credited, cut_by))
    if credited == 0.0:
        return Effect.NONE
    if rule.cap is not None:
        remember_credit(lead, rule.id, credited, event.at, score)
    if rule.group is not None and rule.group.cap is not None:
        remember_credit(lead, rule.group.id, credited, event.at, score)
    if rule.valid_for is not None:
        insort(lead.expiring, [event.at + rule.valid_for, event.at, rule.id, credited, event.position])
    entry[0], entry[1] = value + credited, event.at
    quiet = credited > 0 and rule.valid_for is None and entry is lead.scores[rule.score]
    return Effect.NOTICEABLE if not quiet or _crosses(model.scope.steps[rule.score], value, entry[0]) else Effect.QUIET


def _limited(lead: Lead, rule: CompiledRule, event: Event, model: Model) -> str:
    """Count one more firing, and say which limit leaves nothing of it, if one does."""
    if rule.times is not None and not _within_limit(lead, rule, event, model):
        return "limit"
    if rule.group is None or rule.group.times is None:
        return ""
    if rule.cap is not None and rule.points > 0 and not _room(lead, rule.id, rule.cap, model.scores[rule.score], event.at):
        return "rule cap"  # what gives nothing uses nothing of its group
    return "" if _within_limit(lead, rule.group, event, model) else "group limit"


def _crosses(steps: Sequence[float], before: float, after: float) -> bool:
    """Say whether a score that rises comes to any of the points that conditions compare it with."""
    for points in steps:  # noqa: SIM110 - a generator costs more than the comparison
        if before < points <= after:
            return True
    return False


def _capped(lead: Lead, rule: CompiledRule, score: CompiledScore, value: float, at: Instant) -> tuple[float, str]:
    credited, cut_by = rule.points, ""
    if rule.cap is not None:
        room = _room(lead, rule.id, rule.cap, score, at)
        if room < credited:
            credited, cut_by = room, "rule cap"
    if rule.group is not None and rule.group.cap is not None:
        room = _room(lead, rule.group.id, rule.group.cap, score, at)
        if room < credited:
            credited, cut_by = room, "group cap"
    if score.cap is not None and score.cap - value < credited:
        credited, cut_by = max(0.0, score.cap - value), "score cap"
    return credited, cut_by


def _room(lead: Lead, id_: str, cap: float, score: CompiledScore, at: Instant) -> float:
    _, _, given, since = lead.rules.get(id_) or _UNUSED
    return max(0.0, cap - decayed(given, since, at, score.half_life))


_UNUSED = (None, 0, 0.0, BEGINNING)


def _within_limit(lead: Lead, rule: CompiledRule | CompiledGroup, event: Event, model: Model) -> bool:
    """Count one more firing in the period of a rule or group and say whether it may still give points."""
    if rule.per == "session" and event.anonymous is not None:
        fired = lead.sessions[event.anonymous.hex()][2]
        fired[rule.id] = fired.get(rule.id, 0) + 1
        return bool(fired[rule.id] <= (rule.times or 0))
    period = 0 if rule.per == "ever" else model.day(event.at)  # without a browser there is no visit: a day stands for it
    used = lead.rules.setdefault(rule.id, list(_UNUSED))
    used[0], used[1] = period, used[1] + 1 if used[0] == period else 1
    return bool(used[1] <= (rule.times or 0))


def remember_credit(lead: Lead, id_: str, credited: float, at: Instant, score: CompiledScore) -> None:
    """Count points against the cap of a rule or group; negative ones leave room again."""
    used = lead.rules.setdefault(id_, list(_UNUSED))
    used[2], used[3] = decayed(used[2], used[3], at, score.half_life) + credited, at


def _apply_trait_rules(lead: Lead, event: Event, model: Model, trace: Trace | None) -> bool:
    """Give points for traits that came to fit, and take back what is left of those that no longer do."""
    traits = {"traits": {name: entry[0] for name, entry in lead.traits.items()}}
    changed = False
    for rule in model.trait_rules:
        given = lead.rules.get(rule.id)
        if rule.when.holds(traits):
            if given is None:
                entry = machine_entry(lead, rule.score, model.scores[rule.score])
                before = entry[0]
                changed = _credit_trait(lead, rule, event, model, trace) or changed or before != entry[0]
        elif given is not None:
            del lead.rules[rule.id]
            changed = _withdraw(lead, rule, given[2], given[3], event, model, trace) or changed
    return changed


def _credit_trait(lead: Lead, rule: CompiledRule, event: Event, model: Model, trace: Trace | None) -> bool:
    score = model.scores[rule.score]
    entry = machine_entry(lead, rule.score, score)
    before = decayed(entry[0], entry[1], event.at, score.half_life)
    changed = bool(_credit(lead, rule, event, model, trace))
    lead.rules[rule.id] = [None, 0, entry[0] - before if changed else 0.0, event.at]
    return changed


def _withdraw(
    lead: Lead, rule: CompiledRule, credited: float, since: Instant, event: Event, model: Model, trace: Trace | None
) -> bool:
    score = model.scores[rule.score]
    entry = machine_entry(lead, rule.score, score)
    left = decayed(credited, since, event.at, score.half_life)
    value = decayed(entry[0], entry[1], event.at, score.half_life)
    if rule.group is not None and rule.group.cap is not None and left:
        remember_credit(lead, rule.group.id, -left, event.at, score)
    taken, cut_by = -left, ""
    if left > 0 and value - left < score.floor:
        taken, cut_by = min(0.0, score.floor - value), "floor"
    elif left < 0 and score.cap is not None and value - left > score.cap:
        taken, cut_by = max(0.0, score.cap - value), "score cap"
    if trace is not None:
        trace.contributions.append(Contribution(event.position, event.at, score.name, rule.id, -left, taken, cut_by))
    entry[0], entry[1] = value + taken, event.at
    return taken != 0.0
