"""Who a lead is and where it came from: touches, visits, traits by authority, owner, what it must not receive."""

from __future__ import annotations

from typing import Any

import pytest

from tests.given import given, happened, identified, instant, viewed

AD = "/landing?utm_source=google&utm_medium=cpc&utm_campaign=spring&utm_term=crm&utm_content=red&promo=SPRING"


def came(after: str, url: str, referrer: str | None = None, **said: Any) -> dict[str, Any]:
    """A page view with a full URL."""
    page = {"url": f"https://shop.example{url}", "path": url.partition("?")[0]}
    return viewed(after, context={"page": page | ({"referrer": referrer} if referrer else {})}, **said)


def test_the_first_touch_is_kept_for_ever() -> None:
    """Where a lead first came from never changes; the last touch is the last one that came from somewhere."""
    folded = given(came("0", AD), came("9d", "/?utm_source=mail"), came("10d", "/pricing")).folded()
    assert folded.lead.first_touch == {
        "at": instant("0"), "source": "google", "medium": "cpc", "campaign": "spring", "term": "crm", "content": "red",
        "promo_code": "SPRING", "referrer": None, "landing_page": "/landing",
    }  # fmt: skip
    assert (folded.lead.last_touch or {})["source"] == "mail"


def test_a_late_event_earlier_than_the_first_touch_becomes_it() -> None:
    """First means first to happen, not first to arrive."""
    lead = given(came("5d", AD), came("1d", "/?utm_source=fair")).folded().lead
    assert (lead.first_touch or {})["source"] == "fair"
    assert lead.created_at == instant("1d")
    assert (lead.last_touch or {})["source"] == "google"


def test_a_first_touch_from_nowhere_is_one() -> None:
    """Direct traffic is where it came from, whatever comes later."""
    lead = given(came("0", "/"), came("1d", AD)).folded().lead
    assert (lead.first_touch or {"source": "none"})["source"] is None
    assert (lead.last_touch or {})["source"] == "google"


def test_a_campaign_that_the_sender_names_goes_first() -> None:
    """``context.campaign`` is worth more than the URL."""
    context = {"campaign": {"source": "linkedin", "name": "abm"}, "page": {"url": f"https://shop.example{AD}", "path": "/"}}
    touch = given(viewed("0", context=context)).folded().lead.first_touch or {}
    assert (touch["source"], touch["campaign"]) == ("linkedin", "abm")


def test_only_another_site_is_a_referrer() -> None:
    """One's own pages refer nobody; a visit from another site does, once per visit."""
    lead = given(came("0", "/", "https://shop.example/blog"), came("1d", "/b", "https://news.example/")).folded().lead
    assert (lead.first_touch or {"referrer": ""})["referrer"] is None
    assert (lead.last_touch or {})["referrer"] == "https://news.example/"


@pytest.mark.parametrize("url", ["https://[broken", "https://shop.example/?%ff=%00&utm_source=%00", ""])
def test_broken_links_break_nothing(url: str) -> None:
    """Whatever stands in a link, the lead is folded."""
    given(viewed("0", context={"page": {"url": url, "path": "/", "referrer": url}})).then(visits=1, events=1)


def test_promo_codes_are_touches() -> None:
    """A form with a promo code says where somebody came from."""
    lead = given(viewed("0"), happened("1h", "form.submitted", promo_code="FLYER")).folded().lead
    assert (lead.last_touch or {})["promo_code"] == "FLYER"


def test_visits_end_after_thirty_minutes_of_silence() -> None:
    """Silence of exactly thirty minutes is one visit, a microsecond more is two."""
    given(viewed("0"), viewed("30m"), viewed("60m")).then(visits=1)
    given(viewed("0"), viewed(30 * 60_000_000 + 1)).then(visits=2)


def test_visits_are_of_one_browser() -> None:
    """Two browsers at once are two visits; an event without a browser is none."""
    given(viewed("0", anonymous_id="a", user_id="u"), viewed("1m", anonymous_id="b", user_id="u")).then(visits=2)
    given(happened("0", "call.logged", anonymous_id=None, user_id="u")).then(visits=0, created_at=instant("0"))


