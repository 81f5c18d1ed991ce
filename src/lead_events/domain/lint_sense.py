"""Lint of a document that can be published: what it says, but probably does not mean."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import inf
from typing import Any

from lead_events.domain.document import ModelDocument, Rule, Score
from lead_events.domain.findings import Notes, did_you_mean
from lead_events.domain.model_text import step
from lead_events.domain.state import FIRST_STAGE


def check(notes: Notes, document: ModelDocument) -> None:
    """Warn of points that cannot be given, thresholds that cannot be reached and stages that cannot be entered."""
    for name, score in document.scores.items():
        _check_rules(notes, score, step("/scores", name))
    _check_thresholds(notes, document)
    _check_grade(notes, document)
    _check_stages(notes, document)
    _check_targets(notes, document)
    _check_agreement(notes, document)
    if "any" in document.definitions:
        notes.warn("/definitions/any", "definition: any means whichever is met, so this one cannot be named", "rename it")


# --- rules ----------------------------------------------------------------------------------------------------------


def _check_rules(notes: Notes, score: Score, pointer: str) -> None:
    seen: dict[str, str] = {}
    used = {rule.group for rule in score.rules}
    for group in score.groups.keys() - used:
        notes.warn(step(f"{pointer}/groups", group), f"no rule belongs to group {group}", f"name it in a rule: group: {group}")
    for index, rule in enumerate(score.rules):
        here = f"{pointer}/rules/{index}"
        _check_points(notes, rule, score, here)
        same = seen.setdefault(repr(sorted(rule.when.items(), key=str)), rule.id)
        if same != rule.id:
            notes.warn(f"{here}/when", f"rule {rule.id} matches what {same} matches; each event gives the points of both")


def _check_points(notes: Notes, rule: Rule, score: Score, pointer: str) -> None:
    if rule.points == 0:
        notes.warn(f"{pointer}/points", f"rule {rule.id} gives no points")
    for cap, whose in ((rule.cap, "its own cap"), (score.cap, "the score's cap")):
        if cap is not None and rule.points > cap:
            notes.warn(f"{pointer}/points", f"rule {rule.id} can never give more than {cap:g} points, {whose}")
    _check_shadow(notes, rule, score, pointer)
    if rule.cap is not None and rule.points < 0:
        notes.warn(f"{pointer}/cap", f"a cap bounds points that are added; rule {rule.id} takes points away")


def _check_shadow(notes: Notes, rule: Rule, score: Score, pointer: str) -> None:
    """Warn of a cap or limit that another one never lets through."""
    ever = rule.points * rule.limit.times if rule.limit is not None and rule.limit.per == "ever" else inf
    if rule.cap is not None and rule.points > 0 and ever <= rule.cap and rule.valid_for is None:
        words = f"rule {rule.id} gives at most {ever:g} points ever, so its cap of {rule.cap:g} cuts nothing"
        notes.warn(f"{pointer}/cap", words, "remove the cap or raise the limit")
    group = score.groups.get(rule.group or "")
    if group is None:
        return
    shared, own = group.limit, rule.limit
    if shared is not None and own is not None and shared.per == own.per and shared.times < own.times:
        words = f"group {rule.group} lets through {shared.times} per {shared.per}, so this limit is never reached"
        notes.warn(f"{pointer}/limit", words, "lower the limit or raise the group's")
    if group.cap is not None and rule.points > group.cap:
        notes.warn(f"{pointer}/points", f"rule {rule.id} can never give more than {group.cap:g} points, its group's cap")


def _reach(rule: Rule) -> float:
    """Return the most points of a rule that a lead can have at one instant."""
    if rule.points <= 0:
        return 0.0
    bounds = [inf if rule.cap is None else rule.cap]
    if all(name.startswith("traits.") for name in rule.when):
        bounds.append(rule.points)
    if rule.limit is not None and rule.limit.per == "ever":
        bounds.append(rule.points * rule.limit.times)
    return min(bounds)


# --- thresholds -----------------------------------------------------------------------------------------------------


def _reaches(document: ModelDocument) -> dict[str, float]:
    """Return the most that each score can be."""
    return {name: min(inf if score.cap is None else score.cap, _reach_together(score)) for name, score in document.scores.items()}


def _reach_together(score: Score) -> float:
    alone = sum(_reach(rule) for rule in score.rules if rule.group not in score.groups)
    for name, group in score.groups.items():
        together = sum(_reach(rule) for rule in score.rules if rule.group == name)
        alone += min(together, inf if group.cap is None else group.cap)
    best = max((max(silence.points or 0.0, silence.set_ or 0.0) for silence in score.inactivity), default=0.0)
    return alone + best


def _check_grade(notes: Notes, document: ModelDocument) -> None:
    reach = _reaches(document)
    for half in ("letter", "digit") if document.grade is not None else ():
        axis = getattr(document.grade, half)
        for index, points in enumerate(axis.steps):
            if axis.score in reach and points > reach[axis.score]:
                words = f"score {axis.score} cannot reach {points:g}; its most is {reach[axis.score]:g}"
                notes.warn(f"/grade/{half}/steps/{index}", words)


def _check_targets(notes: Notes, document: ModelDocument) -> None:
    for index, target in enumerate(document.targets):
        for kind, name, known in (
            ("definition", target.definition, document.definitions),
            ("stage", target.stage, document.stages),
        ):
            if name is not None and name not in known:
                words = f"there is no {kind} {name!r}"
                notes.error(f"/targets/{index}/{kind}", words, did_you_mean(name, known.keys()))
        if (target.definition is None) == (target.stage is None):
            notes.error(f"/targets/{index}", "a target names either a definition or a stage")


def _check_thresholds(notes: Notes, document: ModelDocument) -> None:
    reach = _reaches(document)
    for pointer, atoms in _conditions(document):
        for name, test in atoms.items():
            score = name.removeprefix("scores.")
            if name.startswith("scores.") and score in reach and isinstance(test, Mapping):
                most = reach[score]
                if test.get("at_least", -inf) > most:
                    notes.warn(step(pointer, name), f"score {score} cannot reach {test['at_least']:g}; its most is {most:g}")
        _check_together(notes, pointer, atoms)
        _check_share(notes, pointer, atoms)


def _check_together(notes: Notes, pointer: str, atoms: Mapping[str, Any]) -> None:
    """Warn of an ``all`` that asks a score to be both high and low."""
    lows: dict[str, float] = {}
    highs: dict[str, float] = {}
    conditions = atoms.get("all") if isinstance(atoms.get("all"), list) else []
    for condition in conditions or ():
        for name, test in condition.items():
            if name.startswith("scores.") and isinstance(test, Mapping):
                if "at_least" in test:
                    lows[name] = max(lows.get(name, -inf), test["at_least"])
                if "below" in test:
                    highs[name] = min(highs.get(name, inf), test["below"])
    for name in lows.keys() & highs.keys():
        if lows[name] >= highs[name]:
            message = f"{name} cannot be at least {lows[name]:g} and below {highs[name]:g} at once"
            notes.warn(f"{pointer}/all", message, "swap the bounds")


def _check_share(notes: Notes, pointer: str, atoms: Mapping[str, Any]) -> None:
    """Warn of an ``at_least … of`` that asks for more conditions than it has, or for all of them."""
    if not isinstance(atoms.get("of"), list):
        return
    needed, there = atoms.get("at_least", 1), len(atoms["of"])
    if needed > there:
        notes.warn(f"{pointer}/at_least", f"{needed} of {there} conditions can never hold", f"ask for at most {there}")


def _check_agreement(notes: Notes, document: ModelDocument) -> None:
    for name, spec in document.definitions.items():
        if spec.get("approvers") and not spec.get("text"):
            words = f"definition {name} names approvers, but not the words they agree on"
            notes.warn(step("/definitions", name), words, "add text")


def _conditions(document: ModelDocument) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give every mapping inside the conditions on leads, with its pointer."""
    for name, spec in document.definitions.items():
        yield from _inside(spec, step("/definitions", name))
    for name, warmth in document.temperature.items():
        yield from _inside(warmth, step("/temperature", name))
    for name, stage in document.stages.items():
        yield from _inside(stage.requires, f"{step('/stages', name)}/requires")
        for index, entry in enumerate(stage.entry):
            yield from _inside(entry.when, f"{step('/stages', name)}/entry/{index}/when")
        for index, exit_ in enumerate(stage.exits):
            yield from _inside(exit_.unless, f"{step('/stages', name)}/exits/{index}/unless")

    for name, score in document.scores.items():
        for index, silence in enumerate(score.inactivity):
            yield from _inside(silence.unless, f"{step('/scores', name)}/inactivity/{index}/unless")


