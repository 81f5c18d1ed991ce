"""Instants and durations as whole microseconds, and their text forms.

Every instant inside the service is an int of microseconds since 1970-01-01 UTC; text exists only at the edges.
Nothing here reads a clock.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from lead_events.domain.errors import InvalidDuration, InvalidInstant

Instant = int
"""Microseconds since 1970-01-01T00:00:00Z."""

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_CHARACTERS = len("2026-11-21T22:17:")
_MICROSECOND = timedelta(microseconds=1)
_UNITS = {"s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY, "w": 7 * DAY}
_DURATION = re.compile(r"(\d{1,6})([smhdw])")
# A "+" of an offset arrives as a space from clients that forget to percent-encode it.
_LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")


def parse_instant(text: str) -> Instant:
    """Read an ISO 8601 instant that names its offset (``Z``, ``+00:00``, or a ``+`` lost to URL decoding).

    Returns:
        Microseconds since 1970-01-01 UTC.

    Raises:
        InvalidInstant: the text is no instant, or names no offset.
    """
    try:
        moment = datetime.fromisoformat(_LOST_PLUS.sub(r"+\1", text.strip()) if " " in text else text)
    except ValueError:
        raise InvalidInstant(text) from None
    if moment.tzinfo is None:
        raise InvalidInstant(text)
    try:
        return (moment - _EPOCH) // _MICROSECOND
    except OverflowError:
        raise InvalidInstant(text) from None


def format_instant(instant: Instant) -> str:
    """Write an instant as ISO 8601 UTC with six digits and ``Z``, so that texts sort as times."""
    minute, rest = divmod(instant, MINUTE)
    digits = f"{rest:08d}"
    return f"{_format_minute(minute)}{digits[:2]}.{digits[2:]}Z"


@lru_cache(8_192)
def _format_minute(minute: int) -> str:
    """Write what all instants of a minute begin with: a lead's thousand lie in few, and the calendar is what takes time."""
    return (_EPOCH + timedelta(minutes=minute)).isoformat()[:_MINUTE_CHARACTERS]


def parse_duration(text: str) -> int:
    """Read a duration such as ``30d``, ``12h``, ``45m``, ``10s`` or ``2w`` as microseconds.

    Raises:
        InvalidDuration: the text is not a number with one of the units s, m, h, d, w, or is zero.
    """
    match = _DURATION.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise InvalidDuration(text)
    return int(match[1]) * _UNITS[match[2]]


def format_duration(microseconds: int) -> str:
    """Write a duration in the largest unit that it is a whole number of, such as ``45d``; ``parse_duration`` reads it."""
    unit = next((unit for unit in reversed(_UNITS) if unit != "w" and microseconds % _UNITS[unit] == 0), "s")
    return f"{microseconds // _UNITS[unit]}{unit}"


LAST_WRITTEN = parse_instant("9999-12-31T23:59:59.999999Z")
"""The last instant that ``format_instant`` can write."""
YEAR_2000 = parse_instant("2000-01-01T00:00:00Z")
"""The earliest instant an event may carry, and the origin of ranks."""
