"""The door's rules: what is admitted, under which time and identifiers, and what is refused and why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lead_events.domain.errors import InvalidEvent, InvalidJson
from lead_events.domain.event_types import TYPES
from lead_events.domain.events import Identifier, IdentifierKind
from lead_events.domain.strict_json import parse
from lead_events.domain.times import DAY, SECOND, YEAR_2000, format_instant, parse_instant
from tests.builders import EXAMPLES, deal_won, form_submitted, make_event, page_viewed, spend_recorded
from tests.domain.corpus import CORPUS
from tests.domain.door import ARRIVAL, VALUES, judge, refuse


@pytest.mark.parametrize(("name", "body", "code"), CORPUS, ids=[name for name, _, _ in CORPUS])
def test_hostile_bodies_are_answered_as_the_corpus_says(name: str, body: bytes, code: str) -> None:
    """Every hostile body is admitted or refused with its code, never anything else."""
    try:
        event = judge(parse(body))
    except InvalidJson:
        answer = "invalid_json"
    except InvalidEvent as error:
        answer = error.code
    else:
        answer = "ok"
        assert event.identifiers
        assert event.at <= ARRIVAL
    assert answer == code


def test_the_corpus_is_large_and_its_names_are_unique() -> None:
    """No case hides another, and the corpus does not shrink unseen."""
    assert len({name for name, _, _ in CORPUS}) == len(CORPUS) >= 300


# Times


@pytest.mark.parametrize(
    ("occurred", "sent", "at"),
    [
        (None, None, 0),
        (None, -5, 0),
        (-60, None, -60),
        (-60, -5, -55),
        (-60, 5, -65),
        (60, None, 0),
        (60, 70, -10),
        (-60, -120, 0),
    ],
)
def test_time_is_corrected_by_the_clients_clock_error_and_never_after_arrival(
    occurred: int | None, sent: int | None, at: int
) -> None:
    """All figures are seconds after arrival; an absent time is the arrival."""
    event = page_viewed(
        occurred_at=None if occurred is None else format_instant(ARRIVAL + occurred * SECOND),
        sent_at=None if sent is None else format_instant(ARRIVAL + sent * SECOND),
    )
    assert judge(event).at == ARRIVAL + at * SECOND


def test_a_wrong_sent_at_leaves_the_time_as_sent() -> None:
    """A clock error of millennia is no correction; before 2000 is refused only if the event says so itself."""
    assert judge(page_viewed(sent_at="9999-01-01T00:00:00Z")).at == parse_instant("2026-11-21T12:00:00Z")
    error = refuse(page_viewed(occurred_at="1999-12-31T23:59:59Z"))
    assert (error.code, error.pointer) == ("invalid_time", "/occurred_at")


def test_a_clock_stuck_in_1970_is_corrected() -> None:
    """Both times of a device without a clock are wrong by the same amount."""
    event = page_viewed(occurred_at="1970-01-01T00:00:00Z", sent_at="1970-01-01T00:01:00Z")
    assert judge(event).at == ARRIVAL - 60 * SECOND


@given(occurred=st.integers(-20_000, 20_000), sent=st.none() | st.integers(-20_000, 20_000))
def test_time_is_always_between_2000_and_arrival(occurred: int, sent: int | None) -> None:
    """Whatever the client's clocks say, in days around arrival, the event lies in the log's time or is refused."""
    event = page_viewed(occurred_at=format_instant(ARRIVAL + occurred * DAY))
    if sent is not None:
        event["sent_at"] = format_instant(ARRIVAL + sent * DAY)
    try:
        at = judge(event).at
    except InvalidEvent as error:
        assert error.code == "invalid_time"  # noqa: PT017 - either outcome is right
    else:
        assert YEAR_2000 <= at <= ARRIVAL


# Identifiers


def test_identifiers_are_ranked_and_normalised() -> None:
    """The order is lead, CRM, user, e-mail, phone, anonymous, whatever the order of sending."""
    event = form_submitted(
        traits={"phone": "8 495 123-45-67", "email": "Anna@Firm.example"},
        user_id=7,
        crm_ids={"salesforce": "b", "hubspot": 1},
        lead_id="ld_1",
    )
    kinds = IdentifierKind
    assert judge(event, trusted=True).identifiers == (
        Identifier(kinds.LEAD, "ld_1"),
        Identifier(kinds.CRM, "1", "hubspot"),
        Identifier(kinds.CRM, "b", "salesforce"),
        Identifier(kinds.USER, "7"),
        Identifier(kinds.EMAIL, "anna@firm.example"),
        Identifier(kinds.PHONE, "+74951234567"),
        Identifier(kinds.ANONYMOUS, "visitor-1"),
    )


def test_spend_is_about_no_lead() -> None:
    """Spend has no identifiers and nothing sealed, and refuses to name a person or anything undeclared."""
    event = judge(spend_recorded(author="anna@firm.example", context={"ip": "192.0.2.1"}), trusted=True, user_agent="x")
    assert (event.identifiers, event.personal) == ((), {})
    assert refuse(spend_recorded(anonymous_id="a"), trusted=True).pointer == "/anonymous_id"
    assert refuse(spend_recorded(traits={"email": "a@b.example"}), trusted=True).pointer == "/traits"
    assert refuse(spend_recorded(payer="Anna"), trusted=True).pointer == "/properties/payer"


# What each key may say


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_write_key_may_say_what_a_browser_can_witness(name: str) -> None:
    """Public types pass both keys, private ones the secret key, the service's own ones neither."""
    event, kind = make_event(name), TYPES[name]
    if kind.server_only:
        assert refuse(event).code == refuse(event, trusted=True).code == "not_allowed"
        assert judge(event, own=True).type == name
        return
    assert judge(event, trusted=True).plain["trusted"] is True
    if kind.public:
        assert "trusted" not in judge(event).plain
    else:
        assert refuse({**event, "author": None}).code == "not_allowed_for_write_key"


