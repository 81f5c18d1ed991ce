"""Explaining a score: contributions as they count now, rounded so that they sum exactly to what is shown, and in words.

Pure; the fold that collects the contributions is ``lead.fold`` with a trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from math import floor
from typing import Any, NamedTuple

from lead_events.domain.consent import NO_PROFILING
from lead_events.domain.cooling import find_cooling
from lead_events.domain.decay import decayed
from lead_events.domain.errors import LeadEventsError
from lead_events.domain.events import Event
from lead_events.domain.model import Model
from lead_events.domain.rules import CompiledRule, CompiledScore, CompiledSilence
from lead_events.domain.scoring import Contribution, machine_value_at, value_at
from lead_events.domain.state import Lead
from lead_events.domain.times import LAST_WRITTEN, Instant, format_duration, format_instant

SUMMARY_LINES = 5

_LONGEST_DETAIL = 80
_DETAILS: Mapping[str, tuple[str, ...]] = {
    "page": ("context", "page", "path"),
    "file": ("properties", "file"),
    "form": ("properties", "form_id"),
    "webinar": ("properties", "webinar_id"),
    "video": ("properties", "video"),
    "product": ("properties", "product"),
    "popup": ("properties", "popup_id"),
    "offer": ("properties", "offer_id"),
    "subscription": ("properties", "subscription"),
}
_SPEAK_FOR_THEMSELVES = ("page", "file")


class Cooling(NamedTuple):
    """One threshold of a score that the model compares with.

    Attributes:
        points: the threshold.
        reached: whether the score is at least that.
        cools_at: when it will be below, if nothing happens; None when it is not reached, or stays until the year 10 000.
    """

    points: float
    reached: bool
    cools_at: Instant | None


class ExplainedScore(NamedTuple):
    """One score at an instant.

    Attributes:
        value: rounded to 0.01; None when it is unknown.
        machine: the same by the machine alone, beneath an override.
        missing: the traits of which at least one must be known, while none is.
        reason: why it is null although there may be points: ``no_profiling_consent``.
    """

    score: CompiledScore
    value: float | None
    machine: float | None
    missing: tuple[str, ...]
    thresholds: tuple[Cooling, ...]
    reason: str | None = None


class Explained(NamedTuple):
    """One contribution at an instant.

    Attributes:
        decay: the share of it that is left.
        value: what is left, in points; the values of a score sum exactly, in hundredths, to what it shows.
    """

    contribution: Contribution
    decay: float
    value: float


@lru_cache(4_096)
def round_shown(points: float) -> float:
    """Round points as every answer shows them: to 0.01, without a negative zero."""
    return round(points, 2) + 0.0


def explain_score(lead: Lead, index: int, model: Model, as_of: Instant) -> ExplainedScore:
    """Say what a score is at an instant, what it misses, and when it falls below each threshold of the model."""
    score = model.scores[index]
    value = value_at(lead, index, score, as_of)
    reason = None if lead.profiled else NO_PROFILING
    missing = score.unknown_without if value is None and reason is None else ()
    points = sorted({threshold.points for threshold in model.scope.thresholds if threshold.score == index})
    reached = frozenset(each for each in points if value is not None and value >= each)
    cooling = find_cooling(lead, index, model, as_of, reached)
    thresholds = tuple(Cooling(each, each in reached, _written(cooling.get(each))) for each in points)
    machine = machine_value_at(lead, index, score, as_of)
    shown = [None if each is None else round_shown(each) for each in (value, machine)]
    return ExplainedScore(score, shown[0], shown[1], missing, thresholds, reason)


def _written(cools_at: Instant | None) -> Instant | None:
    return None if cools_at is None or cools_at > LAST_WRITTEN else cools_at


def explain_contributions(
    contributions: Iterable[Contribution], score: ExplainedScore, as_of: Instant, override: Contribution | None = None
) -> list[Explained]:
    """Say what each contribution to one score still counts.

    Args:
        contributions: as a traced fold collected them; those to other scores are left out.
        score: as shown; of one that is unknown the values sum to nothing in particular.
        as_of: microseconds UTC.
        override: of this score, if there is one: a line of its own, what it shows more or less than the machine does.
    """
    half_life = score.score.half_life
    mine = [each for each in contributions if each.score == score.score.name]
    decays = [decayed(1.0, each.at, as_of, half_life) for each in mine]
    exact = [each.credited * decay for each, decay in zip(mine, decays, strict=True)]
    total = sum(exact) if score.machine is None else score.machine
    values = apportion(exact, round(total * 100))
    explained = [Explained(each, decay, cents / 100) for each, decay, cents in zip(mine, decays, values, strict=True)]
    if override is None:
        return explained
    rest = round((score.value or 0.0) * 100) - sum(values)
    return [*explained, Explained(override, decayed(1.0, override.at, as_of, half_life), rest / 100)]


def apportion(points: Sequence[float], total: int) -> list[int]:
    """Round points to hundredths by largest remainder (Hamilton's method), so that they sum exactly to a total.

    Args:
        points: exact values that sum to about ``total`` hundredths.
        total: hundredths of points.

    Returns:
        Hundredths in the order given; equal remainders are rounded up from the first.
    """
    if not points:
        return []
    whole = [floor(each * 100) for each in points]
    lacking = total - sum(whole)
    everywhere, rest = divmod(lacking, len(points))
    by_remainder = sorted(range(len(points)), key=lambda index: whole[index] - points[index] * 100)
    more = frozenset(by_remainder[:rest])
    return [cents + everywhere + (index in more) for index, cents in enumerate(whole)]


# --- in words -------------------------------------------------------------------------------------------------------


def summarise(explained: Iterable[Explained], events: Mapping[int, Event], model: Model) -> list[str]:
    """Say in at most five plain lines which rules made the scores, what counts most first.

    Args:
        explained: contributions, oldest first.
        events: by position, those that contributed.
    """
    groups: dict[str, list[Explained]] = {}
    for each in explained:
        if each.contribution.credited:
            groups.setdefault(each.contribution.rule, []).append(each)
    shown = {id_: _sum_shown(group) for id_, group in groups.items()}
    heaviest = sorted(groups, key=lambda id_: (-abs(shown[id_]), id_))[:SUMMARY_LINES]
    silences = {silence.id: silence for silence in model.silences}
    return [
        _silence_line(silences[id_], groups[id_], shown[id_] / 100)
        if id_ in silences
        else _line(model.rules_by_id.get(id_), groups[id_], shown[id_] / 100, events)
        for id_ in heaviest
    ]


def _line(rule: CompiledRule | None, group: Sequence[Explained], now: float, events: Mapping[int, Event]) -> str:
    if rule is None:
        return _line_of_override(group[-1], events)
    last = group[-1].contribution
    credited = round_shown(sum(each.contribution.credited for each in group))
    day = format_instant(last.at)[:10]
    deed = describe_traits(rule, events.get(last.position)) if rule.of_traits else describe(events.get(last.position))
    if rule.of_traits and last.credited < 0 < rule.points:
        deed = f"no longer holds: {deed}"
    if last.by_time:
        deed = f"no longer counts: {deed}"
    times = sum(not each.contribution.by_time for each in group)
    often = f"{times} times, last " if times > 1 else ""
    fading = "" if now == credited else f", now {_number(now)}"
    return f"{'+' if credited >= 0 else ''}{_number(credited)} {rule.id}: {often}{deed} on {day}{fading}"


def _line_of_override(explained: Explained, events: Mapping[int, Event]) -> str:
    given = explained.contribution
    event = events.get(given.position)
    author = None if event is None else _fields_of(event).get("author")
    who = f" by {_plain(author)}" if author else ""
    value = f"{'+' if explained.value >= 0 else ''}{_number(explained.value)}"
    return f"{value} {given.rule}: {given.score} set to {_number(given.points)}{who} on {format_instant(given.at)[:10]}"


def _silence_line(silence: CompiledSilence, group: Sequence[Explained], now: float) -> str:
    credited = round_shown(sum(each.contribution.credited for each in group))
    day = format_instant(group[-1].contribution.at)[:10]
    fading = "" if now == credited else f", now {_number(now)}"
    sign = "+" if credited >= 0 else ""
    return f"{sign}{_number(credited)} {silence.id}: no activity for {format_duration(silence.after)} until {day}{fading}"


def _sum_shown(group: Iterable[Explained]) -> int:
    """Return what a group counts, in hundredths."""
    return sum(round(each.value * 100) for each in group)


def _number(points: float) -> str:
    return f"{points:.2f}".rstrip("0").rstrip(".").replace("-", "−")


def describe(event: Event | None) -> str:
    """Say what an event was, such as ``downloaded /files/price-list.pdf`` or ``submitted form price-request``."""
    if event is None:
        return "an event"
    thing, _, verb = event.type.partition(".")
    detail = _dig(_fields_of(event), _DETAILS.get(thing, ()))
    words = [verb.replace("_", " ")]
    if detail is None or thing not in _SPEAK_FOR_THEMSELVES:
        words.append(thing.replace("_", " "))
    return " ".join([*words, detail] if detail else words)


def describe_traits(rule: CompiledRule, event: Event | None) -> str:
    """Say which traits a rule looks at and what an event said of them, such as ``job_title = CMO``."""
    said = {} if event is None else _fields_of(event).get("traits") or {}
    known = [f"{name} = {_plain(said[name])}" for name in rule.when.traits if said.get(name) is not None]
    return ", ".join(known or rule.when.traits)


def _fields_of(event: Event) -> Mapping[str, Any]:
    try:
        return event.fields
    except LeadEventsError:
        return {}


def _dig(fields: Mapping[str, Any], path: Sequence[str]) -> str | None:
    value: Any = fields
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return _plain(value) if path and value else None


def _plain(value: object) -> str:
    """Write a value on one short line."""
    text = " ".join(str(value).split())
    return text if len(text) <= _LONGEST_DETAIL else text[: _LONGEST_DETAIL - 1] + "…"
