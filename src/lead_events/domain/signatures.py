"""Signatures: what of an event a condition may ask without opening it again, equal for as many events as possible.

A signature holds the type and facets: readable values of which there are few. It never holds anything sealed; where an event
has more than its signature tells, the signature names the field as hidden, and only the log knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any, NamedTuple

import orjson

from lead_events.domain.consent import SPEAK
from lead_events.domain.event_conditions import Path, field_at
from lead_events.domain.event_types import TYPES
from lead_events.domain.events import Event

REVISION = 1
"""Raise it when the same event gets another signature; what was written under another one is written anew."""

NUMBERS = 2
"""How many numbers of an event stand beside its signature, for they are not the same twice."""

UNDECLARED = "properties.*"
"""Hides every property that the type does not declare."""

_CAMPAIGN = ("source", "medium", "campaign", "name")
_CONTEXT: tuple[Path, ...] = (("context", "page", "path"), *(("context", "campaign", name) for name in _CAMPAIGN))
_TOLD = frozenset({*_CONTEXT, ("trusted",)})
_LONGEST = 200
_EXACT = 2**53
_FIRST = ("seconds", "percent", "depth")
"""Numbers that conditions ask for most; the others follow by name."""

Numbers = tuple[float, ...]
_NO_NUMBERS: Numbers = (nan,) * NUMBERS


class Signature(NamedTuple):
    """What many events have in common.

    Attributes:
        type: of the events.
        fields: facets, spelled and nested as in ``Event.fields``.
        hidden: fields, with dots, whose value only the log knows.
        numbers: (field with dots, whether it is whole) of the numbers that stand beside it.
        in_log: whether the fold needs the event itself, whatever is asked: it says who somebody is or what they decided.
    """

    type: str
    fields: dict[str, Any]
    hidden: tuple[str, ...] = ()
    numbers: tuple[tuple[str, bool], ...] = ()
    in_log: bool = False

    def hides(self, path: Path) -> bool:
        """Say whether only the log knows a field of these events."""
        if path[0] == "traits":
            return False  # whoever says traits is in the log anyhow
        if path[0] != "properties" and path not in _TOLD:
            return True
        if not self.hidden:
            return False
        name = ".".join(path)
        if UNDECLARED in self.hidden and path[0] == "properties" and not _is_declared(self.type, path[1]):
            return True
        return any(name == hidden or name.startswith(f"{hidden}.") for hidden in self.hidden)

    def counts(self, path: Path) -> bool:
        """Say whether a field is one of the numbers beside the signature."""
        return bool(self.numbers) and any(name == ".".join(path) for name, _ in self.numbers)


def needs_log(type_: str, fields: Mapping[str, Any]) -> bool:
    """Say whether an event does more than fire rules: tells traits, agrees to something, or decides about a lead."""
    return type_.startswith("lead.") or type_ in SPEAK or bool(fields.get("traits"))


def describe(event: Event, plain: Mapping[str, Any], demoted: Collection[str] = ()) -> tuple[Signature, Numbers]:
    """Return the signature of an event and the numbers beside it.

    Args:
        event: as it was opened.
        plain: the readable part of its body: only what stands there may be a facet.
        demoted: fields, with dots, that are no facets of this type any more, for they had too many values.
    """
    fields = event.fields
    if needs_log(event.type, fields):
        return Signature(event.type, {}, in_log=True), _NO_NUMBERS
    draft = _Draft(event.type, fields, plain, demoted)
    draft.facets.update({name: fields[name] for name in ("trusted", "opt_in") if name in fields})
    properties = fields.get("properties")
    for name in sorted(properties, key=_by_use) if isinstance(properties, dict) else ():
        draft.add(("properties", name))
    for path in _CONTEXT:
        draft.add(path)
    return draft.sign()


@dataclass(slots=True)
class _Draft:
    """A signature while it is being written."""

    type: str
    fields: Mapping[str, Any]
    plain: Mapping[str, Any]
    demoted: Collection[str]
    facets: dict[str, Any] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    numbers: list[tuple[str, int | float]] = field(default_factory=list)

    def add(self, path: Path) -> None:
        """Note one field: as a number, as a facet, or as hidden."""
        value = field_at(self.fields, path)
        if value is None:
            return
        name = ".".join(path)
        readable = field_at(self.plain, path)
        is_readable = type(readable) is type(value) and readable == value
        if is_readable and _is_number(value) and len(self.numbers) < NUMBERS:
            self.numbers.append((name, value))
        elif is_readable and _is_facet(value) and name not in self.demoted:
            self._put(path, value)
        else:
            is_known = path[0] != "properties" or _is_declared(self.type, path[1])
            self.hidden.add(name if is_known else UNDECLARED)

    def sign(self) -> tuple[Signature, Numbers]:
        """Return the signature and its numbers."""
        named = tuple((name, type(value) is int) for name, value in self.numbers)
        values = tuple(float(value) for _, value in self.numbers)
        return Signature(self.type, self.facets, tuple(sorted(self.hidden)), named), values + _NO_NUMBERS[len(values) :]

    def _put(self, path: Path, value: object) -> None:
        inner = self.facets
        for step in path[:-1]:
            inner = inner.setdefault(step, {})
        inner[path[-1]] = value


def with_numbers(signature: Signature, numbers: Sequence[float]) -> dict[str, Any]:
    """Return the facets of an event together with its numbers, as conditions read them."""
    fields = {**signature.fields, "properties": dict(signature.fields.get("properties") or {})}
    for (name, is_whole), value in zip(signature.numbers, numbers, strict=False):
        fields["properties"][name.removeprefix("properties.")] = int(value) if is_whole else float(value)
    return fields


def write(signature: Signature) -> str:
    """Write a signature down; equal ones give equal texts."""
    return orjson.dumps(list(signature), option=orjson.OPT_SORT_KEYS).decode()


def read(text: str) -> Signature:
    """Read a signature that ``write`` wrote."""
    type_, fields, hidden, numbers, in_log = orjson.loads(text)
    return Signature(type_, fields, tuple(hidden), tuple((name, whole) for name, whole in numbers), in_log)


def type_of(text: str) -> str:
    """Return the type of a signature that ``write`` wrote, without reading all of it."""
    return text[2 : text.index('"', 2)]


def facets_of(signature: Signature) -> dict[str, str]:
    """Return the facets that may be demoted, by their field with dots."""
    properties = signature.fields.get("properties") or {}
    found = {f"properties.{name}": str(value) for name, value in properties.items()}
    return found | {".".join(path): str(value) for path in _CONTEXT if (value := field_at(signature.fields, path)) is not None}


def _by_use(name: str) -> tuple[int, str]:
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST)), name


def _is_number(value: object) -> bool:
    return (type(value) is int or type(value) is float) and abs(value) < _EXACT


def _is_facet(value: object) -> bool:
    return type(value) is bool or (type(value) is str and len(value) <= _LONGEST)


def _is_declared(type_: str, name: str) -> bool:
    kind = TYPES.get(type_)
    return kind is not None and name in kind.properties.model_fields
