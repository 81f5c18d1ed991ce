"""Lint of conditions: walks every one of them, so that each mistake is found where it stands; the compiler has the last word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lead_events.domain import lint_windows
from lead_events.domain.agreement import AGREEMENT, check_agreement
from lead_events.domain.conditions import Scope, compile_lead_condition
from lead_events.domain.event_conditions import compile_event_condition
from lead_events.domain.event_types import TYPES, Traits
from lead_events.domain.findings import Notes, did_you_mean
from lead_events.domain.grades import LETTERS, CompiledAxis, CompiledGrade
from lead_events.domain.model_text import step
from lead_events.domain.state import FIRST_STAGE
from lead_events.domain.value_tests import MAIL_KINDS, OPERATORS, compile_test, number_of
from lead_events.domain.window_conditions import WINDOW_KINDS, kind_of

TRAITS = ("email", "phone", *Traits.model_fields)
LEAD_FIELDS = ("contact", "owner", "stage", "temperature", "visits")
MANY_INSTANTS = 100
"""A count that needs more keeps so many instants for each lead."""

_MOST_WEIGHT = 1_000_000
_GROUPS = ("all", "any", "not", "of", "count", *WINDOW_KINDS, "at_least", "within", "definition")
_EVENT_FIELDS = ("type", "user_id", "author")
_CONTEXT = ("page.url", "page.path", "page.referrer", "page.title", "locale")
_CAMPAIGN = tuple(f"campaign.{name}" for name in ("source", "medium", "campaign", "name", "term", "content", "id"))
_LOWER, _UPPER = ("at_least", "above"), ("at_most", "below")


@dataclass(slots=True)
class _Names:
    scores: tuple[str, ...]
    definitions: tuple[str, ...]
    stages: tuple[str, ...]
    graded: bool
    scope: Scope = field(init=False)

    def __post_init__(self) -> None:
        self.scope = Scope(dict.fromkeys(self.scores), self.definitions, self.stages)
        if self.graded and self.scores:
            axis = CompiledAxis(self.scores[0], 0, None, (), (1.0,), LETTERS)
            self.scope.grade = CompiledGrade(axis, axis)


def check(notes: Notes, document: Mapping[str, Any]) -> None:
    """Look through every condition of a document of any shape."""
    scores, definitions, stages = (tuple(_items(document.get(part))) for part in ("scores", "definitions", "stages"))
    names = _Names(scores, definitions, stages, "grade" in document)
    _check_rules(notes, document)
    _check_definitions(notes, document, names)
    for name, spec in _items(document.get("temperature")).items():
        named = {"definition": spec} if isinstance(spec, str) else spec
        _lead_condition(notes, named, step("/temperature", name), names)
    for stage, content in _items(document.get("stages")).items():
        _check_stage(notes, _items(content), step("/stages", stage), names)
    for topic, content in _items(document.get("topics")).items():
        _check_topic(notes, _items(content).get("when"), f"{step('/topics', topic)}/when")
    for score, content in _items(document.get("scores")).items():
        for index, silence in enumerate(_list(_items(content).get("inactivity"))):
            _check_silence(notes, _items(silence), f"{step('/scores', score)}/inactivity/{index}", names)
    _check_ids(notes, document)
    _check_priority(notes, document.get("priority"), names)


def _check_rules(notes: Notes, document: Mapping[str, Any]) -> None:
    for score, content in _items(document.get("scores")).items():
        for index, rule in enumerate(_list(_items(content).get("rules"))):
            if "when" in _items(rule):
                _event_condition(notes, rule["when"], f"{step('/scores', score)}/rules/{index}/when")
            _known_group(notes, _items(rule), _items(_items(content).get("groups")), f"{step('/scores', score)}/rules/{index}")


def _check_definitions(notes: Notes, document: Mapping[str, Any], names: _Names) -> None:
    for index, (name, spec) in enumerate(_items(document.get("definitions")).items()):
        names.scope.defined = index
        for part in AGREEMENT:
            if part in _items(spec):
                notes.attempt(step(step("/definitions", name), part), check_agreement, {part: spec[part]}, "@")
        condition = {key: value for key, value in _items(spec).items() if key not in AGREEMENT}
        _lead_condition(notes, condition, step("/definitions", name), names)
    names.scope.defined = len(names.definitions)


def _items(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _check_topic(notes: Notes, when: Any, pointer: str) -> None:
    if isinstance(when, list):
        for index, each in enumerate(when):
            _event_condition(notes, each, f"{pointer}/{index}")
    elif when is not None:
        _event_condition(notes, when, pointer)


def _known_group(notes: Notes, rule: Mapping[str, Any], groups: Mapping[str, Any], pointer: str) -> None:
    group = rule.get("group")
    if isinstance(group, str) and group not in groups:
        known = ", ".join(groups) or "none"
        words = f"there is no group {group!r} in this score; there are {known}"
        notes.error(f"{pointer}/group", words, did_you_mean(group, groups))


def _check_silence(notes: Notes, silence: Mapping[str, Any], pointer: str, names: _Names) -> None:
    if (silence.get("points") is None) == (silence.get("set") is None):
        notes.error(pointer, "inactivity has either points or set")
    if silence.get("unless") is not None:
        _lead_condition(notes, silence["unless"], f"{pointer}/unless", names)


def _check_ids(notes: Notes, document: Mapping[str, Any]) -> None:
    seen: set[str] = set()
    for score, content in _items(document.get("scores")).items():
        named = [(part, *each) for part in ("rules", "inactivity") for each in enumerate(_list(_items(content).get(part)))]
        for part, index, rule in named:
            rule_id = _items(rule).get("id")
            if not isinstance(rule_id, str):
                continue
            if rule_id in seen:
                pointer = f"{step('/scores', score)}/{part}/{index}/id"
                notes.error(pointer, f"rule ids must differ; {rule_id!r} stands more than once")
            seen.add(rule_id)


def _check_priority(notes: Notes, spec: Any, names: _Names) -> None:
    for name in [spec] if isinstance(spec, str) else _items(spec):
        if name not in names.scores:
            pointer = "/priority" if isinstance(spec, str) else step("/priority", name)
            notes.error(pointer, f"there is no score {name!r}", did_you_mean(name, names.scores))
    for name, weight in _items(spec).items():
        number = number_of(weight)
        if number is None or not abs(number) <= _MOST_WEIGHT:  # which NaN is not either
            notes.error(step("/priority", name), f"a weight is a number from -{_MOST_WEIGHT} to {_MOST_WEIGHT}")


# --- stages ---------------------------------------------------------------------------------------------------------


def _check_stage(notes: Notes, stage: Mapping[str, Any], pointer: str, names: _Names) -> None:
    for index, entry in enumerate(_list(stage.get("entry"))):
        here = f"{pointer}/entry/{index}"
        _check_entry(notes, _items(entry), here, names)
    for index, required in enumerate(_list(stage.get("requires"))):
        asked = {required: "present"} if isinstance(required, str) else required
        _lead_condition(notes, asked, f"{pointer}/requires/{index}", names)
    for index, exit_ in enumerate(_list(stage.get("exits"))):
        here, content = f"{pointer}/exits/{index}", _items(exit_)
        if "to" in content:
            _known_stage(notes, content["to"], f"{here}/to", names)
        if content.get("unless") is not None:
            _lead_condition(notes, content["unless"], f"{here}/unless", names)
        if bool(content.get("idle")) == (content.get("unless") is not None):
            notes.error(here, "an exit waits either for idle: true or for unless (a condition)")


def _check_entry(notes: Notes, entry: Mapping[str, Any], pointer: str, names: _Names) -> None:
    for index, source in enumerate(_list(entry.get("from"))):
        _known_stage(notes, source, f"{pointer}/from/{index}", names)
    for index, name in enumerate(_list(entry.get("events"))):
        _known_type(notes, name, f"{pointer}/events/{index}")
    if (entry.get("events") is None) == (entry.get("when") is None):
        notes.error(pointer, "an entry has either events (their types) or when (a condition)")
    elif entry.get("when") is not None:
        _lead_condition(notes, entry["when"], f"{pointer}/when", names)


def _known_stage(notes: Notes, name: Any, pointer: str, names: _Names) -> None:
    if name != FIRST_STAGE and name not in names.stages:
        known = ", ".join(names.stages)
        notes.error(pointer, f"there is no stage {name!r}; there are {known}", did_you_mean(name, names.stages))


# --- conditions on one event ----------------------------------------------------------------------------------------


def _event_condition(notes: Notes, spec: Any, pointer: str) -> None:
    if not isinstance(spec, Mapping) or not spec:
        notes.error(pointer, "a condition names at least one field, such as type: page.viewed")
        return
    before = notes.errors
    types = [name for name in _types(spec.get("type")) if _known_type(notes, name, step(pointer, "type"))]
    for name, test in spec.items():
        if name == "type" and isinstance(test, str | list):
            continue
        here = step(pointer, name)
        if _known_field(notes, str(name), here, types if len(types) == len(_types(spec.get("type"))) else []):
            _test(notes, test, here)
    if notes.errors == before:
        notes.attempt(pointer, compile_event_condition, spec, "@")


def _types(spec: Any) -> list[Any]:
    return [spec] if isinstance(spec, str) else _list(spec)


def _known_type(notes: Notes, name: Any, pointer: str) -> bool:
    if not isinstance(name, str):
        notes.error(pointer, f"a type is a text such as page.viewed, not {name!r}")
    elif name not in TYPES:
        words = f"no built-in type of events is called {name!r}; a type of your own is fine if somebody sends it"
        notes.warn(pointer, words, did_you_mean(name, TYPES))
    return isinstance(name, str) and name in TYPES


def _known_field(notes: Notes, name: str, pointer: str, types: list[str]) -> bool:
    """Say whether an event has a field; warn of a property or trait that is not built in."""
    root, _, rest = name.partition(".")
    if name in _EVENT_FIELDS:
        return True
    if root not in {"properties", "traits", "context", "crm_ids"} or not rest:
        known = [*_EVENT_FIELDS, *_spelled(types)]
        near = did_you_mean(name, known) or _by_last_step(name, known)
        notes.error(pointer, f"an event has no field {name!r}; use type, properties.…, traits.…, context.… or crm_ids.…", near)
        return False
    properties = {field for type_ in types for field in TYPES[type_].properties.model_fields}
    if root == "properties" and types and rest.partition(".")[0] not in properties:
        hint = did_you_mean(name, [f"properties.{field}" for field in properties])
        notes.warn(pointer, f"{', '.join(types)} has no built-in property {rest!r}", hint)
    if root == "traits":
        _known_trait(notes, rest, pointer)
    return True


def _spelled(types: list[str]) -> Iterator[str]:
    properties = {field for type_ in types or TYPES for field in TYPES[type_].properties.model_fields}
    yield from (f"properties.{field}" for field in sorted(properties))
    yield from (f"traits.{trait}" for trait in TRAITS)
    yield from (f"context.{place}" for place in (*_CONTEXT, *_CAMPAIGN))


def _by_last_step(name: str, known: list[str]) -> str | None:
    near = next((each for each in known if each.endswith(f".{name}")), None)
    return f"did you mean {near}?" if near else None


def _known_trait(notes: Notes, trait: str, pointer: str) -> None:
    if trait not in TRAITS:
        notes.warn(pointer, f"{trait!r} is no built-in trait; somebody must send it", did_you_mean(trait, TRAITS))


def _test(notes: Notes, spec: Any, pointer: str) -> None:
    """Check the right side of a condition, operator by operator."""
    if not isinstance(spec, Mapping):
        notes.attempt(pointer, compile_test, spec, "@")
        return
    before = notes.errors
    for name, operand in spec.items():
        if name not in OPERATORS:
            known = ", ".join(OPERATORS)
            notes.error(step(pointer, name), f"unknown operator {name!r}; use one of {known}", did_you_mean(name, OPERATORS))
        elif name == "not":
            _test(notes, operand, step(pointer, name))
        elif name == "mail":
            _mail(notes, operand, pointer)
        elif name == "present" and not isinstance(operand, bool):
            notes.error(step(pointer, name), "present takes true or false")
        else:
            notes.attempt(step(pointer, name), compile_test, {name: operand}, "@")
    if notes.errors == before:
        notes.attempt(pointer, compile_test, spec, "@")
        check_range(notes, spec, pointer)


def _mail(notes: Notes, operand: Any, pointer: str) -> None:
    here = step(pointer, "mail")
    for kind in operand if isinstance(operand, list) and operand else [operand]:
        if kind not in MAIL_KINDS:
            known = ", ".join(MAIL_KINDS)
            notes.error(here, f"an e-mail address is one of {known}, not {kind!r}", did_you_mean(kind, MAIL_KINDS))
    field = next((name for name in reversed(pointer.split("/")) if name != "not"), "")
    if "mail" not in field:
        notes.warn(pointer, f"mail looks at an e-mail address, and {field} hardly is one", "ask for traits.email")


def check_range(notes: Notes, spec: Mapping[str, Any], pointer: str) -> None:
    """Warn of bounds that no number can meet."""
    lower = max(((spec[name], name == "above") for name in _LOWER if _is_number(spec.get(name))), default=None)
    upper = min(((spec[name], name == "at_most") for name in _UPPER if _is_number(spec.get(name))), default=None)
    if lower is None or upper is None:
        return
    strict = lower[1] or not upper[1]
    if lower[0] > upper[0] or (strict and lower[0] == upper[0]):
        notes.warn(pointer, f"no number is both over {lower[0]} and under {upper[0]}", "swap the bounds")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# --- conditions on a lead -------------------------------------------------------------------------------------------


def _lead_condition(notes: Notes, spec: Any, pointer: str, names: _Names) -> None:
    if not isinstance(spec, Mapping) or not spec:
        notes.error(pointer, "a condition is a mapping such as {traits.phone: present}")
    elif "of" in spec:
        _each(notes, spec["of"], f"{pointer}/of", names)
        if set(spec) - {"of", "at_least"}:
            notes.warn(pointer, "of knows at_least only; what else stands here is not looked at")
    elif "count" in spec:
        _count(notes, spec, pointer, names)
    elif (kind := kind_of(spec)) is not None:
        lint_windows.check(notes, kind, spec, pointer, _event_condition)
    else:
        for name, test in spec.items():
            _atom(notes, str(name), test, step(pointer, name), names)


def _each(notes: Notes, specs: Any, pointer: str, names: _Names) -> None:
    if not isinstance(specs, list) or not specs:
        notes.error(pointer, "this takes a list of conditions")
        return
    for index, spec in enumerate(specs):
        _lead_condition(notes, spec, f"{pointer}/{index}", names)


def _count(notes: Notes, spec: Mapping[str, Any], pointer: str, names: _Names) -> None:
    for name in set(spec) - {"count", "at_least", "within"}:
        near = did_you_mean(name, ("at_least", "within"))
        notes.error(step(pointer, name), f"count knows at_least and within, not {name!r}", near)
    before = notes.errors
    if "within" in spec and not isinstance(spec["within"], str):
        notes.error(f"{pointer}/within", "a duration is a number and one of s, m, h, d, w, such as 30d")
    _event_condition(notes, spec["count"], f"{pointer}/count")
    if notes.errors == before:
        notes.attempt(pointer, compile_lead_condition, spec, names.scope, "@")
    if notes.errors == before and spec.get("at_least", 1) > MANY_INSTANTS:
        notes.warn(f"{pointer}/at_least", f"this keeps {spec['at_least']} instants for every lead", "give points instead")


def _atom(notes: Notes, name: str, test: Any, pointer: str, names: _Names) -> None:
    if name in {"all", "any"}:
        _each(notes, test, pointer, names)
        return
    if name == "not":
        _lead_condition(notes, test, pointer, names)
        return
    before = notes.errors
    if name == "definition":
        if test != "any" and test not in names.definitions:
            known = ", ".join(names.definitions) or "none"
            near = did_you_mean(test, names.definitions)
            notes.error(pointer, f"there is no definition {test!r}; there are {known}", near)
    elif name.startswith("scores."):
        _known_score(notes, name.removeprefix("scores."), test, pointer, names)
    elif name.startswith("traits."):
        _known_trait(notes, name.removeprefix("traits."), pointer)
        _test(notes, test, pointer)
    elif name in LEAD_FIELDS or (name == "grade" and names.graded):
        _test(notes, test, pointer)
    else:
        known_fields = (*LEAD_FIELDS, *_GROUPS, *(f"scores.{s}" for s in names.scores), *(f"traits.{t}" for t in TRAITS))
        near = did_you_mean(name, known_fields) or _by_last_step(name, list(known_fields))
        notes.error(pointer, f"a lead has no field {name!r}", near)
    if notes.errors == before:
        notes.attempt(pointer, compile_lead_condition, {name: test}, names.scope, "@")


def _known_score(notes: Notes, score: str, test: Any, pointer: str, names: _Names) -> None:
    if score not in names.scores:
        near = did_you_mean(score, names.scores)
        notes.error(pointer, f"there is no score {score!r}; there are {', '.join(names.scores)}", near)
    for name in _items(test).keys() - {"at_least", "below"}:
        near = did_you_mean(name, ("at_least", "below"))
        notes.error(step(pointer, name), f"a score takes at_least or below with a number of points, not {name!r}", near)
