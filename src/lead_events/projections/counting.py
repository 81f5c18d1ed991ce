"""Counts leads whom no condition moved, many at once: what ``compare_lead`` and ``count_effects`` count one by one."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from lead_events.domain.times import Instant
from lead_events.projections.columns import Floats, Ints
from lead_events.projections.crediting import left_at, value_at
from lead_events.projections.effects import Effects, note_mover
from lead_events.projections.tallying import Tally, count_points
from lead_events.projections.unmoved import Side, Unmoved


def count_unmoved(tally: Tally, effects: Effects, unmoved: Unmoved, foundings: Ints, some: slice) -> None:
    """Count some leads.

    Args:
        tally, effects: count on.
        unmoved: leads whom no condition moved.
        foundings: founding position of each.
        some: which of them.
    """
    tally.leads += some.stop - some.start
    left = [_count_rules(effects, side, some, then=then) for then, side in ((False, unmoved.before), (True, unmoved.after))]
    points = {founding: some.start + place for place, founding in _count_deltas(tally, effects.as_of, unmoved, foundings, some)}
    movers = {founding for _, founding in tally.movers}
    for founding in movers & points.keys():
        was, now = (
            _points_by_rule(side, each, points[founding], some)
            for side, each in zip((unmoved.before, unmoved.after), left, strict=True)
        )
        note_mover(effects, founding, movers, was, now)


def _count_deltas(tally: Tally, as_of: Instant, unmoved: Unmoved, foundings: Ints, some: slice) -> list[tuple[int, int]]:
    """Tally how far scores moved; returns (place among some, founding position) of the leads of which any did."""
    was, now = (_values(side, as_of, some) for side in (unmoved.before, unmoved.after))
    nothing = np.zeros(some.stop - some.start)
    names = sorted(was.keys() | now.keys())
    columns = [(was.get(name, nothing), now.get(name, nothing)) for name in names]
    differing = np.flatnonzero(np.logical_or.reduce([one != two for one, two in columns]))
    moved = []
    for place in differing.tolist():
        values = {name: (float(one[place]), float(two[place])) for name, (one, two) in zip(names, columns, strict=True)}
        founding = int(foundings[some.start + place])
        if count_points(tally, founding, values):
            tally.different += 1
            moved.append((place, founding))
    return moved


def _values(side: Side, as_of: Instant, some: slice) -> dict[str, Floats]:
    """Return the scores that are numbers although no trait is known."""
    scores = [(n, score) for n, score in enumerate(side.model.scores) if not score.unknown_without]
    return {score.name: value_at(side.model, side.credits, n, as_of, some) for n, score in scores}


def _count_rules(effects: Effects, side: Side, some: slice, *, then: bool) -> Floats:
    """Count what each rule gave; returns what is left of each firing's points."""
    span = _span(side, some)
    firings = side.firings
    lead, rule, credited = firings.lead[span], firings.rule[span], side.credits.credited[span]
    left = left_at(side.model, rule, firings.at[span], credited, effects.as_of)
    rules = len(side.model.rules)
    sums = [np.bincount(rule, weights=weights, minlength=rules) for weights in (None, credited, left)]
    leads = np.bincount(np.unique(lead * rules + rule) % rules, minlength=rules)
    for place in np.flatnonzero(sums[0]).tolist():
        compiled = side.model.rules[place]
        given = effects.rules[then, side.model.scores[compiled.score].name, compiled.id]
        given.leads += int(leads[place])
        given.times += int(sums[0][place])
        given.points += float(sums[1][place])
        given.left += float(sums[2][place])
    return left


def _points_by_rule(side: Side, left: Floats, lead: int, some: slice) -> dict[str, float]:
    span, begin = _span(side, slice(lead, lead + 1)), _span(side, some).start
    points: dict[str, float] = defaultdict(float)
    for rule, each in zip(side.firings.rule[span].tolist(), left[span.start - begin : span.stop - begin].tolist(), strict=True):
        points[side.model.rules[rule].id] += each
    return points


def _span(side: Side, leads: slice) -> slice:
    """Return which firings are those of some leads."""
    begin, end = np.searchsorted(side.firings.lead, [leads.start, leads.stop])
    return slice(int(begin), int(end))
