"""How well definitions and rules would have found the leads with an outcome: counts of leads, and what follows from them.

Pure statistics over what ``hindsight`` saw. Only counts are kept, and the days of leads that had the outcome.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import floor
from statistics import median
from typing import NamedTuple

from lead_events.domain.hindsight import Question, Sighting, Story, Watched
from lead_events.domain.separation import Quality, Verdict, average_precision, judge, measure
from lead_events.domain.times import DAY

STEPS = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""At which multiples of a definition's threshold a report says what would have been found."""


class Step(NamedTuple):
    """What would have been found at one threshold, in points."""

    at_least: float
    quality: Quality


class Curve(NamedTuple):
    """What would have been found at other thresholds of one score, all else in the definition being as it is."""

    score: str
    at_least: float
    steps: tuple[Step, ...]
    average_precision: float


class Found(NamedTuple):
    """How one definition did.

    Attributes:
        days_earlier: median days between first meeting it and the outcome, over the leads found that had the outcome.
        days_before_sales: median days between first meeting it and the first act of sales, over those of them that sales
            found too; negative when sales came first.
        with_sales, before_sales: how many those are, and how many of them it found before sales did.
    """

    model: str
    definition: str
    average_precision: float
    quality: Quality
    days_earlier: float | None
    days_before_sales: float | None
    with_sales: int
    before_sales: int
    curves: tuple[Curve, ...]


class Judged(NamedTuple):
    """How one rule did: over the leads it gave or took points of."""

    model: str
    score: str
    rule: str
    points: float
    quality: Quality
    verdict: Verdict


class Report(NamedTuple):
    """How several models did; definitions are the best first."""

    leads: int
    with_outcome: int
    events: int
    imported: int
    assumed: int
    definitions: tuple[Found, ...]
    rules: tuple[Judged, ...]


@dataclass(slots=True)
class LeftOut:
    """Leads that are not judged.

    Attributes:
        strangers: visitors who never said who they are; nobody could have called them.
        too_young: leads that began less than the horizon before the end of the log.
        erased: leads whose past is gone.
        unreadable: leads with an event that cannot be folded.
    """

    strangers: int = 0
    too_young: int = 0
    erased: int = 0
    unreadable: int = 0


@dataclass(frozen=True, slots=True)
class Backtest:
    """A finished back-test."""

    question: Question
    report: Report
    left_out: LeftOut


@dataclass(slots=True)
class _Counts:
    """Leads, and those of them with the outcome."""

    leads: int = 0
    with_outcome: int = 0

    def add(self, *, had: bool) -> None:
        self.leads += 1
        self.with_outcome += had


@dataclass(slots=True)
class _DefinitionTally:
    counts: _Counts = field(default_factory=_Counts)
    earlier: array[int] = field(default_factory=lambda: array("q"))
    before_sales: array[int] = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class _ModelTally:
    watched: Watched
    definitions: list[_DefinitionTally]
    rules: dict[str, _Counts]
    reached: list[tuple[Counter[int], Counter[int]]]


class Tally:
    """Counts leads, one after another, under several models."""

    def __init__(self, watched: Sequence[Watched]) -> None:
        """Begin to count."""
        self._all = _Counts()
        self._events = self._imported = self._assumed = 0
        self._models = [
            _ModelTally(
                each,
                [_DefinitionTally() for _ in each.model.definitions],
                {rule.id: _Counts() for rule in each.model.rules},
                [(Counter(), Counter()) for _ in each.thresholds],
            )
            for each in watched
        ]

    def add(self, story: Story, sightings: Sequence[Sighting]) -> None:
        """Count one lead, seen by each model."""
        had = story.outcome_at is not None
        self._all.add(had=had)
        self._events += sum(len(events) for moment, events in story.moments if moment <= story.until)
        self._imported += story.imported
        self._assumed += story.assumed
        for tally, sighting in zip(self._models, sightings, strict=True):
            _add(tally, story, sighting, had=had)

    def report(self) -> Report:
        """Say how every definition and every rule did."""
        found = [each for tally in self._models for each in _judge_definitions(tally, self._all)]
        rules = [each for tally in self._models for each in _judge_rules(tally, self._all)]
        return Report(
            self._all.leads,
            self._all.with_outcome,
            self._events,
            self._imported,
            self._assumed,
            tuple(sorted(found, key=_place)),
            tuple(rules),
        )


def _place(found: Found) -> tuple[float, str, str]:
    return -found.average_precision, found.definition, found.model


def _add(tally: _ModelTally, story: Story, sighting: Sighting, *, had: bool) -> None:
    for of_definition, found_at in zip(tally.definitions, sighting.found, strict=True):
        if found_at is None:
            continue
        of_definition.counts.add(had=had)
        if story.outcome_at is not None:
            of_definition.earlier.append(story.outcome_at - found_at)
            if story.sales_at is not None and story.sales_at < story.outcome_at:
                of_definition.before_sales.append(story.sales_at - found_at)
    for rule in sighting.fired:
        tally.rules[rule].add(had=had)
    for (leads, with_outcome), reached in zip(tally.reached, sighting.reached, strict=True):
        if reached is not None:
            leads[floor(reached * 100)] += 1
            with_outcome[floor(reached * 100)] += had


def _judge_definitions(tally: _ModelTally, everybody: _Counts) -> Iterable[Found]:
    for index, (name, _) in enumerate(tally.watched.model.definitions):
        mine = tally.definitions[index]
        quality = measure(mine.counts.leads, mine.counts.with_outcome, everybody.leads, everybody.with_outcome)
        curves = tuple(_curves(tally, index, everybody))
        alone = (quality.precision or 0.0) * (quality.recall or 0.0)
        score = sum(curve.average_precision for curve in curves) / len(curves) if curves else alone
        before = sum(lead > 0 for lead in mine.before_sales)
        earlier, before_sales = _days(mine.earlier), _days(mine.before_sales)
        yield Found(tally.watched.label, name, score, quality, earlier, before_sales, len(mine.before_sales), before, curves)


def _days(spans: array[int]) -> float | None:
    return median(spans) / DAY if spans else None


def _curves(tally: _ModelTally, definition: int, everybody: _Counts) -> Iterable[Curve]:
    for threshold, (leads, with_outcome) in zip(tally.watched.thresholds, tally.reached, strict=True):
        if threshold.definition != definition:
            continue
        points = sorted({round(step * threshold.at_least, 2) for step in STEPS})
        steps = tuple(
            Step(at, measure(_above(leads, at), _above(with_outcome, at), everybody.leads, everybody.with_outcome))
            for at in points
        )
        score = tally.watched.model.scores[threshold.score].name
        yield Curve(score, threshold.at_least, steps, average_precision(leads, with_outcome, everybody.with_outcome))


def _judge_rules(tally: _ModelTally, everybody: _Counts) -> Iterable[Judged]:
    model = tally.watched.model
    for rule in model.rules:
        mine = tally.rules[rule.id]
        quality = measure(mine.leads, mine.with_outcome, everybody.leads, everybody.with_outcome)
        verdict = judge(quality, everybody.leads, everybody.with_outcome, rule.points)
        yield Judged(tally.watched.label, model.scores[rule.score].name, rule.id, rule.points, quality, verdict)


def _above(reached: Counter[int], at_least: float) -> int:
    return sum(leads for points, leads in reached.items() if points >= round(at_least * 100))
