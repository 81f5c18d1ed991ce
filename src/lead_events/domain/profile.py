"""Who a lead is and where it came from: traits, identifiers, touches, visits, pages, owner."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from lead_events.domain.events import Event
from lead_events.domain.model import Model
from lead_events.domain.state import Lead
from lead_events.domain.times import MINUTE

SESSION_GAP = 30 * MINUTE
"""A visit ends after this long without an event of the same browser."""

_KEPT_PAGES = 50
KEPT_SESSIONS = 8

PUBLIC, PERSON, CRM = 0, 1, 2
"""Authority of a trait: claimed in public, edited by a person, verified by a CRM."""

_UTM = {"utm_source": "source", "utm_medium": "medium", "utm_campaign": "name", "utm_term": "term", "utm_content": "content"}
_NOTHING: dict[str, Any] = {}
_PROMO = ("promo_code", "promo", "coupon")


def apply(lead: Lead, event: Event, model: Model) -> bool:
    """Let one event change the profile.

    Returns:
        Whether something that the model's conditions look at (traits, contact, owner, visits) changed.
    """
    lead.events += 1
    if lead.created_at is None:
        lead.created_at = lead.stage_since = event.at
    fields = event.fields
    new_visit = _visit(lead, event)
    page = (fields.get("context") or {}).get("page")
    if page:
        _see_page(lead, event.type, page)
    if new_visit or page or "promo_code" in (fields.get("properties") or ()):
        _touch(lead, event, new_visit=new_visit)
    changed = (bool(fields.get("traits")) and _learn(lead, event)) or (new_visit and model.asks_visits)
    if event.type == "lead.traits_set":
        changed = _clear(lead, event) or changed
    if fields.get("user_id") is not None:
        lead.user_id = fields["user_id"]
    if fields.get("crm_ids"):
        lead.crm_ids.update(fields["crm_ids"])
    if event.type in _ASSIGNMENTS:
        _ASSIGNMENTS[event.type](lead, fields.get("properties") or {})
        return True
    return changed


def _visit(lead: Lead, event: Event) -> bool:
    if event.anonymous is None:
        return False
    ref = event.anonymous.hex()
    session = lead.sessions.get(ref)
    if session is not None and event.at - session[0] <= SESSION_GAP:
        session[0] = event.at
        return False
    lead.visits += 1
    if session is None and len(lead.sessions) >= KEPT_SESSIONS:
        del lead.sessions[min(lead.sessions, key=lambda known: (lead.sessions[known][0], known))]
    lead.sessions[ref] = [event.at, lead.visits, {}]
    return True


def _see_page(lead: Lead, type_: str, page: dict[str, Any]) -> None:
    path = page.get("path")
    if type_ != "page.viewed" or not path:
        return
    if path in lead.pages:
        lead.pages[path] += 1
    elif len(lead.pages) < _KEPT_PAGES:
        lead.pages[path] = 1
    else:
        lead.other_pages += 1


def _touch(lead: Lead, event: Event, *, new_visit: bool) -> None:
    """Keep the first touch for ever, and the last one that came from somewhere."""
    context = event.fields.get("context") or _NOTHING
    page = context.get("page") or _NOTHING
    url = page.get("url") or ""
    promo = (event.fields.get("properties") or _NOTHING).get("promo_code")
    campaign = context.get("campaign")
    if "?" in url:
        campaign = campaign or campaign_of(url)
        promo = promo or promo_of(url)
    referrer = external_referrer(url, page.get("referrer") or "") if new_visit else None
    if lead.first_touch is not None and not (campaign or promo or referrer):
        return
    campaign = campaign or _NOTHING
    touch = {
        "at": event.at,
        "source": campaign.get("source"),
        "medium": campaign.get("medium"),
        "campaign": campaign.get("campaign") or campaign.get("name"),
        "term": campaign.get("term"),
        "content": campaign.get("content"),
        "promo_code": promo,
        "referrer": referrer,
        "landing_page": page.get("path"),
    }
    if lead.first_touch is None:
        lead.first_touch = touch
    lead.last_touch = touch


@lru_cache(maxsize=65_536)
def campaign_of(url: str) -> dict[str, str]:
    """Return the campaign that a page's URL names by its utm parameters (``utm_campaign`` is the campaign's name)."""
    return {_UTM[name]: value for name, value in _query(url) if name in _UTM and value}


@lru_cache(maxsize=65_536)
def promo_of(url: str) -> str | None:
    """Return the promo code that a page's URL carries."""
    return next((value for name, value in _query(url) if name in _PROMO and value), None)


@lru_cache(maxsize=65_536)
def external_referrer(url: str, referrer: str) -> str | None:
    """Return the referrer when it is another site than the page."""
    if not referrer:
        return None
    try:
        host = urlsplit(referrer).hostname
        return referrer if host and host != urlsplit(url).hostname else None
    except ValueError:
        return None


@lru_cache(maxsize=65_536)
def _query(url: str) -> tuple[tuple[str, str], ...]:
    if "?" not in url:
        return ()
    try:
        return tuple(parse_qsl(urlsplit(url).query))
    except ValueError:
        return ()


def _learn(lead: Lead, event: Event) -> bool:
    """Take over traits: a higher authority wins, within one the newest; canonical order makes the newest the last."""
    authority = authority_of(event)
    changed = False
    for name, value in event.fields["traits"].items():
        entry = lead.traits.get(name)
        if value is None or (entry is not None and entry[3] > authority):
            continue
        changed = changed or entry is None or entry[0] != value
        lead.traits[name] = [value, event.at, event.position, authority]
    return changed


def authority_of(event: Event) -> int:
    """Return how much a trait of this event is worth: CRM-verified > edited by a person > claimed in public."""
    if not event.fields.get("trusted"):
        return PUBLIC
    return PERSON if event.fields.get("author") else CRM


def _clear(lead: Lead, event: Event) -> bool:
    """Empty the traits that the event names, except those of a higher authority."""
    authority = authority_of(event)
    cleared = (event.fields.get("properties") or _NOTHING).get("cleared") or ()
    gone = [name for name in cleared if name in lead.traits and lead.traits[name][3] <= authority]
    for name in gone:
        del lead.traits[name]
    return bool(gone)


def _assign(lead: Lead, properties: dict[str, Any]) -> None:
    lead.owner = properties.get("owner")


def _unassign(lead: Lead, _properties: dict[str, Any]) -> None:
    lead.owner = None


_ASSIGNMENTS = {
    "lead.assigned": _assign,
    "lead.unassigned": _unassign,
}
