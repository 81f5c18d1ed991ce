"""Writes what happened as ``POST /v1/events`` takes it.

The properties of each type are in ``properties``; nothing here decides what happens.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from lead_events.demo import properties
from lead_events.demo.catalogue import CAMPAIGNS, PRICE_REQUEST, UTM_QUERIES, site
from lead_events.demo.journeys import Detail, Landing
from lead_events.demo.people import Browser, Person

Wire = dict[str, Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1_440))
_SECONDS = tuple(f"{ms // 1_000:02d}.{ms % 1_000:03d}Z" for ms in range(60_000))
_PAGES = site().pages
_LETTERS = frozenset({"email.sent", "email.opened", "email.clicked", "email.unsubscribed"})
_FIRST_HAND = frozenset({"call.logged", "meeting.booked", "lead.accepted", "lead.rejected"})
_CAPTURES = frozenset({"form.submitted", "subscription.started", "lead.identified", "webinar.registered"})


class Step(NamedTuple):
    """One event before it is written; steps sort by arrival.

    Attributes:
        arrival: when the service gets it, microseconds UTC.
        number: breaks ties.
        kind: type of event.
        browser: where it happened, or None if the CRM reports it.
        person: whom it is about, where that matters.
        page: number of the page, or of the campaign for spend.
        detail: what chooses the properties.
        at: when it happened, microseconds UTC.
    """

    arrival: int
    number: int
    kind: str
    browser: Browser | None
    person: Person | None
    page: int
    detail: Detail
    at: int


def write(step: Step, event_id: str) -> Wire:
    """Write one event, with ``sent_at`` 40 ms before its arrival and the browser's clock error in both times."""
    if step.browser is not None:
        return _write_seen(step, step.browser, event_id)
    if step.person is not None:
        return _write_reported(step, step.person, event_id)
    return {
        **_head(step, event_id),
        "properties": properties.spend_properties(step.page, _deed(step), day_text(step.at)),
    }


def instant_text(instant: int) -> str:
    """Write an instant as a browser does: ISO 8601 with milliseconds and Z.

    Args:
        instant: microseconds UTC.
    """
    day, rest = divmod(instant, 86_400_000_000)
    minute = rest // 60_000_000
    return _day(day) + _MINUTES[minute] + _SECONDS[rest // 1_000 - minute * 60_000]


def day_text(instant: int) -> str:
    """Write the calendar day of an instant in microseconds UTC."""
    return _day(instant // 86_400_000_000)[:10]


@lru_cache(maxsize=4_096)
def _day(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).strftime("%Y-%m-%dT")


def _head(step: Step, event_id: str) -> Wire:
    return {
        "event_id": event_id,
        "type": step.kind,
        "occurred_at": instant_text(step.at),
        "sent_at": instant_text(step.arrival - 40_000),
    }


def _write_seen(step: Step, browser: Browser, event_id: str) -> Wire:
    arrival, _, kind, _, person, page, detail, at = step
    url, path, title = _PAGES[page]
    place: Wire = {"url": url, "path": path, "title": title}
    context: Wire = {"page": place, "user_agent": browser.user_agent, "locale": browser.locale}
    event: Wire = {
        "event_id": event_id,
        "type": kind,
        "anonymous_id": browser.anonymous_id,
        "occurred_at": instant_text(at + browser.skew),
        "sent_at": instant_text(arrival - 40_000 + browser.skew),
        "context": context,
    }
    if kind == "page.viewed":
        if type(detail) is Landing:
            _add_landing(place, context, detail)
    elif kind == "product.viewed":
        event["properties"] = properties.product_properties(page, _deed(step))
    elif kind == "file.downloaded":
        event["properties"] = properties.file_properties(str(detail))
    else:
        event["properties"] = properties.PROPERTIES[kind](person, _deed(step))
    if person is not None:
        _add_person(event, step, person)
    return event


def _add_landing(place: Wire, context: Wire, landing: Landing) -> None:
    """Add where the visit came from; about half of the clients name the campaign, for the rest the address tells."""
    if landing.referrer:
        place["referrer"] = landing.referrer
    if landing.campaign < 0:
        return
    campaign = CAMPAIGNS[landing.campaign]
    place["url"] = f"{place['url']}?{UTM_QUERIES[landing.campaign]}"
    if landing.told:
        context["campaign"] = {"source": campaign.source, "medium": campaign.medium, "name": campaign.name}
        context["campaign"].update(
            {key: value for key, value in (("term", campaign.term), ("content", campaign.content)) if value}
        )


def _add_person(event: Wire, step: Step, person: Person) -> None:
    if step.kind in _CAPTURES:
        event["traits"] = _claims(step, person)
    if person.user_id is not None:
        event["user_id"] = person.user_id


def _claims(step: Step, person: Person) -> Wire:
    """Return what the visitor types in: little for a newsletter, everything for a webinar or a price request."""
    traits = _identifiers(person)
    traits["first_name"] = person.first_name
    if step.kind == "subscription.started":
        return traits
    traits |= {"last_name": person.last_name, "job_title": person.job_title, "company": person.company}
    if step.kind == "webinar.registered" or step.page == PRICE_REQUEST:
        traits |= {"industry": person.industry, "annual_turnover": person.annual_turnover, "currency": "USD"}
    return traits


def _identifiers(person: Person) -> Wire:
    pairs = (("email", person.email), ("phone", person.phone))
    return {key: value for key, value in pairs if value is not None}


def _write_reported(step: Step, person: Person, event_id: str) -> Wire:
    event = _head(step, event_id)
    event["properties"] = properties.PROPERTIES[step.kind](person, _deed(step))
    if step.kind in _LETTERS:
        event["traits"] = {"email": person.email}
        return event
    event["crm_ids"] = {"hubspot": person.crm_id}
    event["author"] = person.seller
    if step.kind in _FIRST_HAND:
        event["traits"] = {**_identifiers(person), "last_name": person.last_name, "job_title": person.job_title}
    return event


def _deed(step: Step) -> int:
    return step.detail if isinstance(step.detail, int) else 0
