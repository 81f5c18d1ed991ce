"""What of an event is readable and what is sealed: nothing personal is readable, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_events.domain.errors import InvalidEvent, InvalidJson
from lead_events.domain.privacy import cut_url, is_readable, merge
from lead_events.domain.strict_json import parse
from tests.builders import lead_identified, make_event, page_viewed
from tests.domain.door import TROUBLE, VALUES, judge


@pytest.mark.parametrize(
    ("sent", "readable"),
    [
        ("https://shop.example/a?utm_source=x&b=1&GCLID=2#f", "https://shop.example/a?utm_source=x&GCLID=2"),
        ("https://anna:pw@shop.example:8443/a", "https://shop.example:8443/a"),
        ("//anna@shop.example/a", "//shop.example/a"),
        ("/pricing?email=x", "/pricing"),
        ("price list.pdf", "price list.pdf"),
        ("https://shop.example?promo=A&coupon=B&ref=anna@firm.example", "https://shop.example?promo=A&coupon=B"),
        ("https://shop.example/u/anna@firm.example/", None),
        ("https://shop.example/u/anna%40firm.example/", None),
        ("mailto:anna@firm.example", None),
        ("tel:+74951234567", None),
        ("javascript:alert(1)", None),
        ("https:\\\\anna:pw@shop.example", None),
        ("#only-a-fragment", ""),
    ],
)
def test_links_are_readable_without_what_may_be_personal(sent: str, readable: str | None) -> None:
    """Scheme, host, path and allowed parameters stay; credentials, fragments, other parameters and addresses go."""
    assert cut_url(sent) == readable


def test_a_page_view_keeps_its_place_readable_and_seals_the_rest() -> None:
    """The whole link comes back from the sealed part at the same place."""
    page = {"url": "https://shop.example/p?utm_term=a&who=anna", "path": "/p?who=anna", "search": "?who=anna"}
    context = {"page": page, "ip": "192.0.2.1", "user_agent": "UA", "locale": "ru", "campaign": {"id": 7, "x": "y"}}
    event = judge(page_viewed(context=context))
    assert event.plain["context"] == {
        "page": {"url": "https://shop.example/p?utm_term=a", "path": "/p"},
        "locale": "ru",
        "campaign": {"id": "7"},
    }
    assert merge(event.plain, event.personal)["context"] == {**context, "campaign": {"id": "7", "x": "y"}}


def test_the_browsers_header_is_used_only_if_the_event_names_no_user_agent() -> None:
    """The header is sealed, cut to a sane length and no part of what the client said."""
    assert judge(page_viewed(), user_agent="U" * 5_000).personal["context"]["user_agent"] == "U" * 1_000
    own = judge(page_viewed(context={"user_agent": "mine"}), user_agent="header")
    assert own.personal["context"]["user_agent"] == "mine"
    assert b"header" not in judge(page_viewed(), user_agent="header").said


@pytest.mark.parametrize(("owner", "part"), [("boris", "plain"), ("boris@firm.example", "personal"), ("b%40f", "personal")])
def test_a_plain_text_that_holds_an_address_is_sealed(owner: str, part: str) -> None:
    """An address is not readable even where a plain text is expected: in properties, the context and the author."""
    event = make_event("lead.assigned", owner=owner, author=owner, context={"locale": owner, "page": {"title": owner}})
    stored = getattr(judge(event, trusted=True), part)
    assert stored["properties"]["owner"] == stored["author"] == owner
    assert stored["context"] == {"locale": owner, "page": {"title": owner}}


def test_properties_of_custom_types_are_sealed() -> None:
    """Nothing of a custom type's properties is readable."""
    event = judge(make_event("robot.waved", arms=2, name="Anna"))
    assert "properties" not in event.plain
    assert event.personal["properties"] == {"arms": 2, "name": "Anna"}


