"""Tests that a model document carries: sample leads, folded by the very fold, and what the model must say of each.

Every sample is looked at at one fixed instant, so that a test passes today if and only if it passes in ten years.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lead_events.domain import model_diff, wire
from lead_events.domain.document import ModelDocument, ModelTest
from lead_events.domain.errors import InvalidModel, LeadEventsError
from lead_events.domain.event_types import is_public
from lead_events.domain.events import Event, IdentifierKind
from lead_events.domain.explain import round_shown
from lead_events.domain.findings import Notes
from lead_events.domain.lead import fold
from lead_events.domain.model import Model, compile_model
from lead_events.domain.model_text import step
from lead_events.domain.privacy import merge
from lead_events.domain.scoring import Move, Trace, value_at
from lead_events.domain.state import Lead
from lead_events.domain.times import YEAR_2000, Instant, format_instant, parse_duration, parse_instant
from lead_events.domain.value_tests import Value, compile_test

NOW: Instant = parse_instant("2026-06-10T12:00:00Z")
"""When every sample lead is looked at: noon of a Wednesday, UTC."""

_MOST_MOVES = 1_000
_TOO_EARLY: Instant = YEAR_2000 - 1
"""What lies further back is refused all the same, and cannot always be written as a time."""
_BROWSER = "sample-browser"
_CONTACTS = {IdentifierKind.EMAIL: "email", IdentifierKind.PHONE: "phone"}
_PEOPLE = frozenset({"lead.traits_set", "lead.overridden", "lead.override_withdrawn"})


@dataclass(frozen=True, slots=True)
class Failure:
    """One thing that a model says of a sample lead, and should not.

    Attributes:
        field: as in ``expect``; empty when the sample could not be folded at all.
        expected: as the test says.
        got: what the model says; for a sample that cannot be folded, why.
    """

    field: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        """Say what was expected and what came."""
        return f"{self.field} is {_say(self.got)}, not {_say(self.expected)}" if self.field else str(self.got)


def check(notes: Notes, document: ModelDocument) -> None:
    """Note every test of a document that fails, as an error; the document is one that compiles."""
    if not document.tests:
        return
    try:
        model = compile_model(document.model_dump(by_alias=True, exclude_unset=True))
    except InvalidModel:
        return
    for index, test in enumerate(document.tests):
        for failure in _try(test, model):
            pointer = f"/tests/{index}" + (step("/expect", failure.field) if failure.field in test.expect else "")
            notes.error(pointer, f"test {test.name!r} fails: {failure}")


def _try(test: ModelTest, model: Model) -> list[Failure]:
    try:
        return run(test, model)
    except (ArithmeticError, TypeError, ValueError, AttributeError, KeyError):
        return [Failure("", None, "it cannot be understood; it has another shape than any sample")]


def run(test: ModelTest, model: Model) -> list[Failure]:
    """Fold a sample lead and return what is not as expected."""
    try:
        lead = _fold(test, model)
        return [
            failure for field, expected in test.expect.items() if (failure := _compare(field, expected, lead, model)) is not None
        ]
    except LeadEventsError as error:
        return [Failure("", None, f"{error.args[0] if isinstance(error, InvalidModel) else error}")]


def _compare(field: str, expected: Value, lead: Lead, model: Model) -> Failure | None:
    got = _read(field, model)(lead)
    if field == "definitions" and isinstance(expected, list) and isinstance(got, list):
        met = sorted(expected) == sorted(got)
    elif expected is None:
        met = got is None
    else:
        met = compile_test(expected, f"expect: {field}")(got)
    return None if met else Failure(field, expected, got)


def _read(field: str, model: Model) -> Callable[[Lead], Value]:
    """Return how to read a field, spelled as ``GET /v1/leads`` does."""
    names = [score.name for score in model.scores]
    if field.startswith("scores.") and field.removeprefix("scores.") in names:
        index = names.index(field.removeprefix("scores."))
        return lambda lead: _shown(value_at(lead, index, model.scores[index], NOW))
    if field.startswith("traits."):
        return lambda lead: lead.trait(field.removeprefix("traits."))
    readers: Mapping[str, Callable[[Lead], Value]] = {
        "stage": lambda lead: lead.shown_stage,
        "temperature": lambda lead: lead.temperature,
        "owner": lambda lead: lead.owner,
        "visits": lambda lead: lead.visits,
        "contact": lambda lead: lead.contact,
        "grade": lambda lead: None if model.grade is None else model.grade.at(lead, NOW),
        "definitions": lambda lead: [
            name for (name, _), (met, *_) in zip(model.definitions, lead.definitions, strict=True) if met
        ],
    }
    if field not in readers:
        known = ", ".join([*readers, *(f"scores.{name}" for name in names), "traits.…"])
        raise InvalidModel(f"a test cannot expect anything of {field!r}; use {known}")
    return readers[field]


def _shown(value: float | None) -> float | None:
    return None if value is None else round_shown(value)


# --- the sample -----------------------------------------------------------------------------------------------------


def _fold(test: ModelTest, model: Model) -> Lead:
    events = [_open(said, position) for position, said in enumerate(_said(test), 1)]
    events.sort(key=lambda event: (event.at, event.position))
    return fold(model.begin(1), events, model, NOW, Trace(moves=_Moves()))


class _Moves(list[Move]):
    """The moves of a sample; one that time moves again and again is no sample of anybody."""

    def append(self, move: Move) -> None:
        """Note a move."""
        if len(self) >= _MOST_MOVES:
            raise InvalidModel(f"the sample moves more than {_MOST_MOVES} times; look at what time alone does to it")
        super().append(move)


def _said(test: ModelTest) -> list[dict[str, Any]]:
    """Return the events of a sample; its traits are claimed with the first of them, as by a form."""
    events = [sample.model_dump(exclude_unset=True) for sample in test.events]
    told = []
    for event in events:
        ago = event.pop("ago", "now")
        told.append({**event, "occurred_at": NOW if ago == "now" else max(_TOO_EARLY, NOW - parse_duration(ago))})
    if test.traits:
        first = min((event["occurred_at"] for event in told), default=NOW)
        told.insert(0, {"type": "lead.identified", "occurred_at": first, "traits": dict(test.traits)})
    return [{**event, "occurred_at": format_instant(event["occurred_at"])} for event in told]


def _open(said: dict[str, Any], position: int) -> Event:
    """Admit an event as the door does and return it as the fold sees it; what is public comes from one browser."""
    trusted = not is_public(said["type"])
    author = {"author": "sample"} if said["type"] in _PEOPLE else {}
    new = wire.admit(
        {"anonymous_id": _BROWSER, "event_id": f"sample-{position}", **author, **said},
        arrival=NOW,
        trusted=trusted or not said.keys().isdisjoint(("author", "crm_ids")),
        phone_region=None,
        new_event_id=str,
    )
    fields = merge(new.plain, new.personal)
    for identifier in new.identifiers:
        if identifier.kind in _CONTACTS:
            fields = {**fields, "traits": {**fields.get("traits", {}), _CONTACTS[identifier.kind]: identifier.value}}
        elif identifier.kind is IdentifierKind.USER:
            fields = {**fields, "user_id": identifier.value}
        elif identifier.kind is IdentifierKind.CRM:
            fields = {**fields, "crm_ids": {**fields.get("crm_ids", {}), identifier.system: identifier.value}}
    browser = bytes(16) if is_public(new.type) else None
    return Event(position, new.at, NOW, new.type, bytes(16), browser, (), fields)


def _say(value: Value) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return model_diff.say(value)
