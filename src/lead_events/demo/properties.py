"""The properties of each type of event, spelled as the event catalogue of the domain spells them.

Each is a function of the person (or None) and a number that was drawn with the event, so writing draws nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lead_events.demo import catalogue, names
from lead_events.demo.catalogue import CAMPAIGNS
from lead_events.demo.people import Person

Properties = dict[str, Any]


def file_properties(file: str) -> Properties:
    """Return the properties of a download."""
    return {"file": file}


def product_properties(page: int, deed: int) -> Properties:
    """Return the properties of a look at a product page."""
    return {
        "product": catalogue.sku(page),
        "category": _choose(catalogue.SERVICES, page),
        "price": f"{90 + deed % 40 * 10}.00",
    }


def spend_properties(campaign: int, deed: int, day: str) -> Properties:
    """Return the cost report of one campaign for one day.

    Args:
        campaign: number of the campaign.
        deed: the number drawn with the event.
        day: ``2026-11-01``.
    """
    paid = CAMPAIGNS[campaign]
    clicks = int(paid.weight * (5 + deed % 7)) + 1
    return {
        "channel": paid.medium,
        "source": paid.source,
        "medium": paid.medium,
        "campaign": paid.name,
        "amount": f"{paid.visit_cost * clicks * (0.9 + deed % 21 / 100):.2f}",
        "currency": paid.currency,
        "from_day": day,
        "to_day": day,
        "impressions": clicks * (20 + deed % 60),
        "clicks": clicks,
    }


def _choose(choices: Sequence[str], deed: int) -> str:
    return choices[deed % len(choices)]


def _query(deed: int) -> str:
    words = catalogue.QUERY_WORDS
    return f"{_choose(words, deed)} {_choose(words, deed // 32)} {_choose(words, deed // 1024)}"


def _seller(person: Person | None) -> str:
    return person.seller if person else names.SELLERS[0]


def _note(person: Person | None, deed: int) -> str:
    return f"{_seller(person)}: {_choose(catalogue.NOTES, deed)}"


def _price(person: Person | None) -> str:
    if person is None:
        return "0.00"
    return f"{4 * int(person.annual_turnover**0.5) + int(person.crm_id) % 997}.{int(person.crm_id) % 100:02d}"


def _opportunity(person: Person | None, _deed: int) -> Properties:
    return {
        "opportunity_id": f"opp-{person.crm_id if person else 0}",
        "product": _choose(catalogue.SERVICES, int(person.crm_id) if person else 0),
        "amount": _price(person),
        "currency": "USD",
    }


def _lost(person: Person | None, deed: int) -> Properties:
    return {**_opportunity(person, deed), "reason": _choose(names.LOSS_REASONS, deed)}


def _form(_person: Person | None, deed: int) -> Properties:
    return {"form_id": _choose(catalogue.FORMS, deed)}


def _abandoned_form(_person: Person | None, deed: int) -> Properties:
    return {
        "form_id": _choose(catalogue.FORMS, deed),
        "field": _choose(("phone", "annual_turnover", "email", "company"), deed // 8),
    }


def _sent_form(person: Person | None, deed: int) -> Properties:
    form = {"form_id": _choose(catalogue.FORMS, deed), "fields": {"topic": _choose(catalogue.SERVICES, deed // 8)}}
    if person is not None and person.intent > 0.5:
        form["fields"] = {
            "topic": _choose(catalogue.SERVICES, deed // 8),
            "when": _choose(("сейчас", "this month"), deed),
        }
    return form


def _popup(_person: Person | None, deed: int) -> Properties:
    return {"popup_id": _choose(catalogue.POPUPS, deed)}


def _webinar(_person: Person | None, deed: int) -> Properties:
    return {"webinar_id": _choose(catalogue.WEBINAR_NAMES, deed)}


def _offer(_person: Person | None, deed: int) -> Properties:
    offer = {"offer_id": _choose(catalogue.OFFERS, deed)}
    return {**offer, "promo_code": _choose(catalogue.PROMO_CODES, deed // 16)} if deed % 3 else offer


def _letter(_person: Person | None, deed: int) -> Properties:
    return {
        "message_id": f"m-{deed}",
        "campaign": _choose(("weekly-digest", "webinar-invite"), deed),
        "template": f"t{deed % 12}",
    }


def _chat(_person: Person | None, deed: int) -> Properties:
    return {"chat_id": f"c-{deed}", "channel": "site"}


def _chat_line(person: Person | None, deed: int) -> Properties:
    line = _choose(catalogue.CHAT_LINES, deed).format(_choose(catalogue.QUERY_WORDS, deed // 8))
    return {**_chat(person, deed), "text": line, "sender": "visitor"}


def _cart(_person: Person | None, deed: int) -> Properties:
    return {
        "product": _choose(catalogue.SERVICES, deed),
        "quantity": 1 + deed % 3,
        "amount": f"{90 + deed % 400}.00",
        "currency": "USD",
    }


PROPERTIES: dict[str, Callable[[Person | None, int], Properties]] = {
    "page.scrolled": lambda _, deed: {"depth": 25 * (1 + deed % 4)},
    "page.left": lambda _, deed: {"seconds": 3 + deed % 400},
    "element.clicked": lambda _, deed: {"element": _choose(catalogue.ELEMENTS, deed)},
    "exit.intended": lambda _, _deed: {},
    "search.performed": lambda _, deed: {"query": _query(deed), "results": deed % 40},
    "video.played": lambda _, deed: {"video": _choose(catalogue.VIDEOS, deed), "percent": 10 * (1 + deed % 10)},
    "cart.updated": _cart,
    "order.placed": lambda person, deed: {"order_id": f"ord-{deed}", "amount": _price(person), "currency": "USD"},
    "form.viewed": _form,
    "form.started": _form,
    "form.abandoned": _abandoned_form,
    "form.submitted": _sent_form,
    "popup.shown": _popup,
    "popup.accepted": _popup,
    "popup.closed": _popup,
    "chat.started": _chat,
    "chat.message_sent": _chat_line,
    "offer.accepted": _offer,
    "subscription.started": lambda _, deed: {
        "subscription": "weekly-digest",
        "channel": "email",
        **({"promo_code": "SPRING10"} if deed % 5 == 0 else {}),
    },
    "webinar.registered": _webinar,
    "webinar.attended": lambda person, deed: {**_webinar(person, deed), "seconds": 600 + deed % 4_000},
    "webinar.question_asked": lambda person, deed: {**_webinar(person, deed), "text": f"{_query(deed)}?"},
    "webinar.offer_accepted": lambda person, deed: {
        **_webinar(person, deed),
        "offer_id": _choose(catalogue.OFFERS, deed),
    },
    "consent.granted": lambda _, deed: {
        "purpose": "contact",
        "channel": "email",
        "text_version": f"2026-{1 + deed % 4}",
    },
    "lead.identified": lambda _, _deed: {"method": "sign_up"},
    "email.sent": _letter,
    "email.opened": _letter,
    "email.clicked": lambda person, deed: {
        **_letter(person, deed),
        "url": f"{catalogue.ORIGIN}/webinars/{1 + deed % 120}",
    },
    "email.unsubscribed": lambda person, deed: {**_letter(person, deed), "subscription": "weekly-digest"},
    "call.logged": lambda person, deed: {
        "direction": _choose(("out", "out", "in"), deed),
        "outcome": _choose(("reached", "no_answer"), deed // 4),
        "seconds": deed % 900,
        "note": _note(person, deed),
    },
    "meeting.booked": lambda person, deed: {
        "meeting_id": f"mt-{deed}",
        "title": f"Demo: {person.company if person else ''}",
    },
    "lead.accepted": lambda _, _deed: {"definition": "sales-ready"},
    "lead.rejected": lambda _, deed: {"definition": "sales-ready", "reason": _choose(names.REJECT_REASONS, deed)},
    "opportunity.opened": _opportunity,
    "deal.won": _opportunity,
    "deal.lost": _lost,
}
"""What writes the properties of each type, page views, products, files and spend apart."""
