"""Leads whom no condition of two models can have moved: cold visitors under both, whatever their points came to.

They are most of whoever comes to a website. Their points are added up in columns; nothing else about them is folded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lead_events.domain.conditions import LeadCondition, ScoreTest
from lead_events.domain.model import Model
from lead_events.domain.profile import SESSION_GAP
from lead_events.domain.relevance import Asking, Use, Verdict
from lead_events.domain.rules import CompiledRule
from lead_events.domain.state import FIRST_STAGE, Lead
from lead_events.domain.windows import Counter
from lead_events.projections.columns import Bools, Columns, Ints
from lead_events.projections.crediting import NO_VISIT, Credits, Firings, credit
from lead_events.projections.selecting import Selection

_MOST_FIRINGS = 400
"""Of one lead; a robot's thousands would make steps of which each is for that lead alone."""
_NOT_BY_COLUMNS = int(Use.IN_LOG | Use.GATE | Use.STAMPED | Use.NUMBERED)


@dataclass(frozen=True, slots=True)
class Side:
    """What one model gave leads."""

    model: Model
    firings: Firings
    credits: Credits

    def without(self, leads: Bools) -> Side:
        """Return the same for all leads but some; the others move up."""
        stays = ~leads[self.firings.lead]
        firings = self.firings.some(stays)
        firings = replace(firings, lead=(np.cumsum(~leads) - 1)[firings.lead])
        return Side(self.model, firings, self.credits.some(stays, ~leads))


@dataclass(frozen=True, slots=True)
class Unmoved:
    """Leads whom no condition can have moved, in the order in which they are counted.

    Attributes:
        places: of the leads in their selection.
        events: per lead, how many of its events matter.
        before, after: what either model gave them; leads are numbered as in ``places``.
    """

    places: Ints
    events: Ints
    before: Side
    after: Side


class Judged(NamedTuple):
    """What was said of the events of a log.

    Attributes:
        askings: what each model asks of events, by the numbers in ``verdicts``.
        verdicts: each that was given, once.
        of_signature: place of the one that was given, by number of the signature.
    """

    askings: Sequence[Asking]
    verdicts: Sequence[Verdict]
    of_signature: NDArray[np.int32]

    def of(self, columns: Columns, rows: Ints) -> NDArray[np.int32]:
        """Return the place of the verdict on each of some events."""
        return self.of_signature[columns.signature[rows]]


class _Events(NamedTuple):
    """The kept events of some leads: by lead, in canonical order."""

    lead: Ints
    verdict: NDArray[np.int32]
    at: Ints
    visit: Ints


def find_unmoved(models: tuple[Model, Model], judged: Judged, columns: Columns, found: Selection, places: Ints) -> Unmoved:
    """Find, and add up the points of, the leads whom no condition can have moved.

    Args:
        models: the live one and the candidate.
        judged: what was said of the events.
        columns: the log.
        found: the events that stay.
        places: in ``found``, of leads of whom columns tell everything, in the order in which they are counted.
    """
    events = _events_of(columns, judged, found, places)
    pairs = list(zip(models, judged.askings, strict=True))
    before, after = (_side(model, asking, judged.verdicts, events, len(places)) for model, asking in pairs)
    moved = np.zeros(len(places), dtype=bool)
    for side, asking in zip((before, after), judged.askings, strict=True):
        moved |= _may_move(side, asking, judged.verdicts, events)
    stay = places[~moved]
    return Unmoved(stay, found.starts[stay + 1] - found.starts[stay], before.without(moved), after.without(moved))


def told_by_columns(models: Sequence[Model], judged: Judged, columns: Columns, found: Selection) -> Bools:
    """Mark the leads of whom columns tell everything, and whose rules and watches can be worked out in them.

    Of leads that need everything, or whose every event may matter, they never do.
    """
    told = np.zeros(len(found.leads), dtype=bool)
    if any(model.silences or model.asks_visits or model.exits.get(FIRST_STAGE) for model in models):
        return told
    others = {number for model, asking in zip(models, judged.askings, strict=True) for number in _beyond_columns(model, asking)}
    beyond = np.array([bool(each.use & _NOT_BY_COLUMNS or others.intersection(each.fires)) for each in judged.verdicts])
    most = np.array([len(each.fires) for each in judged.verdicts], dtype=np.int64)
    for some in found.blocks():
        begins = found.starts[some.start : some.stop + 1]
        verdict = judged.of(columns, found.rows[begins[0] : begins[-1]])
        begins = begins[:-1] - begins[0]
        few = np.add.reduceat(most[verdict], begins) <= _MOST_FIRINGS
        told[some] = few & ~np.logical_or.reduceat(beyond[verdict], begins)
    return told


def _beyond_columns(model: Model, asking: Asking) -> list[int]:
    """Return the conditions whose events do what is not worked out in columns."""
    watches = [n for n, watch in zip(asking.watches, model.scope.watches, strict=True) if not isinstance(watch, Counter)]
    rules = [n for n, rule in zip(asking.rules, model.rules, strict=True) if n is not None and _is_entangled(rule)]
    return watches + rules


def _is_entangled(rule: CompiledRule) -> bool:
    """Say whether time takes points back, or what caps leave decides which firings a limit counts."""
    return rule.valid_for is not None or (rule.cap is not None and rule.group is not None and rule.group.times is not None)


