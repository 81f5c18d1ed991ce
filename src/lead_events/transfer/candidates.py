"""What reading a file gives: events ready to be appended, and lines that cannot be.

Both cross process borders as plain tuples, which are several times cheaper to copy than dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lead_events.domain.errors import InvalidEvent, LeadEventsError
from lead_events.domain.events import Identifier, IdentifierKind, NewEvent
from lead_events.domain.times import Instant

Founder = tuple[str | None, str]
"""A lead by the (source, event id) of the event that founded it."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One event of a file, judged as the door would.

    Attributes:
        line: where it begins in the file, from 1.
        source: the source that the line names, or None.
        event: the event.
        arrived_at: when it arrived, microseconds UTC.
        lead: the lead it addresses, or None.
        exported: whether the line was written by an export, whose decisions are kept.
        leads: the leads that it merges or parts, by the property that names each.
    """

    line: int
    source: str | None
    event: NewEvent
    arrived_at: Instant
    lead: Founder | None = None
    exported: bool = False
    leads: Mapping[str, Founder] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reject:
    """One line, or one event of a row, that was not taken.

    Attributes:
        line: where it begins in the file, from 1.
        code: machine-readable reason.
        reason: what is wrong with it, and what to do.
        text: the line as it stood in the file.
    """

    line: int
    code: str
    reason: str
    text: str


_KINDS = {int(kind): kind for kind in IdentifierKind}
Packed = tuple[Any, ...]
Judged = Candidate | Reject


def reject(line: int, error: LeadEventsError, text: str) -> Reject:
    """Make the reject of a line from the error it caused."""
    code = error.code if isinstance(error, InvalidEvent) else "invalid_json"
    return Reject(line, code, str(error), text)


def pack(judged: Judged) -> Packed:
    """Write down what was judged as plain values."""
    if isinstance(judged, Reject):
        return judged.line, judged.code, judged.reason, judged.text
    event = judged.event
    identifiers = [(int(each.kind), each.value, each.system) for each in event.identifiers]
    return (
        judged.line, judged.source, judged.arrived_at, judged.lead, judged.exported, dict(judged.leads),
        event.event_id, event.type, event.version, event.at, identifiers, event.plain, event.personal, event.said,
    )  # fmt: skip


def unpack(packed: Packed) -> Judged:
    """Read back what ``pack`` wrote."""
    if len(packed) == 4:
        return Reject(*packed)
    (line, source, arrived_at, lead, exported, leads,
     event_id, type_, version, at, identifiers, plain, personal, said) = packed  # fmt: skip
    event = NewEvent(
        event_id=event_id,
        type=type_,
        version=version,
        at=at,
        identifiers=tuple([Identifier(_KINDS[kind], value, system) for kind, value, system in identifiers]),
        plain=plain,
        personal=personal,
        said=said,
    )
    return Candidate(line, source, event, arrived_at, lead, exported, leads)
