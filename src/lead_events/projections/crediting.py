"""Points in columns: what events add to the scores of many leads, to the bit what ``domain.scoring`` adds one by one.

Leads stand side by side: a step takes the next firing of every lead that has one, so each lead's sums are made in its own order
by the same operations. For leads whose scores nothing but events changes: no expiry, no override, no trait, no silence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lead_events.domain.model import QUARTER, Model
from lead_events.domain.rules import CompiledGroup, CompiledRule
from lead_events.domain.times import Instant
from lead_events.projections.columns import Bools, Floats, Ints
from lead_events.projections.fading import faded

NO_VISIT = 0


@dataclass(frozen=True, slots=True)
class Firings:
    """Events that fire rules, one element for each event and rule, by lead and in the order in which a fold comes to them.

    Attributes:
        lead: place of the lead, ascending.
        rule: place of the rule in its model.
        at: canonical time of the event, microseconds UTC.
        visit: number of the visit that the event is part of, ``NO_VISIT`` without a browser.
    """

    lead: Ints
    rule: Ints
    at: Ints
    visit: Ints

    def __len__(self) -> int:
        return len(self.lead)

    def some(self, which: Bools) -> Firings:
        """Return those that are marked."""
        return Firings(self.lead[which], self.rule[which], self.at[which], self.visit[which])


@dataclass(frozen=True, slots=True)
class Credits:
    """What firings gave.

    Attributes:
        credited: per firing, what limits and caps left of its points.
        value, since: per lead and score, what ``Lead.scores`` holds after the last firing.
        lowest, highest: per lead and score, the least and the most that it ever came to when points were added.
    """

    credited: Floats
    value: Floats
    since: Ints
    lowest: Floats
    highest: Floats

    def some(self, firings: Bools, leads: Bools) -> Credits:
        """Return those of marked firings and leads."""
        scores = self.value[leads], self.since[leads]
        return Credits(self.credited[firings], *scores, self.lowest[leads], self.highest[leads])


def credit(model: Model, firings: Firings, leads: int) -> Credits:
    """Add up the points of firings.

    Args:
        model: gives the points.
        firings: of all leads.
        leads: how many there are.
    """
    tables = _Tables.of(model)
    standing = _Standing.begin(leads * len(model.scores), leads * len(tables.caps))
    credited = np.zeros(len(firings))
    counted = np.flatnonzero(_within_limits(model, firings))
    lead = firings.lead[counted]
    each = np.bincount(lead, minlength=leads)
    first = np.cumsum(each) - each
    busiest = np.argsort(-each, kind="stable")
    descending = -each[busiest]
    for step in range(int(each.max(initial=0))):
        who = busiest[: np.searchsorted(descending, -step)]
        now = counted[first[who] + step]
        credited[now] = _add(tables, standing, who, firings.rule[now], firings.at[now])
    shape = leads, len(model.scores)
    value, since, lowest, highest = standing.value, standing.since, standing.lowest, standing.highest
    return Credits(credited, value.reshape(shape), since.reshape(shape), lowest.reshape(shape), highest.reshape(shape))


def value_at(model: Model, credits_: Credits, score: int, as_of: Instant, some: slice) -> Floats:
    """Return what a score of some leads comes to at an instant, in points."""
    value, since = credits_.value[some, score], credits_.since[some, score]
    return faded(value, since, as_of, _half_life(model.scores[score].half_life))


def left_at(model: Model, rule: Ints, at: Ints, credited: Floats, as_of: Instant) -> Floats:
    """Return what decay left at an instant of the points that firings of rules gave at their instants."""
    half_life = np.array([_half_life(model.scores[each.score].half_life) for each in model.rules])
    return faded(credited, at, as_of, half_life[rule])


# --- limits ---------------------------------------------------------------------------------------------------------


def _within_limits(model: Model, firings: Firings) -> Bools:
    """Mark the firings that no limit of their rule, nor of its group, forbids; a firing that the rule forbids is none."""
    within = np.ones(len(firings), dtype=bool)
    for place, rule in enumerate(model.rules):
        if rule.times is not None:
            _limit(model, firings, firings.rule == place, rule, within)
    for group in {rule.group.id: rule.group for rule in model.rules if rule.group is not None}.values():
        if group.times is not None:
            members = [place for place, rule in enumerate(model.rules) if rule.group is not None and rule.group.id == group.id]
            _limit(model, firings, np.isin(firings.rule, members) & within, group, within)
    return within


def _limit(model: Model, firings: Firings, which: Bools, limited: CompiledRule | CompiledGroup, within: Bools) -> None:
    """Strike off those of the marked firings that come too often in a period."""
    some = firings.some(which)
    period = _periods(model, some, limited.per)
    order = np.argsort(period, kind="stable")
    begins = np.flatnonzero(np.diff(period[order], prepend=-1) != 0)
    number = np.arange(len(some)) - np.repeat(begins, np.diff(begins, append=len(some)))
    within[np.flatnonzero(which)[order[number >= (limited.times or 0)]]] = False


def _periods(model: Model, firings: Firings, per: str | None) -> Ints:
    """Return a number for the period of each firing: its lead's visit, or local day where it is part of none; day; or life."""
    if per == "day":
        return _days(model, firings)
    if per != "session":
        return firings.lead
    nowhere = firings.visit == NO_VISIT
    periods = firings.visit.copy()
    periods[nowhere] = int(periods.max(initial=0)) + _days(model, firings.some(nowhere))
    return periods


