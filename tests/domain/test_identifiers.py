"""Identifiers: one form for all spellings of one person, and different forms for different people."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lead_events.domain.errors import InvalidEvent
from lead_events.domain.events import Identifier, IdentifierKind
from lead_events.domain.identifiers import (
    normalise_crm_ids,
    normalise_email,
    normalise_id,
    normalise_lead_id,
    normalise_phone,
)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Anna@Firm.Example", "anna@firm.example"),
        ("  anna@firm.example\n", "anna@firm.example"),
        ("anna+tag@firm.example", "anna+tag@firm.example"),
        ("a.n.n.a@gmail.com", "a.n.n.a@gmail.com"),
        ("ANNA@ПОЧТА.РФ", "anna@почта.рф"),
        ("anna@xn--80a1acny.xn--p1ai", "anna@почта.рф"),
        ("jose\u0301@firm.test", "jos\u00e9@firm.test"),
    ],
)
def test_one_address_has_one_form(sent: str, kept: str) -> None:
    """Case, surrounding spaces, composition and punycode do not make another person; mailbox rules are not guessed."""
    assert normalise_email(sent) == kept


def test_a_homoglyph_is_another_address() -> None:
    """A Cyrillic letter that looks Latin never joins two people."""
    assert normalise_email("\u0430nna@firm.example") != normalise_email("anna@firm.example")


@pytest.mark.parametrize(
    ("sent", "region", "kept"),
    [
        ("+7 (495) 123-45-67", None, "+74951234567"),
        ("8 495 123 45 67", "RU", "+74951234567"),
        (84951234567, "RU", "+74951234567"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("tel:+1-202-555-0143", None, "+12025550143"),
        ("+7 (999) 000-00-00", None, "+79990000000"),
    ],
)
def test_one_number_has_one_form(sent: object, region: str | None, kept: str) -> None:
    """Every spelling becomes E.164; a number without a country code takes the default region's."""
    assert normalise_phone(sent, region) == kept


def test_a_number_without_country_needs_a_region() -> None:
    """Without a default region the country is not guessed."""
    with pytest.raises(InvalidEvent) as caught:
        normalise_phone("8 495 123 45 67", None)
    assert caught.value.pointer == "/traits/phone"


@pytest.mark.parametrize(("sent", "kept"), [("x", "x"), (42, "42"), (0, "0"), (1.5, "1.5"), (" x ", " x ")])
def test_ids_become_text(sent: object, kept: str) -> None:
    """Numbers become texts; texts stay as they are."""
    assert normalise_id(sent, "/user_id") == kept


@pytest.mark.parametrize("sent", [True, None, "", [], ["x"], {}, "x" * 257])
def test_other_ids_are_refused_by_name(sent: object) -> None:
    """What is no id is refused with its field named."""
    with pytest.raises(InvalidEvent) as caught:
        normalise_id(sent, "/user_id")
    assert (caught.value.code, caught.value.pointer) == ("invalid_field", "/user_id")


def test_lists_are_told_that_an_event_is_about_one_person() -> None:
    """More than one identifier of a kind is refused with that reason, the field named."""
    refusals: list[Callable[[], object]] = [
        lambda: normalise_email(["a@b.example", "c@d.example"]),
        lambda: normalise_phone(["+74951234567"], None),
        lambda: normalise_id(["a"], "/anonymous_id"),
        lambda: normalise_crm_ids({"hubspot": ["1", "2"]}),
    ]
    for refused in refusals:
        with pytest.raises(InvalidEvent, match="one person") as caught:
            refused()
        assert caught.value.pointer


def test_crm_ids_are_one_per_system_in_order() -> None:
    """Systems are sorted, numbers become texts, absent ones are left out."""
    assert normalise_crm_ids({"salesforce": "00Q", "hubspot": 501, "bitrix": None}) == (
        Identifier(IdentifierKind.CRM, "501", "hubspot"),
        Identifier(IdentifierKind.CRM, "00Q", "salesforce"),
    )


@pytest.mark.parametrize("sent", [[], "hubspot", {"Hub Spot": "1"}, {"h" * 33: "1"}, {f"s{n}": "1" for n in range(9)}])
def test_other_crm_ids_are_refused(sent: object) -> None:
    """Another shape, a bad system name or a ninth system is refused."""
    with pytest.raises(InvalidEvent) as caught:
        normalise_crm_ids(sent)
    assert caught.value.pointer == "/crm_ids"


@pytest.mark.parametrize("sent", ["ld_", "lead", 1, "ld_a b", "LD_1", "ld_" + "x" * 65])
def test_lead_ids_have_a_shape(sent: object) -> None:
    """Only what this service gives out can be a lead id."""
    assert normalise_lead_id("ld_3fG9") == "ld_3fG9"
    with pytest.raises(InvalidEvent):
        normalise_lead_id(sent)


def test_errors_do_not_repeat_the_identifier() -> None:
    """A refused address or number appears in no part of the error."""
    refusals: list[Callable[[], object]] = [
        lambda: normalise_email("anna(at)firm.example"),
        lambda: normalise_phone("anna's phone", "RU"),
    ]
    for refused in refusals:
        with pytest.raises(InvalidEvent) as caught:
            refused()
        assert "anna" not in f"{caught.value} {caught.value.args} {caught.value.errors}"
