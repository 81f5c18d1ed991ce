"""The door's rules: one decoded JSON value becomes a ``NewEvent`` or an error that names the field.

Pure: arrival time and new ids are arguments. Reading bytes is in ``strict_json``, identifiers in ``identifiers``,
what is sealed in ``privacy``, the types in ``event_types``. No error repeats a value that was sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson

from lead_events.domain.body import divide_body
from lead_events.domain.errors import InvalidEvent, InvalidInstant, wrong_field
from lead_events.domain.event_types import TYPES, EventType, is_public
from lead_events.domain.events import Identifier, IdentifierKind, NewEvent
from lead_events.domain.identifiers import (
    normalise_crm_ids,
    normalise_email,
    normalise_id,
    normalise_lead_id,
    normalise_phone,
)
from lead_events.domain.privacy import drop_contacts
from lead_events.domain.strict_json import MAX_DEPTH
from lead_events.domain.times import YEAR_2000, Instant, parse_instant

MAX_EVENT_BYTES = 32 * 1024
"""Largest event, in bytes of compact JSON."""
MAX_PROPERTIES = 200
"""Most keys in properties, traits and context together, at all levels."""
MAX_TYPE = 64
MAX_AUTHOR = 200

_UNSAID = ("event_id", "sent_at")
FIELDS = frozenset(_UNSAID) | {
    "type",
    "anonymous_id",
    "user_id",
    "crm_ids",
    "lead_id",
    "occurred_at",
    "known_at",
    "properties",
    "traits",
    "context",
    "author",
}
"""The fields of an event; others are ignored and never stored."""

_EVENT_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_TYPE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_BODY_PARTS = ("properties", "traits", "context")
_NEEDS_SECRET_KEY = ("lead_id", "crm_ids", "author", "known_at")
_CONTACTS = frozenset({IdentifierKind.EMAIL, IdentifierKind.PHONE})
_CONTACT_TRAITS = ("email", "phone")
_ID_FIELDS = ("lead_id", "crm_ids", "user_id", "anonymous_id")


def admit(
    event: object,
    *,
    arrival: Instant,
    trusted: bool,
    phone_region: str | None,
    new_event_id: Callable[[], str],
    user_agent: str | None = None,
    own: bool = False,
) -> NewEvent:
    """Judge one event at the door.

    Args:
        event: what ``strict_json.parse`` gave for it.
        arrival: when it arrived, microseconds UTC.
        trusted: whether it was sent with a secret key.
        phone_region: default country of phone numbers, ISO 3166 alpha-2, or None.
        new_event_id: gives an id to an event that has none.
        user_agent: the request's own header, for events that do not name one.
        own: whether one of the service's own endpoints appends it, which alone may merge, erase and promote.

    Returns:
        The event as it will be stored, its personal part apart.

    Raises:
        InvalidEvent: with a code, and the field where one is wrong.
    """
    sent = _read_envelope(event)
    said = _write_said(sent)
    kind = _read_type(sent)
    _check_allowed(sent, kind, trusted=trusted, own=own)
    identifiers = _read_identifiers(sent, kind, phone_region)
    plain, personal = divide_body(sent, kind, user_agent)
    contacts = _find_contacts(sent, identifiers)
    if contacts:
        personal = drop_contacts(personal, contacts)
    if trusted:
        plain["trusted"] = True
    if _read_instant(sent, "known_at") is not None:
        plain["known_at"] = sent["known_at"]
    return NewEvent(
        event_id=_read_event_id(sent) or new_event_id(),
        type=sent["type"],
        version=kind.version if kind else 1,
        at=_read_at(sent, arrival),
        identifiers=identifiers,
        plain=plain,
        personal=personal,
        said=said,
    )


def _present(value: object) -> bool:
    """Tell whether a value was sent: null and an empty text mean absent."""
    return value is not None and value != ""


def _read_envelope(event: object) -> dict[str, Any]:
    """Take the known fields that are present; the parts of the body must be objects."""
    if not isinstance(event, dict):
        raise InvalidEvent("invalid_event", "An event is a JSON object; send several as a list under events.")
    sent = {name: value for name, value in event.items() if name in FIELDS and value is not None and value != ""}
    for name in _BODY_PARTS:
        if name in sent and not isinstance(sent[name], dict):
            raise wrong_field(f"/{name}", "send an object.")
    return sent


def _write_said(sent: Mapping[str, Any]) -> bytes:
    """Write what the client said as canonical bytes, and refuse what is too large to keep."""
    spoken = dict(sent)
    for name in _UNSAID:
        spoken.pop(name, None)
    try:
        said = orjson.dumps(spoken, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        raise InvalidEvent("invalid_event", "The event holds something that is not JSON.") from None
    if len(said) > MAX_EVENT_BYTES:
        raise InvalidEvent("too_large", f"An event has at most {MAX_EVENT_BYTES} bytes.")
    # The number of '":' and of brackets are upper bounds of keys and depth: only a suspicious event is walked.
    if said.count(b'":') > MAX_PROPERTIES or said.count(b"{") + said.count(b"[") > MAX_DEPTH:
        _check_extent(sent)
    return said


def _check_extent(sent: Mapping[str, Any]) -> None:
    """Refuse too many properties and too deep nesting, level by level."""
    level: list[Any] = [sent[name] for name in _BODY_PARTS if name in sent]
    keys = 0
    for _ in range(MAX_DEPTH):
        keys += sum(len(value) for value in level if isinstance(value, dict))
        if keys > MAX_PROPERTIES:
            raise InvalidEvent("too_large", f"An event has at most {MAX_PROPERTIES} properties in all.")
        inner = (value.values() if isinstance(value, dict) else value for value in level)
        level = [item for values in inner for item in values if isinstance(item, dict | list)]
        if not level:
            return
    raise InvalidEvent("too_large", f"An event is nested at most {MAX_DEPTH} levels deep.")


def _read_type(sent: Mapping[str, Any]) -> EventType | None:
    """Find the built-in type, None for a custom one."""
    name = sent.get("type")
    if not isinstance(name, str) or len(name) > MAX_TYPE or not _TYPE.fullmatch(name):
        detail = f"write the type as object.past_verb, such as form.submitted, at most {MAX_TYPE} characters."
        raise wrong_field("/type", detail, "invalid_type")
    return TYPES.get(name)


def _check_allowed(sent: Mapping[str, Any], kind: EventType | None, *, trusted: bool, own: bool) -> None:
    """Refuse what this key may not say: a browser witnesses, a server tells (docs/reference/wire.md)."""
    if kind and kind.server_only and not own:
        raise wrong_field("/type", "events of this type are appended by their own endpoint only.", "not_allowed")
    if not trusted and not own:
        if not (kind.public if kind else is_public(sent["type"])):
            raise wrong_field("/type", "this type needs a secret key.", "not_allowed_for_write_key")
        for name in _NEEDS_SECRET_KEY:
            if name in sent:
                raise wrong_field(f"/{name}", "this field needs a secret key.", "not_allowed_for_write_key")
    author = sent.get("author")
    if author is None:
        if kind and kind.author_required:
            raise wrong_field("/author", "name who did it.")
    elif not isinstance(author, str) or len(author) > MAX_AUTHOR:
        raise wrong_field("/author", f"send a text of at most {MAX_AUTHOR} characters.")


def _read_identifiers(sent: Mapping[str, Any], kind: EventType | None, phone_region: str | None) -> tuple[Identifier, ...]:
    """Read the identifiers, highest rank first; an event about a lead has one at least."""
    if kind and not kind.about_lead:
        _refuse_identifiers(sent)
        return ()
    found: list[Identifier] = []
    if "lead_id" in sent:
        found.append(Identifier(IdentifierKind.LEAD, normalise_lead_id(sent["lead_id"])))
    if "crm_ids" in sent:
        found.extend(normalise_crm_ids(sent["crm_ids"]))
    if "user_id" in sent:
        found.append(Identifier(IdentifierKind.USER, normalise_id(sent["user_id"], "/user_id")))
    if "traits" in sent:
        found.extend(_read_contacts(sent["traits"], phone_region))
    if "anonymous_id" in sent:
        found.append(Identifier(IdentifierKind.ANONYMOUS, normalise_id(sent["anonymous_id"], "/anonymous_id")))
    if not found:
        message = "Name a person: anonymous_id, user_id, traits.email or traits.phone."
        raise InvalidEvent("missing_identity", message)
    return tuple(found)


def _read_contacts(traits: Mapping[str, Any], phone_region: str | None) -> Iterator[Identifier]:
    """Read the e-mail address and the phone number of a person."""
    if _present(traits.get("email")):
        yield Identifier(IdentifierKind.EMAIL, normalise_email(traits["email"]))
    if _present(traits.get("phone")):
        yield Identifier(IdentifierKind.PHONE, normalise_phone(traits["phone"], phone_region))


def _refuse_identifiers(sent: Mapping[str, Any]) -> None:
    """Refuse to name a person in an event that is about none."""
    for name in (*_ID_FIELDS, "traits"):
        if sent.get(name):
            raise wrong_field(f"/{name}", "an event of this type is about no lead.")


def _read_event_id(sent: Mapping[str, Any]) -> str | None:
    """Read the event's own id, None if it has none."""
    event_id = sent.get("event_id")
    if event_id is None:
        return None
    if not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
        raise wrong_field("/event_id", "send 1 to 128 of A-Z, a-z, 0-9, _ . : -", "invalid_event_id")
    return event_id


