"""The body of an event - properties, traits, context, author - validated and divided into readable and sealed.

The envelope is read in ``wire``; no error here repeats a value that was sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lead_events.domain.context import divide_context
from lead_events.domain.errors import InvalidEvent
from lead_events.domain.event_types import TYPES, EventType, Traits
from lead_events.domain.event_types.fields import PATTERNS
from lead_events.domain.privacy import Part, is_readable, split_properties


def divide_body(sent: Mapping[str, Any], kind: EventType | None, user_agent: str | None) -> tuple[Part, Part]:
    """Validate the body and divide it into its readable and its sealed part.

    Args:
        sent: the fields of the event that are present; properties, traits and context are objects.
        kind: the built-in type, None for a custom one. An event about no lead has no sealed part,
            because there is no key for it.
        user_agent: the request's own header, for a context that names none.

    Raises:
        InvalidEvent: a field does not fit its model, with every such field named.
    """
    plain: Part = {}
    personal: Part = {}
    _put(plain, personal, "properties", _check_properties(sent.get("properties"), kind))
    if kind is None or kind.about_lead:
        if sent.get("traits"):
            _put(plain, personal, "traits", ({}, _check_traits(sent["traits"])))
        _put(plain, personal, "context", divide_context(sent.get("context", {}), user_agent))
    if "author" in sent:
        author = sent["author"]
        (plain if is_readable(author) or (kind and not kind.about_lead) else personal)["author"] = author
    if "occurred_at" in sent:
        plain["occurred_at"] = sent["occurred_at"]
    return plain, personal


def _put(plain: Part, personal: Part, name: str, parts: tuple[Part, Part]) -> None:
    """Put both halves of one part of the body where they belong, if they hold anything."""
    readable, sealed = parts
    if readable:
        plain[name] = readable
    if sealed:
        personal[name] = sealed


def _without_absent(part: Mapping[str, Any]) -> Part:
    """Leave out null and empty texts."""
    return {name: value for name, value in part.items() if value is not None and value != ""}


def _check_properties(properties: Mapping[str, Any] | None, kind: EventType | None) -> tuple[Part, Part]:
    """Validate the properties with the type's model; those of a custom type are sealed as they are."""
    present = _without_absent(properties) if properties else {}
    if kind is None:
        return {}, present
    if not present and _may_be_empty(kind.name):
        return {}, {}
    try:
        checked = kind.properties.__pydantic_validator__.validate_python(present)
    except ValidationError as error:
        raise _explain(error, "/properties") from None
    readable, sealed = split_properties(kind, checked.__dict__, checked.__pydantic_extra__)
    if not kind.about_lead:
        return {**readable, **sealed}, {}
    return readable, sealed


@cache
def _may_be_empty(name: str) -> bool:
    """Say whether a built-in type asks for no property and adds none; most page views carry none."""
    kind = TYPES[name]
    try:
        checked = kind.properties.model_validate({})
    except ValidationError:
        return False
    return not any(value is not None for value in checked.__dict__.values())


def _check_traits(traits: Mapping[str, Any]) -> Part:
    """Validate the traits; e-mail and phone are identifiers and never stored here."""
    present = {name: value for name, value in _without_absent(traits).items() if name not in {"email", "phone"}}
    if not present:
        return present
    try:
        checked = Traits.__pydantic_validator__.validate_python(present)
    except ValidationError as error:
        raise _explain(error, "/traits") from None
    declared = {name: value for name, value in checked.__dict__.items() if value is not None}
    return {**declared, **(checked.__pydantic_extra__ or {})}


def _explain(error: ValidationError, prefix: str) -> InvalidEvent:
    """Turn a model's complaint into ours, from places and reasons only: never the values, which may be personal."""
    errors = tuple(
        {"pointer": _point(prefix, found["loc"]), "detail": _detail(found)}
        for found in error.errors(include_url=False, include_input=False)
    )
    first = errors[0]
    return InvalidEvent("invalid_field", f"{first['pointer']}: {first['detail']}", first["pointer"], errors)


def _detail(found: ErrorDetails) -> str:
    if found["type"] == "missing":
        return "this is needed."
    return PATTERNS.get(found.get("ctx", {}).get("pattern", "")) or found["msg"].removeprefix("Value error, ")


def _point(prefix: str, place: tuple[int | str, ...]) -> str:
    """Write the field of an error as a JSON pointer; what lies deeper than the field is left out."""
    if not place:
        return prefix
    return f"{prefix}/{str(place[0]).replace('~', '~0').replace('/', '~1')[:64]}"
