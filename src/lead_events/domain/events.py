"""The two forms of an event past the wire: ``NewEvent`` (validated, not stored) and ``Event`` (stored, has a position).

Also the identifiers they carry and their rank. What each type may contain is in ``event_types``; reading the wire is in ``wire``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from lead_events.domain.times import Instant

REF_BYTES = 16
"""A ref is a 16-byte pseudonym that stands for an identifier."""
PSEUDONYM = "\0"
"""Begins the value of an identifier that an import knows by its ref alone; the ref follows in hex. No client can send NUL."""


class IdentifierKind(IntEnum):
    """Kinds of identifiers; a lower number is a higher rank (ADR 3)."""

    LEAD = 0
    CRM = 1
    USER = 2
    EMAIL = 3
    PHONE = 4
    ANONYMOUS = 9


@dataclass(frozen=True, slots=True)
class Identifier:
    """One identifier as a client named it, normalised.

    Attributes:
        kind: what it identifies a person by.
        value: the normalised value; for ``LEAD`` the lead id, for ``CRM`` the id within ``system``.
        system: the CRM's name for ``CRM``, otherwise empty.
    """

    kind: IdentifierKind
    value: str
    system: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event that passed the door and is not stored yet.

    Attributes:
        event_id: unique within its source.
        type: ``object.past_verb``.
        version: schema version of the type.
        at: canonical time, microseconds UTC, never after arrival.
        identifiers: at most one per kind (and CRM system), highest rank first; empty for events about no lead.
        plain: the part of the body that may be stored readable.
        personal: the part that is sealed; merged over ``plain`` when read back.
        said: what the client said, canonical bytes: equal for a retry, different for another event.
    """

    event_id: str
    type: str
    version: int
    at: Instant
    identifiers: tuple[Identifier, ...]
    plain: dict[str, Any]
    personal: dict[str, Any]
    said: bytes


class Event:
    """A stored event, opened for folding; ``fields`` is spelled exactly as ``POST /v1/events`` spells it.

    Attributes:
        event_id: unique within its source; empty until whoever read the event sets it.
        position: place in the log.
        at: canonical time, microseconds UTC.
        received_at: server time, microseconds UTC, strictly increasing with position.
        type: ``object.past_verb``.
        anonymous: ref of the anonymous identifier, or None.
        strong: refs of the strong identifiers, highest rank first.
        fields: ``properties``, ``traits``, ``context``, ``user_id``, ``crm_ids``, ``author``, ``trusted``, as far as present.
    """

    __slots__ = ("anonymous", "at", "event_id", "fields", "position", "received_at", "strong", "subject", "type")

    def __init__(
        self,
        position: int,
        at: Instant,
        received_at: Instant,
        type: str,
        subject: bytes,
        anonymous: bytes | None,
        strong: tuple[bytes, ...],
        fields: dict[str, Any],
    ) -> None:
        self.event_id = ""
        self.position = position
        self.at = at
        self.received_at = received_at
        self.type = type
        self.subject = subject
        self.anonymous = anonymous
        self.strong = strong
        self.fields = fields