def _read_at(sent: Mapping[str, Any], arrival: Instant) -> Instant:
    """Decide the canonical time, microseconds UTC.

    The client's clock error is arrival - sent_at; correcting by it must not move the event before 2000, which only
    a wrong sent_at can do: then the time stands as sent. Nothing happens after it arrived.
    """
    sent_at = _read_instant(sent, "sent_at")
    occurred_at = _read_instant(sent, "occurred_at")
    if occurred_at is None:
        return arrival
    corrected = occurred_at if sent_at is None else occurred_at + (arrival - sent_at)
    at = min(corrected if corrected >= YEAR_2000 else occurred_at, arrival)
    if at < YEAR_2000:
        raise wrong_field("/occurred_at", "this is before 2000-01-01.", "invalid_time")
    return at


def _read_instant(sent: Mapping[str, Any], name: str) -> Instant | None:
    """Read a time of the envelope, None if it is absent."""
    text = sent.get(name)
    if text is None:
        return None
    if isinstance(text, str):
        try:
            return parse_instant(text)
        except InvalidInstant:
            pass
    raise wrong_field(f"/{name}", "write the time with an offset, like 2026-11-21T12:00:00Z.", "invalid_time")


def _find_contacts(sent: Mapping[str, Any], identifiers: tuple[Identifier, ...]) -> frozenset[str]:
    """Give the event's own e-mail address and phone number, as sent and as normalised, in lower case."""
    traits = sent.get("traits")
    if not traits:
        return frozenset()
    found = {each.value for each in identifiers if each.kind in _CONTACTS}
    return frozenset(found | {str(traits[name]).strip().lower() for name in _CONTACT_TRAITS if _present(traits.get(name))})