@pytest.mark.parametrize("field", [{"lead_id": "ld_1"}, {"crm_ids": {"hubspot": "1"}}, {"author": "boris"}])
def test_fields_that_need_a_secret_key(field: dict[str, Any]) -> None:
    """A write key cannot name a lead, a CRM's id or an author; null says nothing and passes."""
    (name,) = field
    assert refuse(page_viewed(**field)).pointer == f"/{name}"
    assert name.encode() in judge(page_viewed(**field), trusted=True).said
    assert name.encode() not in judge({**page_viewed(), name: None}).said


@pytest.mark.parametrize("name", ["lead.traits_set", "lead.overridden", "lead.override_withdrawn"])
def test_acts_of_people_name_their_author(name: str) -> None:
    """Who set traits or overrode the machine is required."""
    assert refuse(make_event(name, author=None), trusted=True).pointer == "/author"


def test_an_event_cannot_claim_to_be_trusted() -> None:
    """Trust comes from the key alone; unknown fields are never stored."""
    event = judge({**page_viewed(), "trusted": True, "position": 1, "write_key": "wk_canary", "junk": "canary"})
    assert "trusted" not in event.plain
    assert b"canary" not in event.said + json.dumps([event.plain, event.personal]).encode()


# Ids, sameness


def test_an_id_is_made_when_there_is_none() -> None:
    """An event keeps its id; null, empty and absent get a new one."""
    assert judge(page_viewed(event_id="e:1.2-3_4")).event_id == "e:1.2-3_4"
    assert [judge({**page_viewed(), "event_id": absent}).event_id for absent in (None, "")] == ["new", "new"]


def test_a_retry_says_the_same() -> None:
    """Another sending time, id, key order, arrival or browser header does not make another event."""
    first = judge(form_submitted(user_id=1, properties={"form_id": "f", "fields": {"a": 1, "b": 2}}, event_id="e"))
    retry = form_submitted(user_id=1, properties={"fields": {"b": 2, "a": 1}, "form_id": "f"}, event_id="f")
    again = judge({**retry, "sent_at": "2026-11-21T13:00:00Z", "write_key": "wk"}, arrival=ARRIVAL + 1, user_agent="x")
    assert again.said == first.said


@pytest.mark.parametrize(
    "change",
    [
        {"type": "page.seen"},
        {"anonymous_id": "other"},
        {"user_id": "u"},
        {"occurred_at": "2026-11-21T12:00:01Z"},
        {"occurred_at": None},
        {"properties": {"name": "x"}},
        {"traits": {"city": "x"}},
        {"context": {"locale": "x"}},
        {"crm_ids": {"hubspot": "1"}},
        {"lead_id": "ld_1"},
        {"author": "x"},
    ],
    ids=str,
)
def test_anything_else_that_is_said_makes_another_event(change: dict[str, Any]) -> None:
    """Every part of what the client says tells events apart."""
    assert judge(page_viewed(**change), trusted=True).said != judge(page_viewed(), trusted=True).said