def _events_of(columns: Columns, judged: Judged, found: Selection, places: Ints) -> _Events:
    count = found.starts[places + 1] - found.starts[places]
    lead = np.repeat(np.arange(len(places)), count)
    begins = np.repeat(found.starts[places] - (np.cumsum(count) - count), count)
    rows = found.rows[begins + np.arange(len(lead))]
    at = columns.at[rows]
    return _Events(lead, judged.of(columns, rows), at, _visits(lead, columns.browser[rows].view(np.int64), at))


def _visits(lead: Ints, browser: Ints, at: Ints) -> Ints:
    """Number the visits: one ends after a gap without any event of its browser (``domain.profile``)."""
    order = np.lexsort((browser, lead))
    other = (np.diff(lead[order], prepend=-1) != 0) | (np.diff(browser[order], prepend=0) != 0)
    visit = np.empty_like(at)
    visit[order] = np.cumsum(other | (np.diff(at[order], prepend=0) > SESSION_GAP))
    return np.where(browser == 0, NO_VISIT, visit)


def _side(model: Model, asking: Asking, verdicts: Sequence[Verdict], events: _Events, leads: int) -> Side:
    fired = [[place for place, n in enumerate(asking.rules) if n is not None and n in each.fires] for each in verdicts]
    count = np.array([len(each) for each in fired], dtype=np.int64)
    rules = np.array([rule for each in fired for rule in each], dtype=np.int64)
    begins = np.cumsum(count) - count
    times = count[events.verdict]
    which = np.repeat(np.arange(len(times)), times)
    within = np.arange(len(which)) - np.repeat(np.cumsum(times) - times, times)
    rule = rules[begins[events.verdict[which]] + within]
    firings = Firings(events.lead[which], rule, events.at[which], events.visit[which])
    return Side(model, firings, credit(model, firings, leads))


# --- conditions -----------------------------------------------------------------------------------------------------


class _Facts(NamedTuple):
    """What is known of leads at every instant of their lives, as long as none was moved.

    Attributes:
        nobody: of whom nothing is known: every one of them is like this, but for points and counts.
        counted: per watch and lead, how many events it ever saw.
    """

    model: Model
    nobody: Lead
    credits: Credits
    counted: Sequence[Ints]


class _Truth(NamedTuple):
    """Whether a condition may hold at some instant, and whether it may not; per lead."""

    may: Bools
    may_not: Bools


def _may_move(side: Side, asking: Asking, verdicts: Sequence[Verdict], events: _Events) -> Bools:
    """Mark the leads whom a condition might move; whoever is moved, is by a first one, and none has held before."""
    model, leads = side.model, len(side.credits.value)
    counted = [
        np.bincount(events.lead[np.array([n in each.fires for each in verdicts])[events.verdict]], minlength=leads)
        for n in asking.watches
    ]
    facts = _Facts(model, model.begin(1), side.credits, counted)
    ways_in = [entry.when for entry in model.entries if entry.when and (entry.sources is None or FIRST_STAGE in entry.sources)]
    asked = [condition for _, condition in (*model.definitions, *model.temperatures)] + ways_in
    moved = np.zeros(leads, dtype=bool)
    for condition in asked:
        moved |= _truth(condition, facts).may
    return moved


def _truth(condition: LeadCondition, facts: _Facts) -> _Truth:
    match condition.kind:
        case "all":
            parts = [_truth(part, facts) for part in condition.parts]
            may = np.logical_and.reduce([part.may for part in parts])
            return _Truth(may, np.logical_or.reduce([part.may_not for part in parts]))
        case "some":
            parts = [_truth(part, facts) for part in condition.parts]
            most = np.sum([part.may for part in parts], axis=0)
            least = np.sum([~part.may_not for part in parts], axis=0)
            return _Truth(most >= condition.needed, least < condition.needed)
        case "not":
            truth = _truth(condition.parts[0], facts)
            return _Truth(truth.may_not, truth.may)
        case "score" if not condition.spec.unknown_without:
            return _score_truth(condition.spec, facts.credits)
        case "count":
            return _count_truth(condition.spec, facts)
        case "person" | "definition" | "score" | "window":  # a window stays empty, for whoever has anything in one is folded
            holds = condition.holds(facts.nobody, 1)
            return _always(facts, may=holds, may_not=not holds)
    return _always(facts, may=True, may_not=True)


def _score_truth(test: ScoreTest, credits_: Credits) -> _Truth:
    may_reach = credits_.highest[:, test.score] >= test.points
    may_miss = credits_.lowest[:, test.score] < test.points
    return _Truth(may_reach, may_miss) if test.reached else _Truth(may_miss, may_reach)


def _count_truth(watch: int, facts: _Facts) -> _Truth:
    counter = facts.model.scope.watches[watch]
    enough = facts.counted[watch] >= (counter.needed if isinstance(counter, Counter) else 1)
    return _Truth(enough, np.ones_like(enough))


def _always(facts: _Facts, *, may: bool, may_not: bool) -> _Truth:
    leads = len(facts.credits.value)
    return _Truth(np.full(leads, may), np.full(leads, may_not))