def test_many_browsers_at_one_instant() -> None:
    """However many browsers a lead uses, at whatever equal times, its state stays small and its fold whole."""
    seen = [viewed("0", "/pricing", anonymous_id=f"b{number}", user_id="u") for number in range(40)]
    folded = given(*seen).then(visits=40)
    assert len(folded.lead.sessions) == 8


def test_visits_are_looked_at_when_they_happen() -> None:
    """A condition on visits holds from the visit that fulfils it."""
    model = {"scores": {"s": {"rules": []}}, "definitions": {"regular": {"visits": {"at_least": 2}}}}
    given(viewed("0")).under(model).then(met=set())
    given(viewed("0"), viewed("1d")).under(model).then(met={"regular"}, qualified_at=instant("1d"))


def test_pages_are_counted_and_bounded() -> None:
    """The fifty first paths are counted one by one, the others together."""
    folded = given(*[viewed(f"{number + 1}m", f"/{number}") for number in range(60)], viewed("90m", "/0")).then(other_pages=10)
    assert (len(folded.lead.pages), folded.lead.pages["/0"]) == (50, 2)


def test_within_one_authority_the_newest_wins() -> None:
    """What somebody said later holds, whenever it arrived."""
    lead = given(identified("2d", city="Riga"), identified("1d", city="Oslo")).folded().lead
    assert lead.trait("city") == "Riga"


def test_a_public_claim_never_overwrites_what_a_crm_verified() -> None:
    """CRM over person over public, whatever comes later."""
    verified = happened("1d", "deal.won", traits={"company": "Firm"})
    edited = happened("2d", "lead.traits_set", traits={"company": "Firma", "city": "Riga"})
    claimed = identified("3d", company="ACME", city="Oslo")
    lead = given(verified, edited, claimed).folded().lead
    assert (lead.trait("company"), lead.trait("city")) == ("Firm", "Riga")


def test_cleared_traits_are_gone() -> None:
    """A person may empty what was claimed or edited, not what a CRM verified; a contact that goes takes the contact along."""
    cleared = happened("2d", "lead.traits_set", cleared=["company", "city", "email"], anonymous_id="visitor-1")
    history = [identified("0", city="Oslo"), happened("1d", "deal.won", traits={"company": "Firm"}), cleared]
    folded = given(*history).folded()
    assert (folded.lead.trait("company"), folded.lead.trait("city"), folded.lead.contact) == ("Firm", None, False)


def test_identifiers_are_kept_as_facts() -> None:
    """User and CRM ids are shown; several CRMs stand side by side."""
    history = [viewed("0", user_id="u1"), viewed("1m", user_id="u1", crm_ids={"hubspot": "1"}, trusted=True)]
    given(*history, viewed("2m", crm_ids={"zoho": "2"}, trusted=True)).then(user_id="u1", crm_ids={"hubspot": "1", "zoho": "2"})


def test_owner_comes_and_goes() -> None:
    """Assigning and unassigning are events of the lead."""
    given(viewed("0"), happened("1h", "lead.assigned", owner="boris")).then(owner="boris")
    given(viewed("0"), happened("1h", "lead.assigned", owner="boris"), happened("2h", "lead.unassigned")).then(owner=None)


def test_what_must_not_be_sent() -> None:
    """Unsubscribing, complaining and withdrawing consent close a channel; a new consent opens it."""
    given(identified("0"), happened("1h", "email.complained")).then(do_not_contact=["email"])
    closed = [happened("1h", "consent.withdrawn", purpose="contact", channel="phone"), happened("2h", "email.unsubscribed")]
    given(identified("0"), *closed).then(do_not_contact=["email", "phone"])
    given(identified("0"), *closed, happened("3h", "consent.granted", channel="email")).then(do_not_contact=["phone"])
