"""Events as clients send them: wire dicts with sensible defaults that a test overrides by keyword.

A keyword that is a field of the envelope replaces it; any other keyword is a property.
Everything here is deterministic and knows nothing of how events are stored.
"""

from __future__ import annotations

from typing import Any

from lead_events.domain.wire import FIELDS

WireEvent = dict[str, Any]

OCCURRED_AT = "2026-11-21T12:00:00.000Z"
SITE = "https://shop.example"

_OFFER = {"offer_id": "autumn-offer", "promo_code": "AUTUMN"}
_EMAIL = {"message_id": "m-1", "campaign": "autumn", "template": "welcome", "subject": "Anna, your price list"}
_MESSAGE = {"channel": "telegram", "message_id": "t-1", "campaign": "autumn", "template": "t", "text": "Hello Anna"}
_PRODUCT = {
    "product": "crm-pro",
    "name": "CRM Pro",
    "category": "software",
    "price": "99.90",
    "currency": "EUR",
    "url": f"{SITE}/products/crm-pro?session=1&utm_source=google#top",
}
_DEAL = {"opportunity_id": "o-1", "product": "crm-pro", "amount": "12000.50", "currency": "EUR", "note": "Call Anna"}
_AD = {
    "ad_id": "ad-1",
    "channel": "cpc",
    "source": "google",
    "campaign": "autumn",
    "creative": "red",
    "audience": "b2b",
}
_VERDICT = {"definition": "sales-ready", "reason": "too_small", "note": "Anna has five people"}

EXAMPLES: dict[str, dict[str, Any]] = {
    "page.viewed": {"name": "Pricing", "category": "terms"},
    "page.scrolled": {"depth": 100},
    "page.left": {"seconds": 31.5, "depth": 80},
    "element.clicked": {"element": "call-me", "text": "Call me", "url": "tel:+74951234567", "outbound": True},
    "exit.intended": {},
    "search.performed": {"query": "crm for five people", "results": 3},
    "video.played": {"video": "demo.mp4", "title": "Demo", "seconds": 40, "percent": 50},
    "file.downloaded": {
        **_OFFER,
        "file": "price-list.pdf",
        "title": "Prices",
        "url": f"{SITE}/price-list.pdf?token=s3",
    },
    "product.viewed": _PRODUCT,
    "product.favourited": _PRODUCT,
    "cart.updated": {**_OFFER, "product": "crm-pro", "quantity": 2, "amount": "199.80", "currency": "EUR", "items": []},
    "order.placed": {
        **_OFFER,
        "order_id": "n-1",
        "amount": 200,
        "currency": "eur",
        "items": [{"product": "crm-pro", "gift_note": "for Anna"}],
    },
    "order.cancelled": {"order_id": "n-1", "amount": "200", "currency": "EUR", "reason": "Changed her mind"},
    "ad.shown": _AD,
    "ad.clicked": {**_AD, "url": f"{SITE}/?gclid=abc&visitor=1"},
    "touch.recorded": {
        "channel": "cold_call",
        "label": "list-7",
        "promo_code": "FLYER",
        "referred_by": "Boris",
        "sourced_by": "agency-1",
        "note": "Met Anna at the fair",
    },
    "form.viewed": {**_OFFER, "form_id": "price-request", "form_name": "Price request"},
    "form.started": {"form_id": "price-request", "field": "email"},
    "form.abandoned": {"form_id": "price-request", "field": "phone"},
    "form.submitted": {**_OFFER, "form_id": "price-request", "fields": {"need": "a site that works", "staff": 12}},
    "popup.shown": {**_OFFER, "popup_id": "exit-discount"},
    "popup.accepted": {"popup_id": "exit-discount"},
    "popup.closed": {"popup_id": "exit-discount"},
    "question.answered": {"question_id": "size", "question": "How many are you?", "answer": "five people"},
    "chat.started": {"chat_id": "c-1", "channel": "site"},
    "chat.message_sent": {"chat_id": "c-1", "channel": "site", "text": "Is Anna there?", "sender": "visitor"},
    "offer.accepted": _OFFER,
    "subscription.started": {**_OFFER, "subscription": "news", "channel": "email"},
    "webinar.registered": {**_OFFER, "webinar_id": "w-1", "title": "Leads in 2026"},
    "webinar.attended": {"webinar_id": "w-1", "seconds": 3600},
    "webinar.question_asked": {"webinar_id": "w-1", "text": "What does it cost for us?"},
    "webinar.offer_accepted": {**_OFFER, "webinar_id": "w-1"},
    "email.sent": _EMAIL,
    "email.opened": {**_EMAIL, "automatic": True},
    "email.clicked": {**_EMAIL, "url": f"{SITE}/pricing?utm_source=mail&mail_to=anna%40firm.example"},
    "email.replied": {**_EMAIL, "text": "Yes, please"},
    "email.bounced": {**_EMAIL, "bounce": "hard", "reason": "no_such_mailbox"},
    "email.complained": _EMAIL,
    "email.unsubscribed": {**_EMAIL, "subscription": "news", "reason": "You write too much"},
    "message.sent": _MESSAGE,
    "message.delivered": _MESSAGE,
    "message.read": _MESSAGE,
    "message.clicked": {**_MESSAGE, "url": f"{SITE}/pricing"},
    "message.replied": _MESSAGE,
    "message.bounced": {**_MESSAGE, "reason": "blocked"},
    "message.unsubscribed": {**_MESSAGE, "reason": "stop"},
    "consent.granted": {"purpose": "contact", "channel": "email", "text_version": "2026-1", "method": "form"},
    "consent.withdrawn": {"purpose": "profiling", "method": "phone"},
    "call.logged": {"direction": "out", "outcome": "no_answer", "seconds": 20, "note": "Anna is away"},
    "meeting.booked": {"meeting_id": "b-1", "starts_at": "2026-12-01T09:00:00+03:00", "title": "Anna and Boris"},
    "needs.determined": {"product": "crm-pro", "note": "Needs reports"},
    "presentation.given": {"product": "crm-pro", "note": "Anna liked it"},
    "case_study.sent": {"product": "crm-pro", "case_study": "Trading company"},
    "spec_sheet.sent": {"product": "crm-pro", "spec_sheet": "CRM Pro 2026"},
    "opportunity.opened": {**_DEAL, "expected_on": "2026-12-31"},
    "deal.won": _DEAL,
    "deal.lost": {**_DEAL, "reason": "too_expensive"},
    "spend.recorded": {
        "channel": "cpc",
        "source": "google",
        "medium": "cpc",
        "campaign": "autumn",
        "amount": "1500",
        "currency": "EUR",
        "from_day": "2026-11-01",
        "to_day": "2026-11-30",
        "impressions": 100000,
        "clicks": 1200,
    },
    "lead.identified": {"method": "login"},
    "lead.traits_set": {"cleared": ["budget"]},
    "lead.noted": {"text": "Anna decides in spring"},
    "lead.research_taken": {"note": "Ask Boris"},
    "lead.research_given_up": {"reason": "no_such_company", "note": "Nobody answers"},
    "lead.research_reopened": {"note": "They moved"},
    "lead.assigned": {"owner": "boris", "reason": "territory"},
    "lead.unassigned": {"reason": "left"},
    "lead.contacted": {"channel": "phone", "outcome": "reached", "note": "Anna wants a demo"},
    "lead.accepted": _VERDICT,
    "lead.rejected": _VERDICT,
    "lead.recycled": _VERDICT,
    "lead.disqualified": _VERDICT,
    "lead.overridden": {
        "score": "behaviour",
        "value": 80,
        "reason": "Met her at the fair",
        "expires_at": "2027-01-01T00:00:00Z",
    },
    "lead.override_withdrawn": {"score": "behaviour", "reason": "mistake"},
    "lead.merged": {"lead_id": "ld_2", "into": "ld_1"},
    "lead.unmerged": {"lead_id": "ld_2", "into": "ld_1"},
    "lead.erased": {"events": 12, "reason": "asked"},
    "generation.promoted": {"generation_id": 2, "previous_id": 1, "model": 2, "announce": "none"},
}
"""Properties of one typical event of every built-in type."""

