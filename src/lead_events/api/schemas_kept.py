"""The wire of what needs an operator - parked leads, quarantined events - and of the key that asks."""

from __future__ import annotations

from typing import Literal

from lead_events.api.schemas import Answer, AsOf, Facts, Time


class Me(Answer):
    """The key that asks."""

    key_id: str
    kind: Literal["write", "secret"]
    source: str
    scopes: list[str]
    created_at: Time


class ParkedLead(Answer):
    """A lead whose fold failed at an event; it stands as it was before."""

    lead_id: str
    position: int
    error: str
    since: Time
    tries: int


class ParkedList(AsOf):
    """One page of parked leads, oldest first."""

    data: list[ParkedLead]
    next_cursor: str | None
    has_more: bool


class QuarantinedEvent(Answer):
    """An event that never entered the log: its id was taken by another one. Null contents were erased."""

    id: str
    source: str | None
    event_id: str
    original_position: int
    first_seen: Time
    times: int
    type: str | None
    at: Time | None
    content: Facts | None


class QuarantineList(Answer):
    """One page of quarantined events, oldest first."""

    data: list[QuarantinedEvent]
    next_cursor: str | None
    has_more: bool


class Released(Answer):
    """What became of a released event: the position it got, or had already."""

    kept: Literal["created", "duplicate", "quarantined", "erased"]
    position: int
