"""What a person agreed to: analytics, profiling, contact per channel; folded like everything else, the latest statement wins.

Which purposes need a yes is the source's; the door stamps it on each event, so that the fold stays a function of events.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from lead_events.domain.event_types import TYPES
from lead_events.domain.events import Event, NewEvent
from lead_events.domain.state import Lead

ANALYTICS, PROFILING, CONTACT = "analytics", "profiling", "contact"
PURPOSES = (ANALYTICS, PROFILING, CONTACT)
CHANNELS = ("chat", "email", "messenger", "phone", "post", "push", "sms")
"""Ways to contact a person, each with its own consent ``contact:<channel>``."""

NO_PROFILING = "no_profiling_consent"
"""Why scores and definitions are null, and why a stage was left."""
UNOBSERVED = "lead.unobserved"
"""What behaviour counts as without consent to analytics; no event of this type is ever stored."""

STAMPS = ("opt_in", "gpc", "anonymised")
"""Fields of a stored body that the door decides and no client can send."""

_BEHAVIOUR = frozenset(
    {
        "ad.clicked",
        "ad.shown",
        "cart.updated",
        "element.clicked",
        "email.clicked",
        "email.opened",
        "exit.intended",
        "file.downloaded",
        "form.abandoned",
        "form.started",
        "form.viewed",
        "message.clicked",
        "message.read",
        "page.left",
        "page.scrolled",
        "page.viewed",
        "popup.accepted",
        "popup.closed",
        "popup.shown",
        "product.favourited",
        "product.viewed",
        "search.performed",
        "video.played",
    }
)
_WHO = ("traits", "user_id", "crm_ids", "trusted", "author")
_REFUSALS: Mapping[str, str] = MappingProxyType({"email.unsubscribed": "email", "email.complained": "email"})
SPEAK = frozenset({"consent.granted", "consent.withdrawn", "message.unsubscribed", *_REFUSALS})
"""Types of events that say what somebody agrees to."""
_NOTHING: Mapping[str, Any] = MappingProxyType({})


def is_behaviour(type_: str, *, trusted: bool) -> bool:
    """Say whether an event only observes what somebody does, as opposed to what they tell, order or decide.

    Args:
        type_: built-in or custom; a custom type is behaviour when a browser sends it, for nobody declared it otherwise.
        trusted: whether it was sent with a secret key.
    """
    return type_ in _BEHAVIOUR or (not trusted and type_ not in TYPES)


def stamp(event: NewEvent, *, opt_in: Collection[str] = (), gpc: bool = False) -> NewEvent:
    """Write into an event what its source needs a yes for, and that its browser sent Global Privacy Control."""
    if event.identifiers:
        if opt_in:
            event.plain["opt_in"] = sorted(opt_in)
        if gpc:
            event.plain["gpc"] = True
    return event


def apply(lead: Lead, event: Event) -> bool:
    """Let one event change what the person agreed to.

    Returns:
        Whether it did.
    """
    fields = event.fields
    changed = False
    if "opt_in" not in fields and "gpc" not in fields and event.type not in SPEAK:
        return changed
    needed = fields.get("opt_in")
    if needed and not set(needed) <= set(lead.opt_in):
        lead.opt_in = sorted({*lead.opt_in, *needed})
        changed = True
    if fields.get("gpc"):
        lead.gpc = True
    if event.type in SPEAK:
        for subject, granted in _statements(event):
            lead.consent[subject] = _entry(event, granted=granted)
        changed = True
    if changed:
        _settle(lead)
    return changed


def permits(lead: Lead, subject: str) -> bool:
    """Say whether the person lets us: ``analytics``, ``profiling`` or ``contact:<channel>``."""
    entry = lead.consent.get(subject)
    return bool(entry[0]) if entry is not None else subject.partition(":")[0] not in lead.opt_in


def curtail(lead: Lead, event: Event) -> Event:
    """Leave out what only analytics may look at, unless the person permits it: of behaviour all but whom it names.

    Of any other event the browser and where it was are left out.
    """
    if lead.observed:
        return event
    if is_behaviour(event.type, trusted=bool(event.fields.get("trusted"))):
        type_, fields = UNOBSERVED, {name: event.fields[name] for name in _WHO if name in event.fields}
    else:
        type_, fields = event.type, {name: value for name, value in event.fields.items() if name != "context"}
    return Event(event.position, event.at, event.received_at, type_, event.subject, None, event.strong, fields)


def is_shared(lead: Lead) -> bool:
    """Say whether the person may be handed on to CRMs: without Global Privacy Control, or after a yes of their own."""
    return not lead.gpc or any(entry[0] for entry in lead.consent.values())


def _statements(event: Event) -> list[tuple[str, bool]]:
    """Return what an event says about consent: (subject, granted) pairs."""
    if event.type in _REFUSALS:
        return [(f"{CONTACT}:{_REFUSALS[event.type]}", False)]
    if event.type == "message.unsubscribed":
        return [(f"{CONTACT}:{channel_of((event.fields.get('properties') or _NOTHING).get('channel'))}", False)]
    properties = event.fields.get("properties") or _NOTHING
    granted, purpose, channel = event.type == "consent.granted", properties.get("purpose"), properties.get("channel")
    if purpose != CONTACT:
        return [(str(purpose), granted)]
    return [(f"{CONTACT}:{each}", granted) for each in ([channel] if channel else CHANNELS)]


def channel_of(service: object) -> str:
    """Return the channel of a messaging service: its own name where it is one, else ``messenger``, as for ``telegram``."""
    name = str(service).lower()
    return name if name in CHANNELS else "messenger"


def _entry(event: Event, *, granted: bool) -> list[Any]:
    """Write a statement down: [granted, at, position, type, how, text version, where, author]."""
    properties = event.fields.get("properties") or _NOTHING
    said = (properties.get("method"), properties.get("text_version"), properties.get("source"))
    return [granted, event.at, event.position, event.type, *said, event.fields.get("author")]


def _settle(lead: Lead) -> None:
    """Work out what follows from the statements, for whoever asks at every event."""
    lead.profiled = permits(lead, PROFILING)
    lead.observed = permits(lead, ANALYTICS)
    lead.do_not_contact = [channel for channel in CHANNELS if not permits(lead, f"{CONTACT}:{channel}")]
