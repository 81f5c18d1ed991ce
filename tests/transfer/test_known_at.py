"""When a fact was known to whoever recorded it: said with a secret key only, and stored as it was said."""

from __future__ import annotations

import pytest

from lead_events.domain.errors import InvalidEvent
from lead_events.domain.wire import admit
from tests import builders
from tests.logs import ARRIVAL


def known_at(text: object, *, trusted: bool) -> object:
    """Admit an event that says when it was known, and return what is stored of it."""
    event = {**builders.page_viewed(), "known_at": text}
    new = admit(event, arrival=ARRIVAL, trusted=trusted, phone_region=None, new_event_id=str)
    return new.plain.get("known_at")


def test_a_secret_key_may_say_it() -> None:
    """The text is kept as it was sent."""
    assert known_at("2025-03-01T12:00:00+03:00", trusted=True) == "2025-03-01T12:00:00+03:00"


@pytest.mark.parametrize(
    ("text", "trusted", "code"),
    [
        ("2025-03-01T12:00:00Z", False, "not_allowed_for_write_key"),
        ("yesterday", True, "invalid_time"),
        (7, True, "invalid_time"),
    ],
)
def test_nobody_else_may_and_it_must_be_a_time(text: object, trusted: bool, code: str) -> None:
    """The error names the field."""
    with pytest.raises(InvalidEvent) as caught:
        known_at(text, trusted=trusted)
    assert (caught.value.code, caught.value.pointer) == (code, "/known_at")
