"""The catalogue: every built-in event type with its model, who may send it, and which properties are stored readable.

A type that is not here is custom: welcome, at version 1, with every property sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

from lead_events.domain.event_types import capture, lead, messages, sales, web
from lead_events.domain.event_types.fields import Privacy, Properties, find_privacy

_SERVER_ONLY = frozenset({"lead.merged", "lead.unmerged", "lead.erased", "generation.promoted"})
_ABOUT_NO_LEAD = frozenset({"spend.recorded", "generation.promoted", "lead.merged", "lead.unmerged"})
_AUTHORED = frozenset(
    {
        "lead.traits_set",
        "lead.overridden",
        "lead.override_withdrawn",
        "lead.research_taken",
        "lead.research_given_up",
        "lead.research_reopened",
    }
)
_PUBLIC_BY_EXCEPTION = frozenset({"lead.identified"})
_PRIVATE_OBJECTS = frozenset({"lead", "opportunity", "deal", "call", "meeting", "generation"})
_PRIVATE = frozenset(
    {
        "email.sent",
        "message.sent",
        "spend.recorded",
        "touch.recorded",
        "needs.determined",
        "presentation.given",
        "case_study.sent",
        "spec_sheet.sent",
    }
)


@dataclass(frozen=True, slots=True)
class EventType:
    """One type of events.

    Attributes:
        name: ``object.past_verb``.
        properties: the model of its properties.
        public: whether a write key may send it (what a browser can witness).
        about_lead: whether it is about a person and needs an identifier.
        plain: properties that are stored readable.
        urls: properties that are stored readable as far as the link's public part goes.
        reasons: properties that are stored readable if they are a code.
        version: current schema version, 1 or more.
        description: one sentence.
        server_only: whether only the service's own endpoints append it.
        author_required: whether it must name its author.
    """

    name: str
    properties: type[Properties]
    public: bool
    about_lead: bool
    plain: frozenset[str]
    urls: frozenset[str]
    reasons: frozenset[str]
    version: int
    description: str
    server_only: bool
    author_required: bool


def is_public(name: str) -> bool:
    """Tell whether a write key may send a type, built-in or custom: what a browser can witness."""
    if name in _PUBLIC_BY_EXCEPTION:
        return True
    return name not in _PRIVATE and name.partition(".")[0] not in _PRIVATE_OBJECTS


def declare(name: str, model: type[Properties], version: int = 1) -> EventType:
    """Describe one type by its name and the model of its properties."""
    privacy = {field: find_privacy(hint) for field, hint in _hints(model).items()}

    def having(wanted: Privacy) -> frozenset[str]:
        return frozenset(field for field, found in privacy.items() if found is wanted)

    return EventType(
        name=name,
        properties=model,
        public=is_public(name),
        about_lead=name not in _ABOUT_NO_LEAD,
        plain=having(Privacy.PLAIN),
        urls=having(Privacy.URL),
        reasons=having(Privacy.REASON),
        version=version,
        description=(model.__doc__ or "").strip().splitlines()[0],
        server_only=name in _SERVER_ONLY,
        author_required=name in _AUTHORED,
    )


def _hints(model: type[Properties]) -> dict[str, Any]:
    """Give the full type of every field, with the markers that Pydantic moved out of the annotation."""
    fields = model.model_fields.items()
    return {name: _with_markers(field.annotation, field.metadata) for name, field in fields}


def _with_markers(annotation: Any, metadata: list[Any]) -> Any:
    """Put markers back around an annotation, where ``find_privacy`` looks for them."""
    return Annotated[(annotation, *metadata)] if metadata else annotation


TYPES: Mapping[str, EventType] = MappingProxyType(
    {
        name: declare(name, model)
        for group in (web.TYPES, capture.TYPES, messages.TYPES, sales.TYPES, lead.TYPES)
        for name, model in group.items()
    }
)
"""Every built-in type by its name."""


def json_schema(type_name: str) -> dict[str, Any]:
    """Give the JSON Schema of the properties of a built-in type.

    Raises:
        KeyError: there is no such built-in type.
    """
    kind = TYPES[type_name]
    return {**kind.properties.model_json_schema(), "title": kind.name, "description": kind.description}
