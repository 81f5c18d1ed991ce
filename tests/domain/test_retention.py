"""Whose data may stay how long: classes by how far somebody ever came, periods in months of the calendar."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lead_events.domain.event_types.registry import TYPES
from lead_events.domain.retention import CONTACTS, Periods, RetentionClass, classify, limit_of, months_before
from lead_events.domain.state import Lead
from lead_events.domain.times import DAY, format_instant, parse_instant


def lead(**fields: object) -> Lead:
    """Make a lead of whom these things are known."""
    made = Lead(1, 1, 0, 0)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


EMAIL = {"email": ["ada@firm.example", 0, 1, 0]}


@pytest.mark.parametrize(
    ("known", "class_"),
    [
        ({}, RetentionClass.VISITOR),
        ({"traits": EMAIL, "stage": "lead"}, RetentionClass.UNQUALIFIED),
        ({"user_id": "u"}, RetentionClass.UNQUALIFIED),
        ({"crm_ids": {"crm": "1"}}, RetentionClass.UNQUALIFIED),
        ({"traits": EMAIL, "stage": "lead", "qualified_at": 5}, RetentionClass.PROSPECT),
        ({"traits": EMAIL, "stage": "opportunity"}, RetentionClass.PROSPECT),
        ({"traits": EMAIL, "stage": "lead", "history": [[1, "mql", "x", 1], [2, "lead", "y", None]]}, RetentionClass.PROSPECT),
        ({"traits": EMAIL, "stage": "customer"}, RetentionClass.CUSTOMER),
        ({"traits": EMAIL, "stage": "recycled", "history": [[1, "customer", "x", 1]]}, RetentionClass.CUSTOMER),
    ],
)
def test_the_class_is_how_far_somebody_ever_came(known: dict[str, object], class_: RetentionClass) -> None:
    """Cooling, recycling and losing a deal make nobody a stranger again."""
    assert classify(lead(**known)) is class_


@pytest.mark.parametrize(
    ("instant", "months", "earlier"),
    [
        ("2026-11-21T12:00:00Z", 13, "2025-10-21T12:00:00.000000Z"),
        ("2026-03-31T12:00:00Z", 1, "2026-02-28T12:00:00.000000Z"),
        ("2026-01-15T00:00:00Z", 24, "2024-01-15T00:00:00.000000Z"),
    ],
)
def test_months_are_those_of_the_calendar(instant: str, months: int, earlier: str) -> None:
    """A day that a month lacks becomes its 28th: never a day too early to be forgotten by more than three."""
    assert format_instant(months_before(parse_instant(instant), months)) == earlier


@given(st.integers(0, 4_000_000_000 * 1_000_000), st.integers(1, 300))
def test_a_longer_period_never_ends_earlier(instant: int, months: int) -> None:
    """More months, an earlier limit; and a month is between 28 and 34 days."""
    assert months_before(instant, months + 1) < months_before(instant, months)
    assert 28 * DAY <= instant - months_before(instant, 1) <= 34 * DAY


def test_customers_and_periods_of_zero_have_no_limit() -> None:
    """Nobody is forgotten whom no period covers."""
    assert limit_of(RetentionClass.CUSTOMER, Periods(), 10**15) is None
    assert limit_of(RetentionClass.VISITOR, Periods(visitor_months=0), 10**15) is None


def test_contacts_are_types_that_exist() -> None:
    """A renamed type would silently stop counting."""
    assert set(CONTACTS) <= set(TYPES)
