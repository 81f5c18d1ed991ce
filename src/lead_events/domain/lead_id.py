"""Lead ids: a function of the log and the founding position alone, so the same in every generation and never reused.

Inside the service a lead is named by its founding position; the text form stands at the edges. Texts sort as positions do.
"""

from __future__ import annotations

import hmac
from functools import lru_cache

from lead_events.domain.events import REF_BYTES

_PREFIX = "ld_"
_ALPHABET = "0123456789abcdefghijklmnopqrstuv"  # base32hex, RFC 4648 section 7: keeps the order of numbers
_PLACE_DIGITS = 10
_CHECK_DIGITS = 6
_LEAD_REF_PREFIX = b"lead\0\0\0\0"


@lru_cache(maxsize=65_536)
def encode_lead_id(log_id: bytes, founding: int) -> str:
    """Return the id of the lead founded at a position, such as ``ld_000000001952k7fh``."""
    check = int.from_bytes(hmac.digest(log_id, founding.to_bytes(8, "big"), "sha256")[:4], "big") >> 2
    return _PREFIX + _digits(founding, _PLACE_DIGITS) + _digits(check, _CHECK_DIGITS)


def decode_lead_id(log_id: bytes, text: str) -> int | None:
    """Return the founding position of a lead id, or None when this log never gave that id."""
    place = text[len(_PREFIX) : len(_PREFIX) + _PLACE_DIGITS]
    if not place or any(digit not in _ALPHABET for digit in place):
        return None
    founding = int(place, 32)
    return founding if encode_lead_id(log_id, founding) == text else None


def lead_ref(founding: int) -> bytes:
    """Return the ref by which an event addresses a lead directly."""
    return _LEAD_REF_PREFIX + founding.to_bytes(REF_BYTES - len(_LEAD_REF_PREFIX), "big")


def addressed_lead(ref: bytes) -> int | None:
    """Return the founding position that a ref addresses directly, or None for a pseudonym."""
    return int.from_bytes(ref[len(_LEAD_REF_PREFIX) :], "big") if ref.startswith(_LEAD_REF_PREFIX) else None


def _digits(number: int, width: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (width - 1), -1, -5))
