"""``given(*events).under(model).then(...)``: folds read as sentences.

Events are wire dicts from ``builders`` with one more key, ``after``: how long after ``BEGIN`` they happened, such as ``"3d"``.
They go through the door, as public or (``trusted``) as a secret key's, but through no database.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import lead_events
from lead_events.domain import wire
from lead_events.domain.event_types import is_public
from lead_events.domain.events import Event, IdentifierKind
from lead_events.domain.lead import fold
from lead_events.domain.model import Model, compile_model
from lead_events.domain.privacy import merge
from lead_events.domain.scoring import Trace, value_at
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant, format_instant, parse_duration, parse_instant
from tests import builders

BEGIN: Instant = parse_instant("2026-02-02T12:00:00Z")
_CONTACTS = {IdentifierKind.EMAIL: "email", IdentifierKind.PHONE: "phone"}


def instant(after: str | int) -> Instant:
    """Return the instant so long after ``BEGIN``: a duration, ``"0"``, or microseconds."""
    return BEGIN + (after if isinstance(after, int) else 0 if after == "0" else sum(map(parse_duration, after.split("+"))))


def happened(after: str | int, type_name: str, *, trusted: bool | None = None, **said: Any) -> dict[str, Any]:
    """Say what happened when; ``said`` overrides as in ``builders.make_event``. Private types are trusted."""
    trusted = not is_public(type_name) if trusted is None else trusted
    event = builders.make_event(type_name, **said)
    return {**event, "occurred_at": format_instant(instant(after)), "trusted": trusted}


def viewed(after: str | int, path: str = "/", **said: Any) -> dict[str, Any]:
    """Say that a page was viewed."""
    page = {"path": path, "url": f"https://shop.example{path}"}
    return happened(after, "page.viewed", **{"properties": {}, "context": {"page": page}, **said})


def identified(after: str | int, **traits: Any) -> dict[str, Any]:
    """Say that the visitor named itself."""
    return happened(after, "lead.identified", traits={"email": "anna@firm.example", **traits})


def opened(said: dict[str, Any], position: int) -> Event:
    """Return the event as the fold sees it after store and vault gave it back."""
    told = dict(said)
    trusted = told.pop("trusted", False)
    told.setdefault("event_id", f"e-{position}")
    at = parse_instant(told["occurred_at"])
    new = wire.admit(told, arrival=at, trusted=trusted, phone_region=None, new_event_id=str)
    fields = merge(new.plain, new.personal)
    strong, anonymous = [], None
    for identifier in new.identifiers:
        ref = hashlib.sha256(f"{identifier.kind}{identifier.system}{identifier.value}".encode()).digest()[:16]
        if identifier.kind is IdentifierKind.ANONYMOUS:
            anonymous = ref
            continue
        strong.append(ref)
        if identifier.kind in _CONTACTS:
            fields = {**fields, "traits": {**fields.get("traits", {}), _CONTACTS[identifier.kind]: identifier.value}}
        elif identifier.kind is IdentifierKind.USER:
            fields = {**fields, "user_id": identifier.value}
        elif identifier.kind is IdentifierKind.CRM:
            fields = {**fields, "crm_ids": {**fields.get("crm_ids", {}), identifier.system: identifier.value}}
    subject = strong[0] if strong else anonymous or bytes(16)
    return Event(position, new.at, at, new.type, subject, anonymous, tuple(strong), fields)


@dataclass
class Folded:
    """A lead as a history left it, asked about in tests."""

    lead: Lead
    model: Model
    clock: Instant
    trace: Trace

    def score(self, name: str, after: str | int | None = None) -> float | None:
        """Return a score in points, now or so long after ``BEGIN``, rounded as it is shown."""
        index = [score.name for score in self.model.scores].index(name)
        value = value_at(self.lead, index, self.model.scores[index], self.clock if after is None else instant(after))
        return None if value is None else round(value, 2)

    @property
    def stages(self) -> list[tuple[str, str]]:
        """Return the stages it went through, each with the reason."""
        return [(stage, reason) for _, stage, reason, _ in self.lead.history]

    @property
    def met(self) -> set[str]:
        """Return the definitions it meets now."""
        return {name for (name, _), (met, *_) in zip(self.model.definitions, self.lead.definitions, strict=True) if met}

    @property
    def missing(self) -> list[str]:
        """Return the fields that the first definition still lacks."""
        return [gap["field"] for gap in self.model.definitions[0][1].missing(self.lead, self.clock)]

    def then(self, **expected: Any) -> Folded:
        """Check attributes of this object or of the lead; scores are named ``score_behaviour`` and so on."""
        for name, value in expected.items():
            if name.startswith("score_"):
                found = self.score(name.removeprefix("score_"))
            else:
                found = getattr(self if hasattr(self, name) else self.lead, name)
            assert found == value, f"{name} is {found!r}, not {value!r}"
        return self


@dataclass(frozen=True)
class Given:
    """Events that happened, in any order; canonical order is made here."""

    said: tuple[dict[str, Any], ...]
    model: Model
    clock: Instant | None = None

    def under(self, document: dict[str, Any]) -> Given:
        """Use another model."""
        return Given(self.said, compile_model(document), self.clock)

    def at(self, after: str | int) -> Given:
        """Let time pass until so long after ``BEGIN``."""
        return Given(self.said, self.model, instant(after))

    def folded(self) -> Folded:
        """Fold."""
        events = [opened(said, number + 1) for number, said in enumerate(self.said)]
        events.sort(key=lambda event: (event.at, event.position))
        clock = max([event.at for event in events] + ([self.clock] if self.clock is not None else []))
        trace = Trace()
        lead = fold(self.model.begin(1), events, self.model, clock, trace)
        return Folded(lead, self.model, clock, trace)

    def then(self, **expected: Any) -> Folded:
        """Fold, and check what came of it."""
        return self.folded().then(**expected)


@cache
def shipped_document() -> dict[str, Any]:
    """Return the model document that the package ships."""
    text = Path(lead_events.__file__).with_name("default_model.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


@cache
def shipped_model() -> Model:
    """Return the shipped model, compiled."""
    return compile_model(shipped_document())


def given(*said: dict[str, Any]) -> Given:
    """Begin a sentence; the model is the shipped one unless ``under`` names another."""
    return Given(said, shipped_model())
