"""What differs between two models, counted lead by lead: the one comparison of previews and of built generations.

Bounded whatever the number of leads, and the same in whatever order they come. No database here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from math import fsum
from typing import Any

from lead_events.domain.changes import standing
from lead_events.domain.companies import company_of
from lead_events.domain.decay import decayed
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace, value_at
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant

_TOP = 10
_TOP_RULES = 5
_BANDS = (-100, -50, -20, -10, -5, 0, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Moved:
    """How one lead moved.

    Attributes:
        points: the sum of the distances that its scores moved, rounded to 0.01.
        entered, left: definitions that it begins or ceases to meet.
    """

    points: float = 0.0
    entered: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()


@dataclass(slots=True)
class Tally:
    """What was counted so far.

    Attributes:
        deltas: score → points rounded to 0.01 → how many leads moved by just that.
        companies: how many leads come to another company, or to one, or to none.
        movers: (points, founding position) of those that moved most, as a heap.
    """

    leads: int = 0
    different: int = 0
    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    stages: Counter[tuple[str, str]] = field(default_factory=Counter)
    temperatures: Counter[tuple[str, str]] = field(default_factory=Counter)
    deltas: dict[str, Counter[float]] = field(default_factory=lambda: defaultdict(Counter))
    companies: int = 0
    movers: list[tuple[float, int]] = field(default_factory=list)


def compare_lead(tally: Tally, old: Model, new: Model, before: Lead | None, after: Lead | None, as_of: Instant) -> Moved:
    """Count one lead.

    Args:
        tally: counts on.
        old, new: the models.
        before, after: the lead under each of them; None where it is not there.
        as_of: when scores are compared, microseconds UTC.

    Returns:
        How it moved.
    """
    tally.leads += 1
    if before is None or after is None:
        tally.different += 1
        return Moved()
    one, two = standing(before, old), standing(after, new)
    was, now = frozenset(one["qualified"]), frozenset(two["qualified"])
    tally.entered.update(now - was)
    tally.left.update(was - now)
    if one["stage"] != two["stage"]:
        tally.stages[one["stage"], two["stage"]] += 1
    if one["temperature"] != two["temperature"]:
        tally.temperatures[one["temperature"], two["temperature"]] += 1
    points = count_points(tally, after.founding, _values(old, new, before, after, as_of))
    moved = old.lists is not new.lists and company_of(before, old.lists) != company_of(after, new.lists)
    tally.companies += moved
    tally.different += one != two or points > 0 or moved or before.traits != after.traits
    return Moved(points, now - was, was - now)


def _values(old: Model, new: Model, before: Lead, after: Lead, as_of: Instant) -> dict[str, tuple[float, float]]:
    """Return each score under both models, in points; one that is unknown, or that a model does not have, is nothing."""
    was = {score.name: value_at(before, index, score, as_of) for index, score in enumerate(old.scores)}
    now = {score.name: value_at(after, index, score, as_of) for index, score in enumerate(new.scores)}
    return {name: (was.get(name) or 0.0, now.get(name) or 0.0) for name in sorted(was.keys() | now.keys())}


def count_points(tally: Tally, founding: int, values: Mapping[str, tuple[float, float]]) -> float:
    """Tally how far each score of a lead moved and return the sum of the distances, in points rounded to 0.01.

    Args:
        values: by score, sorted, under both models.
    """
    total = 0.0
    for name, (was, now) in values.items():
        delta = round(now - was, 2)
        if delta:
            tally.deltas[name][delta] += 1
            total += abs(delta)
    if total:
        push = heappush if len(tally.movers) < _TOP else heappushpop
        push(tally.movers, (total, founding))
    return total


def summarize(tally: Tally, old: Model, new: Model) -> dict[str, Any]:
    """Return what was counted, as reports say it; the top movers are the caller's, who knows their events."""
    return {
        "empty": tally.different == 0,
        "leads": tally.leads,
        "different": tally.different,
        "definitions": _definitions(tally, old, new),
        "stages": _moves(tally.stages),
        "temperatures": _moves(tally.temperatures),
        "companies": tally.companies,
        "scores": {name: _spread(deltas) for name, deltas in sorted(tally.deltas.items())},
    }


def _definitions(tally: Tally, old: Model, new: Model) -> dict[str, dict[str, int]]:
    names = list(dict.fromkeys([name for name, _ in old.definitions] + [name for name, _ in new.definitions]))
    return {name: {"entered": tally.entered[name], "left": tally.left[name]} for name in names}


def _moves(moves: Counter[tuple[str, str]]) -> list[dict[str, Any]]:
    ordered = sorted(moves.items(), key=lambda move: (-move[1], move[0]))
    return [{"from": old, "to": new, "leads": leads} for (old, new), leads in ordered]


def _spread(deltas: Counter[float]) -> dict[str, Any]:
    bands: Counter[int] = Counter()
    for delta, leads in deltas.items():
        bands[sum(delta > band for band in _BANDS)] += leads
    edges: list[float | None] = [None, *_BANDS, None]
    return {
        "leads": deltas.total(),
        "up": sum(leads for delta, leads in deltas.items() if delta > 0),
        "down": sum(leads for delta, leads in deltas.items() if delta < 0),
        "mean": round(fsum(delta * leads for delta, leads in deltas.items()) / deltas.total(), 2),
        "largest": max(deltas, key=lambda delta: (abs(delta), delta)),
        "histogram": [{"above": edges[n], "up_to": edges[n + 1], "leads": count} for n, count in sorted(bands.items())],
    }


def points_by_rule(trace: Trace, model: Model, as_of: Instant) -> dict[str, float]:
    """Return what is left at an instant of the points that each rule gave."""
    half_lives = {score.name: score.half_life for score in model.scores}
    points: dict[str, float] = defaultdict(float)
    for given in trace.contributions:
        points[given.rule] += decayed(given.credited, given.at, as_of, half_lives[given.score])
    return points


def moved_by_rule(was: Mapping[str, float], now: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return the rules that moved a lead most, in points, the largest first."""
    moved = {rule: round(now.get(rule, 0.0) - was.get(rule, 0.0), 2) for rule in was.keys() | now.keys()}
    largest = sorted(((rule, points) for rule, points in moved.items() if points), key=lambda item: (-abs(item[1]), item[0]))
    return [{"rule": rule, "points": points} for rule, points in largest[:_TOP_RULES]]