def _days(model: Model, firings: Firings) -> Ints:
    """Number the local days of each lead, from 1 on."""
    quarters, place = np.unique(firings.at // QUARTER, return_inverse=True)
    day = np.array([model.day(int(quarter) * QUARTER) for quarter in quarters], dtype=np.int64)[place]
    # A new run whenever the day is another than before, as a fold counts: a clock that is put back may come to one twice.
    changes = (np.diff(firings.lead, prepend=-1) != 0) | (np.diff(day, prepend=0) != 0)
    return np.cumsum(changes)


# --- points ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Tables:
    """A model's rules as columns.

    Attributes:
        score, points: per rule.
        own, shared: per rule, the place of its cap, and of its group's, among ``caps``.
        caps: what each is worth, in points; the last one never cuts anything.
        half_life: per score, microseconds; infinite without one.
        cap, floor: per score, points.
    """

    score: Ints
    points: Floats
    own: Ints
    shared: Ints
    caps: Floats
    half_life: Floats
    cap: Floats
    floor: Floats

    @classmethod
    def of(cls, model: Model) -> _Tables:
        capped = {each.id: each.cap for rule in model.rules for each in (rule, rule.group) if each is not None and each.cap}
        places = {id_: place for place, id_ in enumerate(capped)}
        nowhere = len(capped)
        scores = model.scores
        return cls(
            np.array([rule.score for rule in model.rules], dtype=np.int64),
            np.array([rule.points for rule in model.rules], dtype=np.float64),
            np.array([places.get(rule.id, nowhere) for rule in model.rules], dtype=np.int64),
            np.array([places.get(rule.group.id if rule.group else "", nowhere) for rule in model.rules], dtype=np.int64),
            np.array([*capped.values(), np.inf], dtype=np.float64),
            np.array([_half_life(score.half_life) for score in scores]),
            np.array([np.inf if score.cap is None else score.cap for score in scores]),
            np.array([score.floor for score in scores]),
        )


@dataclass(frozen=True, slots=True)
class _Standing:
    """Where leads stand, changed in place: per lead and score, and per lead and cap what counts against it since when."""

    value: Floats
    since: Ints
    lowest: Floats
    highest: Floats
    given: Floats
    given_at: Ints

    @classmethod
    def begin(cls, scores: int, caps: int) -> _Standing:
        zeros = [np.zeros(scores) for _ in range(3)]
        return cls(zeros[0], np.zeros(scores, dtype=np.int64), zeros[1], zeros[2], np.zeros(caps), np.zeros(caps, dtype=np.int64))


def _add(tables: _Tables, standing: _Standing, who: Ints, rule: Ints, at: Ints) -> Floats:
    """Let one rule fire for each of some leads; returns what it gave them."""
    score, points = tables.score[rule], tables.points[rule]
    half_life, entry = tables.half_life[score], who * len(tables.cap) + score
    value = faded(standing.value[entry], standing.since[entry], at, half_life)
    credited = points.copy()
    for cap in (tables.own[rule], tables.shared[rule]):
        slot = who * len(tables.caps) + cap
        room = tables.caps[cap] - faded(standing.given[slot], standing.given_at[slot], at, half_life)
        credited = np.minimum(credited, np.maximum(0.0, room))
    room = tables.cap[score] - value
    credited = np.where(room < credited, np.maximum(0.0, room), credited)
    floor = tables.floor[score]
    lowered = np.where(value + points < floor, np.minimum(0.0, floor - value), points)
    credited = np.where(points > 0, credited, lowered)
    for cap in (tables.own[rule], tables.shared[rule]):
        _remember(standing, who * len(tables.caps) + cap, credited, at, half_life)
    given = credited != 0.0
    entry, value = entry[given], (value + credited)[given]
    standing.value[entry], standing.since[entry] = value, at[given]
    standing.lowest[entry] = np.minimum(standing.lowest[entry], value)
    standing.highest[entry] = np.maximum(standing.highest[entry], value)
    return credited


def _remember(standing: _Standing, slot: Ints, credited: Floats, at: Ints, half_life: Floats) -> None:
    """Count points against caps."""
    given = credited != 0.0
    slot, at = slot[given], at[given]
    standing.given[slot] = faded(standing.given[slot], standing.given_at[slot], at, half_life[given]) + credited[given]
    standing.given_at[slot] = at


def _half_life(half_life: int | None) -> float:
    return np.inf if half_life is None else float(half_life)
