"""Numbers and instants as people and CRMs write them in files; what cannot be read is None, never a guess."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from lead_events.domain.times import format_instant
from lead_events.transfer.csv_map import Dates

_EPOCH = {"epoch": 1, "epoch_ms": 1_000}
_MONEY = re.compile(r"[^0-9.,-]")
_THOUSANDS = re.compile(r"-?[1-9]\d{0,2}(?:(?:,\d{3})+|(?:\.\d{3})+)")
_CACHED = 65_536


@lru_cache(_CACHED)
def read_decimal(text: str) -> str | None:
    """Read a number as people write it: ``1 234,50 €``, ``$1,234.50``, ``1234.5``; None when it is none.

    Groups of three digits behind the same mark are thousands, so ``1,234`` and ``1.234`` are both 1234.
    """
    digits = _MONEY.sub("", text)
    if _THOUSANDS.fullmatch(digits):
        return digits.replace(".", "").replace(",", "")
    last = max(digits.rfind("."), digits.rfind(","))
    whole, fraction = (digits, "") if last < 0 else (digits[:last], digits[last + 1 :])
    if _THOUSANDS.fullmatch(whole):
        whole = whole.replace(".", "").replace(",", "")
    if not re.fullmatch(r"-?\d{1,15}", whole) or not re.fullmatch(r"\d{0,6}", fraction):
        return None
    return f"{whole}.{fraction}" if fraction else whole


@lru_cache(_CACHED)
def read_date(text: str, dates: Dates) -> str | None:
    """Read an instant in the first format that fits, and write it as ISO 8601 UTC; None when none fits."""
    for each in dates.formats:
        try:
            moment = _read_moment(text, each)
        except (ValueError, OverflowError):
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(dates.time_zone))
        microseconds = (moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000
        return format_instant(round(microseconds))
    return None


def _read_moment(text: str, how: str) -> datetime:
    if how in _EPOCH:
        return datetime.fromtimestamp(int(text) / _EPOCH[how], UTC)
    return datetime.fromisoformat(text) if how == "iso" else datetime.strptime(text, how)  # noqa: DTZ007 - the map has a zone