def test_what_a_model_does_not_declare_is_sealed() -> None:
    """An unknown property of a built-in type is kept, sealed."""
    event = judge(page_viewed(properties={"name": "Pricing", "visitor_name": "Anna"}))
    assert event.plain["properties"] == {"name": "Pricing"}
    assert event.personal["properties"] == {"visitor_name": "Anna"}


@pytest.mark.parametrize(("reason", "part"), [("too_expensive", "plain"), ("Anna has no money", "personal")])
def test_a_reason_is_readable_if_it_is_a_code(reason: str, part: str) -> None:
    """Codes can be counted after an erasure; sentences are free text."""
    event = judge(make_event("deal.lost", reason=reason), trusted=True)
    assert getattr(event, part)["properties"]["reason"] == reason


def test_absent_values_are_not_stored() -> None:
    """Null and empty texts say nothing, wherever they stand."""
    event = judge(
        page_viewed(
            properties={"name": None, "category": "", "x": None},
            traits={"city": "", "plan": None},
            context={"page": {"title": None, "x": ""}, "campaign": {}, "locale": ""},
            user_id="",
        )
    )
    assert (event.plain, event.personal) == ({"occurred_at": "2026-11-21T12:00:00.000Z"}, {})


SAFE_TEXT = st.text("abcdefgh ", max_size=8)
PLACES: list[Callable[[str], dict[str, Any]]] = [
    lambda text: {"properties": {"fields": {"mail": text}, "form_id": "f"}},
    lambda text: {"properties": {"form_id": "f", "other": [text, "kept"]}},
    lambda text: {"context": {"who": text, "page": {"who": text}}},
]


@given(
    name=st.sampled_from(["page.viewed", "form.viewed", "lead.identified", "robot.waved"]),
    properties=st.dictionaries(SAFE_TEXT.filter(bool), SAFE_TEXT | st.integers(0, 9), max_size=3),
    traits=st.dictionaries(SAFE_TEXT.filter(bool), SAFE_TEXT, max_size=3),
    place=st.none() | st.sampled_from(PLACES),
)
def test_the_log_never_holds_a_strong_identifier(
    name: str, properties: dict[str, Any], traits: dict[str, Any], place: Callable[[str], dict[str, Any]] | None
) -> None:
    """No identifier stands in the readable or the sealed part, not even repeated in a form field."""
    event = make_event(
        name,
        properties={**properties, "form_id": "f"},
        traits={**traits, "email": "Canary.Mail@Firm.example", "phone": "8 (495) 987-65-43"},
        user_id="canary-user",
        crm_ids={"hubspot": "canary-crm"},
        lead_id="ld_canary",
        anonymous_id="canary-visitor",
    )
    if place:
        event.update(place(" Canary.Mail@firm.example"))
    admitted = judge(event, trusted=True)
    stored = json.dumps([admitted.plain, admitted.personal]).lower()
    assert "canary" not in stored
    assert "987-65-43" not in stored
    assert "9876543" not in stored


@given(st.dictionaries(st.sampled_from(["url", "path", "referrer", "title"]), st.text(max_size=30) | TROUBLE, max_size=4))
def test_nothing_readable_looks_like_an_address(page: dict[str, Any]) -> None:
    """No readable text of an event about a lead holds an ``@``, plain or percent-encoded."""
    try:
        event = judge(lead_identified(context={"page": page}))
    except InvalidEvent:
        return
    assert is_readable(json.dumps(event.plain))


@given(VALUES)
def test_reading_back_gives_what_was_sent(value: Any) -> None:
    """The two parts together are the event again."""
    event = page_viewed(properties={"x": value, "name": "Pricing"})
    try:
        admitted = judge(parse(json.dumps(event).encode()))
    except (InvalidEvent, InvalidJson):
        return
    kept = {"name": "Pricing"} if value is None or value == "" else {"x": value, "name": "Pricing"}
    assert merge(admitted.plain, admitted.personal)["properties"] == kept
