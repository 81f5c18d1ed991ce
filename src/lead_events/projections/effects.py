"""What a model does besides moving leads: which rule gives what, who enters first, how many sales gets each week.

Counted lead by lead from what two folds did; bounded whatever the number of leads. No database here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from lead_events.domain.decay import decayed
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant
from lead_events.projections.tallying import Moved, Tally, moved_by_rule, points_by_rule

WEEKS = 12
SALES_STAGE = "mql"
"""Whoever comes to this stage is for sales to look at."""

_FIRST = 20
_EPOCH = date(1970, 1, 1)
_WEEKDAY_OF_EPOCH = 3  # a Thursday, Monday being 0


@dataclass(frozen=True, slots=True)
class Folding:
    """One lead as a model folds it, and what the fold did on the way."""

    lead: Lead
    model: Model
    trace: Trace


@dataclass(slots=True)
class Given:
    """What one rule gave under one model.

    Attributes:
        leads: to how many.
        times: how often it fired.
        points: all it ever gave, what limits and caps cut not among it.
        left: what decay left of that.
    """

    leads: int = 0
    times: int = 0
    points: float = 0.0
    left: float = 0.0


@dataclass(slots=True)
class Effects:
    """What was counted so far.

    Attributes:
        model: the live one; its time zone says when a week begins.
        as_of: the instant of the comparison, microseconds UTC.
        rules: (then, score, rule) → what it gave; ``then`` is true for the candidate.
        weekly: (then, definition or None for the stage of sales, number of the week) → leads that came to it.
        entered, left: definition → founding positions of the first leads that begin or cease to meet it.
        moved: founding position → by which rules, for those that move most.
        first_week: in which the first lead was founded.
    """

    model: Model
    as_of: Instant
    rules: dict[tuple[bool, str, str], Given] = field(default_factory=lambda: defaultdict(Given))
    weekly: Counter[tuple[bool, str | None, int]] = field(default_factory=Counter)
    entered: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    left: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    moved: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    first_week: int | None = None


def count_effects(effects: Effects, before: Folding, after: Folding, moved: Moved, movers: Collection[int]) -> None:
    """Count one lead.

    Args:
        effects: counts on.
        before, after: the lead under the live model and under the candidate.
        moved: how it moved between them.
        movers: founding positions of the leads that move most, this one included.
    """
    founding = after.lead.founding
    for then, folding in ((False, before), (True, after)):
        _count_rules(effects, folding, then=then)
        _count_weeks(effects, folding, then=then)
    for names, first in ((moved.entered, effects.entered), (moved.left, effects.left)):
        for name in names:
            if len(first[name]) < _FIRST:
                first[name].append(founding)
    if founding in movers:
        note_mover(
            effects, founding, movers, *(points_by_rule(each.trace, each.model, effects.as_of) for each in (before, after))
        )


def note_mover(
    effects: Effects, founding: int, movers: Collection[int], was: Mapping[str, float], now: Mapping[str, float]
) -> None:
    """Note by which rules a lead moved that is among those that move most.

    Args:
        movers: founding positions of them all; of others nothing is kept.
        was, now: by rule, what is left of the points that it gave under either model.
    """
    effects.moved = {other: rules for other, rules in effects.moved.items() if other in movers}
    effects.moved[founding] = moved_by_rule(was, now)


def _count_rules(effects: Effects, folding: Folding, *, then: bool) -> None:
    half_lives = {score.name: score.half_life for score in folding.model.scores}
    touched = set()
    for each in folding.trace.contributions:
        given = effects.rules[then, each.score, each.rule]
        given.times += 1
        given.points += each.credited
        given.left += decayed(each.credited, each.at, effects.as_of, half_lives[each.score])
        touched.add((then, each.score, each.rule))
    for key in touched:
        effects.rules[key].leads += 1


def _count_weeks(effects: Effects, folding: Folding, *, then: bool) -> None:
    """Count a lead once in each week in which it began to meet a definition, or came to sales."""
    last = _week(effects, effects.as_of)
    came: set[tuple[bool, str | None, int]] = set()
    for move in folding.trace.moves:
        week = _week(effects, move.at)
        if last - WEEKS < week <= last:
            if move.kind == "qualified":
                came.add((then, str(move.new), week))
            elif move.kind == "stage" and move.new == SALES_STAGE:
                came.add((then, None, week))
    effects.weekly.update(came)
    if folding.lead.created_at is not None:
        note_founded(effects, folding.lead.created_at)


def note_founded(effects: Effects, instant: Instant) -> None:
    """Note when a lead was founded: the weeks that are told begin with the first one."""
    week = _week(effects, instant)
    effects.first_week = week if effects.first_week is None else min(week, effects.first_week)


def _week(effects: Effects, instant: Instant) -> int:
    return (effects.model.day(instant) + _WEEKDAY_OF_EPOCH) // 7


def describe(effects: Effects, tally: Tally, candidate: Model, log_id: bytes, scale: float) -> dict[str, Any]:
    """Return what was counted, as reports say it.

    Args:
        effects: what was counted.
        tally: of the same leads.
        candidate: the model that is previewed.
        log_id: of the log, for ids of leads.
        scale: by what the counts of a sample are multiplied to speak of all leads.
    """
    names = list(dict.fromkeys(name for model in (effects.model, candidate) for name, _ in model.definitions))
    return {
        "first": {
            name: {"entered": _ids(log_id, effects.entered[name]), "left": _ids(log_id, effects.left[name])} for name in names
        },
        "top_movers": [_mover(effects, log_id, *mover) for mover in sorted(tally.movers, reverse=True)],
        "rules": _rules(effects, candidate),
        "weeks": [_week_of(effects, names, week) for week in _weeks(effects)],
        "sales_load": _load(effects, scale),
    }


def _ids(log_id: bytes, foundings: Iterable[int]) -> list[str]:
    return [encode_lead_id(log_id, founding) for founding in foundings]


def _mover(effects: Effects, log_id: bytes, points: float, founding: int) -> dict[str, Any]:
    return {"lead_id": encode_lead_id(log_id, founding), "points": round(points, 2), "rules": effects.moved[founding]}


def _rules(effects: Effects, candidate: Model) -> list[dict[str, Any]]:
    """Return every rule of both models, the most changed first."""
    models = (effects.model, candidate)
    named = dict.fromkeys((model.scores[rule.score].name, rule.id) for model in models for rule in model.rules)
    found = [
        {
            "score": score,
            "rule": rule,
            "now": _given(effects.rules.get((False, score, rule), Given())),
            "then": _given(effects.rules.get((True, score, rule), Given())),
        }
        for score, rule in named
    ]
    return sorted(found, key=lambda each: -abs(each["then"]["points"] - each["now"]["points"]))


def _given(given: Given) -> dict[str, Any]:
    return {"leads": given.leads, "times": given.times, "points": round(given.points, 2), "left": round(given.left, 2)}


def _weeks(effects: Effects) -> range:
    last = _week(effects, effects.as_of)
    first = last if effects.first_week is None else min(last, max(effects.first_week, last - WEEKS + 1))
    return range(first, last + 1)


def _week_of(effects: Effects, names: Iterable[str], week: int) -> dict[str, Any]:
    return {
        "begins": (_EPOCH + timedelta(days=7 * week - _WEEKDAY_OF_EPOCH)).isoformat(),
        "qualified": {name: _both(effects, name, week) for name in names},
        "to_sales": _both(effects, None, week),
    }


def _both(effects: Effects, name: str | None, week: int) -> dict[str, int]:
    return {"now": effects.weekly[False, name, week], "then": effects.weekly[True, name, week]}


def _load(effects: Effects, scale: float) -> dict[str, Any]:
    """Return how many leads come to sales in a whole week; in a log that is younger than that, in the one that began."""
    weeks = _weeks(effects)
    whole = weeks[:-1] or weeks
    each = {
        side: round(sum(effects.weekly[then, None, week] for week in whole) * scale / len(whole), 1)
        for side, then in (("now", False), ("then", True))
    }
    return {"stage": SALES_STAGE, "weeks": len(whole), **each}
