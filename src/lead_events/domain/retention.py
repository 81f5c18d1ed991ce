"""How long whose data may stay: the class of a lead, its period, and the instant before which it has lasted too long.

Which leads there are, and how they are forgotten, is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from lead_events.domain.state import Lead
from lead_events.domain.times import DAY, Instant

CUSTOMER_STAGE = "customer"
_EARLY_STAGES = frozenset({"visitor", "lead"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS_A_YEAR = 12
_EVERY_MONTH_HAS = 28

CONTACTS = (
    "call.logged", "chat.message_sent", "chat.started", "email.clicked", "email.replied", "form.submitted", "lead.contacted",
    "meeting.booked", "message.clicked", "message.replied", "needs.determined", "offer.accepted", "order.placed",
    "presentation.given", "question.answered", "subscription.started", "webinar.attended", "webinar.offer_accepted",
    "webinar.question_asked", "webinar.registered",
)  # fmt: skip
"""Events that are a contact: the person turned to the seller, or both spoke. Being sent something, or browsing, is none."""


class RetentionClass(StrEnum):
    """Who a person is to the seller, as far as periods go."""

    VISITOR = "visitor"
    UNQUALIFIED = "unqualified"
    PROSPECT = "prospect"
    CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Periods:
    """How long data stay; 0 means for ever.

    Attributes:
        visitor_months: nobody known, after the last event.
        unqualified_months: somebody known who never qualified, after the last event.
        prospect_months: somebody who once qualified, after the last contact.
        access_months: lines of who read what.
        quarantine_days: events in quarantine.
    """

    visitor_months: int = 13
    unqualified_months: int = 24
    prospect_months: int = 36
    access_months: int = 24
    quarantine_days: int = 30

    def months_of(self, class_: RetentionClass) -> int:
        """Return the period of a class in months; 0 for customers, who are exempt."""
        match class_:
            case RetentionClass.VISITOR:
                return self.visitor_months
            case RetentionClass.UNQUALIFIED:
                return self.unqualified_months
            case RetentionClass.PROSPECT:
                return self.prospect_months
            case RetentionClass.CUSTOMER:
                return 0


def classify(lead: Lead) -> RetentionClass:
    """Return the class of a lead: the furthest it ever came counts, so that a lost customer is not taken for a stranger."""
    stages = {lead.stage, *(entry[1] for entry in lead.history)}
    if CUSTOMER_STAGE in stages:
        return RetentionClass.CUSTOMER
    if lead.qualified_at is not None or not stages <= _EARLY_STAGES:
        return RetentionClass.PROSPECT
    known = lead.contact or lead.user_id is not None or bool(lead.crm_ids)
    return RetentionClass.UNQUALIFIED if known else RetentionClass.VISITOR


def months_before(instant: Instant, months: int) -> Instant:
    """Return the same time of day some months of the calendar earlier; a day that month lacks becomes its 28th.

    Args:
        instant: microseconds UTC.
    """
    then = _EPOCH + timedelta(microseconds=instant)
    month = then.year * _MONTHS_A_YEAR + then.month - 1 - months
    year, month = divmod(month, _MONTHS_A_YEAR)
    try:
        earlier = then.replace(year=year, month=month + 1)
    except ValueError:
        earlier = then.replace(year=year, month=month + 1, day=_EVERY_MONTH_HAS)
    return (earlier - _EPOCH) // timedelta(microseconds=1)


def limit_of(class_: RetentionClass, periods: Periods, as_of: Instant) -> Instant | None:
    """Return the instant before which the last event, or contact, of a class is too long ago; None for ever.

    Args:
        as_of: now, microseconds UTC.
    """
    months = periods.months_of(class_)
    return months_before(as_of, months) if months else None


def access_limit(periods: Periods, as_of: Instant) -> Instant | None:
    """Return the instant before which lines of who read what are too old; None for ever."""
    return months_before(as_of, periods.access_months) if periods.access_months else None


def quarantine_limit(periods: Periods, as_of: Instant) -> Instant | None:
    """Return the instant before which events in quarantine are too old; None for ever."""
    return as_of - periods.quarantine_days * DAY if periods.quarantine_days else None