def _inside(spec: Any, pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(spec, Mapping):
        yield pointer, spec
        for name in {"all", "any", "of", "not"} & spec.keys():
            yield from _inside(spec[name], step(pointer, name))
    elif isinstance(spec, list):
        for index, item in enumerate(spec):
            yield from _inside(item, f"{pointer}/{index}")


# --- stages ---------------------------------------------------------------------------------------------------------


def _check_stages(notes: Notes, document: ModelDocument) -> None:
    reached, before = {FIRST_STAGE}, 0
    while len(reached) != before:
        before = len(reached)
        for name, stage in document.stages.items():
            if any(entry.from_ is None or reached & set(entry.from_) for entry in stage.entry):
                reached.add(name)
            if name in reached:
                reached.update(exit_.to for exit_ in stage.exits)
    for name, stage in document.stages.items():
        if name in reached:
            continue
        pointer = step("/stages", name)
        if not stage.entry:
            notes.warn(pointer, f"no lead enters stage {name}: it has no entry and no exit leads to it", "add an entry")
        else:
            notes.warn(f"{pointer}/entry", f"no lead reaches stage {name} from {FIRST_STAGE}", "look at from")
    for name in document.stages if document.stages.keys() <= reached else ():
        _check_way_out(notes, document, name)


def _check_way_out(notes: Notes, document: ModelDocument, name: str) -> None:
    stage = document.stages[name]
    entries = [entry for other, content in document.stages.items() if other != name for entry in content.entry]
    leaves = bool(stage.exits) or any(entry.from_ is None or name in entry.from_ for entry in entries)
    pointer = step("/stages", name)
    if not leaves and not stage.final and len(document.stages) > 1:
        notes.warn(pointer, f"no lead ever leaves stage {name}", "add an exit, or final: true if that is meant")
    if leaves and stage.final and stage.exits:
        notes.warn(f"{pointer}/final", f"stage {name} is final, but has exits", "remove one of both")
