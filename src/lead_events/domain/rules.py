"""Scores and what gives them points, compiled: rules, groups of rules, and what silence does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lead_events.domain.conditions import LeadCondition, Scope, compile_lead_condition
from lead_events.domain.document import Group, ModelDocument, Rule
from lead_events.domain.errors import InvalidModel
from lead_events.domain.event_conditions import EventCondition, compile_event_condition
from lead_events.domain.lists import Lists
from lead_events.domain.times import DAY, parse_duration
from lead_events.domain.window_conditions import MOST_REMEMBERED


@dataclass(frozen=True, slots=True)
class CompiledGroup:
    """What several rules of one score share; its id, ``@score/group``, can be no rule's."""

    id: str
    times: int | None
    per: str | None
    cap: float | None


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """One rule of one score.

    Attributes:
        score: index of its score.
        of_traits: whether it looks at traits only, and so holds as long as they do.
        valid_for: microseconds after which what is left of its points is taken back; None for points that only fade.
    """

    id: str
    score: int
    points: float
    when: EventCondition
    times: int | None
    per: str | None
    cap: float | None
    of_traits: bool
    group: CompiledGroup | None = None
    valid_for: int | None = None


@dataclass(frozen=True, slots=True)
class CompiledSilence:
    """What happens to a score when nothing happens: ``points`` are added, or it is set to ``set``, ``after`` microseconds."""

    id: str
    score: int
    after: int
    points: float
    set: float | None
    unless: LeadCondition | None


@dataclass(frozen=True, slots=True)
class CompiledScore:
    """One score; ``unknown_without`` names the traits of which at least one must be known for it to be a number."""

    name: str
    half_life: int | None
    cap: float | None
    floor: float
    unknown_without: tuple[str, ...]


def compile_scores(document: ModelDocument, lists: Lists) -> tuple[list[CompiledScore], list[CompiledRule]]:
    """Compile every score and every rule, in the document's order.

    Raises:
        InvalidModel: a rule cannot be understood, or two have one id.
    """
    scores, rules = [], []
    for index, (name, score) in enumerate(document.scores.items()):
        groups = {group: _compile_group(f"@{name}/{group}", shared) for group, shared in score.groups.items()}
        compiled = [_compile_rule(rule, index, groups, lists, f"scores.{name}.rules.{rule.id}") for rule in score.rules]
        rules += compiled
        traits = sorted({trait for rule in compiled for trait in rule.when.traits})
        unknown_without = tuple(traits) if compiled and all(rule.of_traits for rule in compiled) else ()
        half_life = parse_duration(score.half_life) if score.half_life else None
        scores.append(CompiledScore(name, half_life, score.cap, score.floor, unknown_without))
    ids = [rule.id for rule in rules] + [silence.id for score in document.scores.values() for silence in score.inactivity]
    twice = sorted({rule_id for rule_id in ids if ids.count(rule_id) > 1})
    if twice:
        raise InvalidModel(f"scores: rule ids must differ; {', '.join(twice)} stands more than once")
    return scores, rules


def _compile_group(group_id: str, group: Group) -> CompiledGroup:
    times, per = (group.limit.times, group.limit.per) if group.limit else (None, None)
    return CompiledGroup(group_id, times, per, group.cap)


def _compile_rule(rule: Rule, score: int, groups: Mapping[str, CompiledGroup], lists: Lists, where: str) -> CompiledRule:
    when = compile_event_condition(rule.when, where, lists)
    of_traits = all(name.startswith("traits.") for name in rule.when)
    if of_traits and (rule.limit or rule.valid_for):
        name = "limit" if rule.limit else "valid_for"
        raise InvalidModel(f"{where}: a rule on traits alone counts once while they hold; remove its {name}")
    if rule.group is not None and rule.group not in groups:
        raise InvalidModel(f"{where}: there is no group {rule.group!r} in its score; there are {', '.join(groups) or 'none'}")
    group = None if rule.group is None else groups[rule.group]
    if of_traits and group is not None and group.times is not None:
        raise InvalidModel(f"{where}: a rule on traits alone counts once while they hold; its group may have a cap, not a limit")
    times, per = (rule.limit.times, rule.limit.per) if rule.limit else (None, None)
    valid_for = None if rule.valid_for is None else _bounded(rule, group, where)
    return CompiledRule(rule.id, score, rule.points, when, times, per, rule.cap, of_traits, group, valid_for)


def _bounded(rule: Rule, group: CompiledGroup | None, where: str) -> int:
    """Return how long a rule's points are valid; every one that is not yet over is remembered, so there may not be too many."""
    valid_for = parse_duration(rule.valid_for or "")
    limits: list[tuple[int, str]] = [(rule.limit.times, rule.limit.per)] if rule.limit else []
    if group is not None and group.times is not None:
        limits.append((group.times, group.per or ""))
    days = -(-valid_for // DAY) + 1
    most = min((times * (days if per == "day" else 1) for times, per in limits if per in {"day", "ever"}), default=None)
    if most is None or most > MOST_REMEMBERED:
        raise InvalidModel(
            f"{where}: points that are valid for {rule.valid_for} are remembered one by one, at most {MOST_REMEMBERED} for each "
            "lead; add a limit per day or ever, such as limit: {times: 1, per: day}"
        )
    return valid_for


def compile_silences(document: ModelDocument, scope: Scope) -> list[CompiledSilence]:
    """Compile what silence does to each score.

    Raises:
        InvalidModel: a silence has neither points nor set, or both.
    """
    found = []
    for index, (name, score) in enumerate(document.scores.items()):
        for silence in score.inactivity:
            where = f"scores.{name}.inactivity.{silence.id}"
            if (silence.points is None) == (silence.set_ is None):
                raise InvalidModel(f"{where}: inactivity has either points or set")
            unless = silence.unless
            condition = None if unless is None else compile_lead_condition(unless, scope, f"{where}.unless")
            after = parse_duration(silence.after)
            found.append(CompiledSilence(silence.id, index, after, silence.points or 0.0, silence.set_, condition))
    return found
