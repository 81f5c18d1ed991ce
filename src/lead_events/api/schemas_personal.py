"""The wire of what the law lets a person ask for: everything that is held, in one document."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lead_events.api.access_log import Access
from lead_events.api.changes import ChangeAnswer
from lead_events.api.schemas import Answer, AsOf, Facts, LeadWithHistory, Time
from lead_events.api.schemas_kept import QuarantinedEvent
from lead_events.api.traits import TraitValue
from lead_events.domain.retention import RetentionClass


class Identifiers(Answer):
    """Every identifier that is bound to the person; browsers are known by pseudonyms only."""

    emails: list[str]
    phones: list[str]
    user_ids: list[str]
    crm_ids: Annotated[list[str], Field(examples=[["hubspot:501"]])]
    browsers: list[str]


class Retention(Answer):
    """How long the data stay: the class decides the period."""

    retention_class: RetentionClass
    last_event: Time | None


class RuleMet(Answer):
    """A rule that gave or took points, how often, and how many in all, before they decayed."""

    score: str
    rule: str
    times: int
    points: float


class Logic(Answer):
    """How scores and definitions come about: the model as it is written, and the rules that this person met.

    ``rules_met`` is null for very long histories; ``/score`` explains those.
    """

    model: int
    document: Facts
    rules_met: list[RuleMet] | None


class PersonalEvent(Answer):
    """One event with everything that was said in it; ``content`` is null if it cannot be read any more."""

    position: int
    event_id: str
    type: str
    at: Time
    received_at: Time
    source: str | None
    content: Facts | None


class PersonalData(AsOf):
    """Everything held about a person; events newest first. ``lead`` is what is known now, with consent as far as it was given."""

    lead_id: str
    resolved_from: str | None
    merged: Annotated[list[str], Field(description="The leads that are this person too.")]
    lead: LeadWithHistory
    identifiers: Identifiers
    traits: dict[str, TraitValue]
    retention: Retention
    logic: Logic
    events: list[PersonalEvent]
    quarantine: list[QuarantinedEvent]
    changes: list[ChangeAnswer]
    recipients: Annotated[list[Access], Field(description="Who was shown these data.")]
