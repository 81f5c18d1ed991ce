"""The log in columns: what a segment of the activity ledger holds, packed and unpacked. No database here."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lead_events.domain.events import REF_BYTES
from lead_events.domain.lead_id import lead_ref
from lead_events.domain.signatures import NUMBERS

Ints = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

NOBODY = bytes(REF_BYTES)
_PSEUDONYM = np.uint64(1 << 63)
"""Set in the number of a pseudonym; without it the number is the founding position of a lead that is addressed directly."""
_LEVEL = 1  # higher ones take three times as long for a tenth less
_WIDTHS = ("<i8", "<u8", "<u8", "<i4", *("<f8",) * NUMBERS)


@dataclass(frozen=True, slots=True)
class Columns:
    """Events of consecutive positions, one element each.

    Attributes:
        at: canonical time, microseconds UTC.
        subject: number of the ref under which the event stands.
        browser: number of its anonymous ref; 0 without one.
        signature: number of its signature.
        numbers: those that stand beside its signature, NaN where there is none.
    """

    at: Ints
    subject: Hashes
    browser: Hashes
    signature: NDArray[np.int32]
    numbers: tuple[Floats, ...]


def number_refs(refs: bytes) -> Hashes:
    """Return a number for each ref, equal for equal ones; two pseudonyms may share one, which whoever joins by it must check.

    Args:
        refs: one behind the other.
    """
    halves = np.frombuffer(refs, dtype=">u8").reshape(-1, 2).astype(np.uint64)
    addressed = halves[:, 0] == np.frombuffer(lead_ref(0)[:8], dtype=">u8")[0]
    return np.where(addressed, halves[:, 1], (halves[:, 0] ^ halves[:, 1]) | _PSEUDONYM)


def make_columns(
    at: Sequence[int],
    subjects: Sequence[bytes],
    browsers: Sequence[bytes | None],
    signatures: Sequence[int],
    numbers: Sequence[Sequence[float]],
) -> Columns:
    """Return rows as columns."""
    named = np.array([browser is not None for browser in browsers], dtype=bool)
    browser = np.where(named, number_refs(b"".join([each or NOBODY for each in browsers])), np.uint64(0))
    beside = np.array(numbers, dtype=np.float64).reshape(-1, NUMBERS)
    columns = tuple(np.ascontiguousarray(beside[:, index]) for index in range(NUMBERS))
    subject, signature = number_refs(b"".join(subjects)), np.array(signatures, dtype=np.int32)
    return Columns(np.array(at, dtype=np.int64), subject, browser, signature, columns)


def join(parts: Iterable[Columns], events: int) -> Columns:
    """Return the columns of several stretches as one, holding one stretch at a time beside them.

    Args:
        events: how many they have together.
    """
    integers = np.zeros(events, dtype=np.int64), np.zeros(events, dtype=np.uint64), np.zeros(events, dtype=np.uint64)
    numbers = tuple(np.zeros(events, dtype=np.float64) for _ in range(NUMBERS))
    whole = Columns(*integers, np.zeros(events, dtype=np.int32), numbers)
    begin = 0
    for part in parts:
        here = slice(begin, begin + len(part.at))
        whole.at[here], whole.subject[here], whole.browser[here] = part.at, part.subject, part.browser
        whole.signature[here] = part.signature
        for column, values in zip(whole.numbers, part.numbers, strict=True):
            column[here] = values
        begin = here.stop
    return whole


def pack(columns: Columns) -> bytes:
    """Return columns as bytes: differences of times, and browsers as what they differ from their subjects in, are short."""
    differences = np.diff(columns.at, prepend=np.int64(0))
    arrays: list[NDArray[Any]] = [differences, columns.subject, columns.browser ^ columns.subject, columns.signature]
    plain = b"".join(array.astype(width).tobytes() for array, width in zip([*arrays, *columns.numbers], _WIDTHS, strict=True))
    return zlib.compress(plain, _LEVEL)


def unpack(packed: bytes) -> Columns:
    """Return columns from their bytes."""
    plain = zlib.decompress(packed)
    count = len(plain) // sum(np.dtype(width).itemsize for width in _WIDTHS)
    arrays: list[NDArray[Any]] = []
    start = 0
    for width in _WIDTHS:
        arrays.append(np.frombuffer(plain, dtype=width, count=count, offset=start))
        start += count * np.dtype(width).itemsize
    differences, subject, browser, signature, *numbers = arrays
    return Columns(np.cumsum(differences), subject, browser ^ subject, signature, tuple(numbers))