@pytest.mark.parametrize(("sent", "kept"), [("1200.50", "1200.50"), (1200, "1200"), (19.9, "19.9")])
def test_amounts_are_decimal_texts(sent: object, kept: str) -> None:
    """Amounts are kept as written and currencies in capitals."""
    event = judge(deal_won(amount=sent, currency="eur"), trusted=True)
    assert event.plain["properties"]["amount"] == kept
    assert event.plain["properties"]["currency"] == "EUR"


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"score": None, "value": None, "stage": "sal"}, True),
        ({"stage": "sal"}, False),
        ({"score": None, "value": None}, False),
        ({"value": None}, False),
        ({"expires_at": "tomorrow"}, False),
    ],
    ids=str,
)
def test_an_override_names_a_score_with_a_value_or_a_stage(change: dict[str, Any], fits: bool) -> None:
    """An override without a target, with two, or without its value is refused."""
    event = make_event("lead.overridden", **change)
    if fits:
        assert judge(event, trusted=True).type == "lead.overridden"
    else:
        assert refuse(event, trusted=True).code == "invalid_field"


# Errors


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"amount": "1.000,50"}, "/properties/amount: write an amount with a point"),
        ({"amount": "-5"}, "never a negative one"),
        ({"amount": "5", "currency": "euro"}, "/properties/currency: write the three letters of a currency"),
    ],
)
def test_a_text_with_a_form_of_its_own_is_told_in_words(properties: dict[str, str], words: str) -> None:
    """Whoever connects a CRM reads what to write, and no regular expression."""
    event = {"type": "deal.won", "traits": {"email": "anna@firm.example"}, "properties": properties}
    assert words in str(refuse(event, trusted=True))
    noted = {"type": "lead.noted", "traits": {"email": "anna@firm.example"}, "author": "zoe"}
    assert "/properties/text: this is needed." in str(refuse(noted, trusted=True))


def test_every_wrong_field_is_named_and_no_value_repeated() -> None:
    """A client sees all mistakes of the properties at once, and logs see no personal value."""
    error = refuse(make_event("page.left", seconds="canary", depth="canary"))
    assert [each["pointer"] for each in error.errors] == ["/properties/seconds", "/properties/depth"]
    assert "canary" not in f"{error} {error.args} {error.errors}"


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_no_error_of_any_model_repeats_a_value(name: str) -> None:
    """Each declared property in turn gets a value of a wrong kind."""
    declared = TYPES[name].properties.model_fields
    refused = 0
    for field in declared:
        for wrong in ({"canary": "canary"}, ["canary"] * 200, "canary" * 2_000):
            try:
                judge(make_event(name, **{field: wrong}), trusted=True, own=True)
            except InvalidEvent as error:
                refused += 1
                assert "canary" not in f"{error} {error.args} {error.errors}"  # noqa: PT017
    assert refused or not declared


@pytest.mark.parametrize("levels", [21, 100, 300, 5_000])
def test_depth_is_bounded_without_the_parser_too(levels: int) -> None:
    """A caller that decoded the event elsewhere gets a refusal, never a recursion error."""
    deep: Any = 1
    for _ in range(levels):
        deep = [deep]
    assert refuse(page_viewed(properties={"x": deep})).code in {"too_large", "invalid_event"}


# Anything at all

FIELD_NAMES = st.sampled_from([
    "event_id", "anonymous_id", "user_id", "crm_ids", "lead_id", "occurred_at", "sent_at", "properties", "traits",
    "context", "author", "junk",
])  # fmt: skip
EVENTS = st.builds(
    lambda name, fields: {"type": name, **fields},
    st.sampled_from([*TYPES, "robot.waved"]) | VALUES,
    st.dictionaries(FIELD_NAMES, VALUES, max_size=6),
)


@given(event=EVENTS | VALUES, trusted=st.booleans())
@example(event={"type": "page.viewed", "anonymous_id": "a", "traits": {"\ud800": 1}}, trusted=False)
@example(event={"type": "page.viewed", "anonymous_id": "a", "properties": {"x": 10**400}}, trusted=False)
def test_anything_is_admitted_or_refused(event: object, trusted: bool) -> None:
    """Whatever Python value comes in, a ``NewEvent`` or an ``InvalidEvent`` comes out."""
    try:
        admitted = judge(event, trusted=trusted)
    except InvalidEvent as error:
        str(error).encode()
        assert error.code  # noqa: PT017 - either outcome is right
    else:
        assert admitted.at <= ARRIVAL
        assert admitted.said.decode()


@given(event=EVENTS | VALUES)
def test_anything_written_as_json_is_admitted_or_refused(event: object) -> None:
    """The same through bytes, where Python's writer lets NaN and surrogates through; what passes can be stored."""
    try:
        admitted = judge(parse(json.dumps(event).encode()), trusted=True)
    except (InvalidEvent, InvalidJson):
        return
    stored = json.dumps([admitted.plain, admitted.personal], allow_nan=False, ensure_ascii=False)
    assert "\0" not in stored
    assert json.loads(stored.encode()) == [admitted.plain, admitted.personal]
