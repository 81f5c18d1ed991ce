"""Conditions on one event (``when``): fields named exactly as ``POST /v1/events`` spells them, all of which must fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lead_events.domain.errors import InvalidModel
from lead_events.domain.lists import SHIPPED, Lists
from lead_events.domain.value_tests import Test, Value, compile_test

Path = tuple[str, ...]

_EVENT_ROOTS = ("properties", "traits", "context", "crm_ids")
_EVENT_FIELDS = ("user_id", "author")


@dataclass(frozen=True, slots=True)
class EventCondition:
    """A compiled ``when``.

    Attributes:
        type_: test of the event's type, or None for any type.
        tests: path of a field → what its value must pass; all must.
        text: as it is written, in one spelling: under the same lists equal texts match the same events.
    """

    type_: Test | None
    tests: tuple[tuple[Path, Test], ...]
    text: str = ""

    @property
    def traits(self) -> tuple[str, ...]:
        """Name the traits it looks at."""
        return tuple(path[1] for path, _ in self.tests if path[0] == "traits")

    def holds(self, fields: Mapping[str, Any]) -> bool:
        """Say whether an event with these fields (its type already fitting) matches."""
        for path, test in self.tests:  # noqa: SIM110 - a generator costs more than the test itself in the hot loop
            if not test(field_at(fields, path)):
                return False
        return True


def compile_event_condition(spec: Value, where: str, lists: Lists = SHIPPED) -> EventCondition:
    """Compile a mapping of field → test; all must hold.

    Raises:
        InvalidModel: a field is not one of an event's.
    """
    if not isinstance(spec, Mapping) or not spec:
        raise InvalidModel(f"{where}: a condition names at least one field, such as type: page.viewed")
    type_ = compile_test(spec["type"], f"{where}: type", lists) if "type" in spec else None
    fields = [(name, test) for name, test in spec.items() if name != "type"]
    tests = tuple((compile_path(name, where), compile_test(test, f"{where}: {name}", lists)) for name, test in fields)
    return EventCondition(type_, tests, repr(sorted(spec.items(), key=str)))


def compile_path(name: str, where: str) -> Path:
    """Return the path of a field of an event.

    Raises:
        InvalidModel: an event has no such field.
    """
    path = tuple(name.split("."))
    if (path[0] not in _EVENT_ROOTS or len(path) == 1) and name not in _EVENT_FIELDS:
        raise InvalidModel(f"{where}: an event has no field {name!r}; use type, {', '.join(f'{r}.…' for r in _EVENT_ROOTS)}")
    return path


def field_at(fields: Mapping[str, Any], path: Path) -> Value:
    """Return the value of an event's field, or None where the event has no such field."""
    value: Any = fields
    for step in path:
        if type(value) is not dict:  # isinstance with Mapping costs more than everything else in a replay
            return None
        value = value.get(step)
    return value
