"""What tests of the door share: admitting as a write key does, and JSON values that make trouble."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st

from lead_events.domain.errors import InvalidEvent
from lead_events.domain.events import NewEvent
from lead_events.domain.times import parse_instant
from lead_events.domain.wire import admit

ARRIVAL = parse_instant("2026-11-21T12:00:10Z")


def judge(event: object, **door: Any) -> NewEvent:
    """Admit an event as sent with a write key, unless told otherwise."""
    knowledge: dict[str, Any] = {"arrival": ARRIVAL, "trusted": False, "phone_region": "RU", "new_event_id": lambda: "new"}
    return admit(event, **{**knowledge, **door})


def refuse(event: object, **door: Any) -> InvalidEvent:
    """Expect an event to be refused and give the error."""
    with pytest.raises(InvalidEvent) as caught:
        judge(event, **door)
    return caught.value


TROUBLE = (
    st.sampled_from(
        [
            "\ud800",
            "\0",
            float("nan"),
            float("inf"),
            -0.0,
            2**53 + 1,
            2**63,
            -(2**63) - 1,
            2**64,
            10**400,
            "",
            None,
            "__proto__",
            "\u202e",
            "e\u0301",
            "\u0430nna@firm.example",
            "anna@firm.example",
            "+74951234567",
            True,
            "x" * 300,
            "page.viewed",
            "deal.won",
            "2026-11-21T12:00:00Z",
            "https://a:b@c.example/?d=e",
        ]
    )
    | st.text(st.characters(categories=["Cs", "L", "Cc"]), max_size=5)
    | st.integers()
    | st.floats()
)
VALUES = st.recursive(
    TROUBLE,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["page", "url", "campaign", "email", "phone", "x", "form_id", "\ud800"]), inner)
    ),
    max_leaves=12,
)
"""Any JSON value, and what Python's own JSON lets through: surrogates, NUL, NaN, integers of any size."""
