"""Privacy signals of browsers, Global Privacy Control and Do Not Track: what is kept of an event that came with one.

Only behaviour is concerned: who submits a form, orders or consents says so to the site, signal or not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from enum import StrEnum
from hashlib import sha256
from typing import Any

from lead_events.domain.consent import is_behaviour, stamp
from lead_events.domain.event_types import TYPES
from lead_events.domain.events import NewEvent

_NAMES_A_PERSON = frozenset({"message_id"})
_LINKS = ("url", "referrer", "path")
_KEPT = ("occurred_at", "trusted")


class PrivacySignals(StrEnum):
    """What to do with behaviour that comes with a signal."""

    IGNORE = "ignore"
    ANONYMOUS = "anonymous"
    DROP = "drop"


def honour(event: NewEvent, mode: PrivacySignals, *, gpc: bool, trusted: bool) -> NewEvent | None:
    """Return what may be kept of an event that came with a signal; None when nothing may.

    Args:
        gpc: whether the signal is Global Privacy Control, which also keeps a lead from being handed on.
        trusted: whether it was sent with a secret key, by a server that passed the signal on.
    """
    if mode is PrivacySignals.IGNORE:
        return event
    if not is_behaviour(event.type, trusted=trusted):
        return stamp(event, gpc=gpc)
    return None if mode is PrivacySignals.DROP else anonymise(event)


def anonymise(event: NewEvent) -> NewEvent:
    """Return an event that is about nobody: no identifier, nothing sealed, links without their queries."""
    plain: dict[str, Any] = {name: event.plain[name] for name in _KEPT if name in event.plain}
    properties = _without_traces(event.plain.get("properties") or {}, TYPES[event.type].urls if event.type in TYPES else ())
    context = event.plain.get("context") or {}
    page = _without_traces(context.get("page") or {}, _LINKS)
    if properties:
        plain["properties"] = properties
    if page or context.get("campaign"):
        plain["context"] = {name: part for name, part in (("page", page), ("campaign", context.get("campaign"))) if part}
    # What was said names the person; a digest of it still tells a retry from another event.
    said = sha256(event.said).digest()
    return replace(event, identifiers=(), plain={**plain, "anonymised": True}, personal={}, said=said)


def _without_traces(part: dict[str, Any], links: Collection[str]) -> dict[str, Any]:
    named = {name: value for name, value in part.items() if name not in _NAMES_A_PERSON}
    return {name: _cut(value) if name in links and isinstance(value, str) else value for name, value in named.items()}


def _cut(link: str) -> str:
    return link.partition("#")[0].partition("?")[0]
