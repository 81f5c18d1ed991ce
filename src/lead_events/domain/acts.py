"""Which events are acts of the lead: they end a silence, and are what a model calls activity (``after_activity``)."""

from __future__ import annotations

from lead_events.domain.event_types import is_public

_DONE_TO_THE_LEAD = frozenset(
    {
        "ad.shown",
        "popup.shown",
        "popup.closed",
        "form.viewed",
        "email.bounced",
        "email.complained",
        "email.unsubscribed",
        "message.delivered",
        "message.bounced",
        "message.unsubscribed",
        "consent.withdrawn",
        "lead.identified",
    }
)


def is_act(type_: str) -> bool:
    """Say whether an event of this type is something that the lead did, towards the seller."""
    return type_ not in _DONE_TO_THE_LEAD and is_public(type_)
