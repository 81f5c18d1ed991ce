"""Event types of sales and of money spent: calls, meetings, opportunities, deals, spend.

All of them need a secret key; spend is about no lead and therefore holds nothing personal.
"""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict

from lead_events.domain.event_types.fields import (
    Amount,
    Count,
    Currency,
    Day,
    InstantText,
    Label,
    Name,
    Priced,
    Properties,
    Reason,
    Seconds,
    Text,
)


class CallLogged(Properties):
    """A call with the lead took place or was tried."""

    direction: Literal["in", "out"] | None = None
    outcome: Reason | None = None
    seconds: Seconds | None = None
    note: Text | None = None


class MeetingBooked(Properties):
    """A meeting with the lead was booked."""

    meeting_id: Name | None = None
    starts_at: InstantText | None = None
    title: Text | None = None
    note: Text | None = None


class NeedsDetermined(Properties):
    """Sales found out what the lead needs."""

    product: Name | None = None
    note: Text | None = None


class PresentationGiven(NeedsDetermined):
    """Sales presented the product to the lead."""


class CaseStudySent(NeedsDetermined):
    """Sales sent the lead a case study."""

    case_study: Label | None = None


class SpecSheetSent(NeedsDetermined):
    """Sales sent the lead a specification sheet."""

    spec_sheet: Label | None = None


class OpportunityOpened(Priced):
    """Sales opened an opportunity with the lead."""

    opportunity_id: Name | None = None
    product: Name | None = None
    reason: Reason | None = None
    expected_on: Day | None = None
    note: Text | None = None


class DealWon(Priced):
    """The lead bought."""

    opportunity_id: Name | None = None
    product: Name | None = None
    reason: Reason | None = None
    note: Text | None = None


class DealLost(DealWon):
    """The lead decided against buying."""


class SpendRecorded(Properties):
    """Money was spent on a channel or campaign in a period of whole days, both included."""

    model_config = ConfigDict(extra="forbid")

    channel: Name
    source: Name | None = None
    medium: Name | None = None
    campaign: Name | None = None
    amount: Amount
    currency: Currency
    from_day: Day
    to_day: Day
    impressions: Count | None = None
    clicks: Count | None = None


TYPES: dict[str, type[Properties]] = {
    "call.logged": CallLogged,
    "meeting.booked": MeetingBooked,
    "needs.determined": NeedsDetermined,
    "presentation.given": PresentationGiven,
    "case_study.sent": CaseStudySent,
    "spec_sheet.sent": SpecSheetSent,
    "opportunity.opened": OpportunityOpened,
    "deal.won": DealWon,
    "deal.lost": DealLost,
    "spend.recorded": SpendRecorded,
}
"""The properties of each type declared here."""