_ABOUT_NO_LEAD = {"spend.recorded", "generation.promoted", "lead.merged", "lead.unmerged"}
_AUTHORED = {
    "lead.traits_set",
    "lead.overridden",
    "lead.override_withdrawn",
    "lead.research_taken",
    "lead.research_given_up",
    "lead.research_reopened",
}


def make_event(type_name: str, **overrides: Any) -> WireEvent:
    """Make an event of any type with its example's properties.

    Args:
        type_name: built-in or custom.
        overrides: fields of the envelope by name (None leaves one out), or else properties.

    Returns:
        A new dict in wire form.
    """
    event: WireEvent = {"type": type_name, "occurred_at": OCCURRED_AT}
    if type_name not in _ABOUT_NO_LEAD:
        event["anonymous_id"] = "visitor-1"
    if type_name in _AUTHORED:
        event["author"] = "boris"
    properties = dict(EXAMPLES.get(type_name, {}))
    for name, value in overrides.items():
        if name in FIELDS:
            event[name] = value
        else:
            properties[name] = value
    if properties:
        event.setdefault("properties", properties)
    return {name: value for name, value in event.items() if value is not None}


def page_viewed(path: str = "/pricing", **overrides: Any) -> WireEvent:
    """Make a page view of a path on the example site."""
    page = {"url": f"{SITE}{path}", "path": path, "title": "Shop"}
    return make_event("page.viewed", **{"properties": {}, "context": {"page": page}, **overrides})


def form_submitted(form_id: str = "price-request", **overrides: Any) -> WireEvent:
    """Make a sent form that names an e-mail address, unless ``traits`` says otherwise."""
    defaults = {"properties": {"form_id": form_id}, "traits": {"email": "anna@firm.example"}}
    return make_event("form.submitted", **{**defaults, **overrides})


def lead_identified(**overrides: Any) -> WireEvent:
    """Make a claim of an e-mail address by the visitor, unless overridden."""
    return make_event("lead.identified", **{"traits": {"email": "anna@firm.example"}, **overrides})


def deal_won(**overrides: Any) -> WireEvent:
    """Make a won deal of 12000.50 EUR; needs a secret key."""
    return make_event("deal.won", **overrides)


def spend_recorded(**overrides: Any) -> WireEvent:
    """Make a month's spend on a campaign, about no lead; needs a secret key."""
    return make_event("spend.recorded", **overrides)
