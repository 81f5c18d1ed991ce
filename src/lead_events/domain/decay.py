"""Exponential decay by one half-life, from IEEE + − × ÷ alone, so that every machine and every evaluator gets the same bits.

2^(−x) is a table entry for whole 64ths, a Taylor polynomial for the rest, and an exact power of two; no libm.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from math import log2

from lead_events.domain.times import YEAR_2000, Instant

STEPS = 64


def _table() -> tuple[float, ...]:
    # Software decimals are exact to the digits asked for, so each entry is the correctly rounded double everywhere.
    with localcontext() as context:
        context.prec = 40
        return tuple(float(Decimal(2) ** (Decimal(-step) / STEPS)) for step in range(STEPS))


TABLE = _table()
HALVES = tuple(0.5**power for power in range(1075))
LN2 = 0.6931471805599453


def decay_factor(elapsed: int, half_life: int) -> float:
    """Return the share that is left after some time.

    Args:
        elapsed: microseconds, not negative.
        half_life: microseconds.

    Returns:
        2^(−elapsed / half_life), relative error below 1e-15.
    """
    halvings = elapsed / half_life
    step = int(halvings * STEPS)
    whole = step >> 6
    if whole >= len(HALVES):
        return 0.0
    u = (halvings - step / STEPS) * LN2
    rest = 1.0 - u * (1.0 - u * (0.5 - u * (1 / 6 - u * (1 / 24 - u * (1 / 120 - u * (1 / 720))))))
    return TABLE[step & 63] * rest * HALVES[whole]


def decayed(value: float, since: Instant, until: Instant, half_life: int | None) -> float:
    """Return points given at ``since`` as they count at ``until``; without a half-life, or back in time, they do not fade."""
    if half_life is None or until <= since or value == 0.0:
        return value
    return value * decay_factor(until - since, half_life)


def cooling_instant(value: float, since: Instant, threshold: float, half_life: int | None) -> Instant | None:
    """Return the first whole microsecond at which a score is below a threshold that it reaches now.

    Args:
        value: points at ``since``.
        threshold: points, positive.
        half_life: microseconds, or None for points that never fade.

    Returns:
        An instant after ``since``; None when the threshold is not reached, or left so late that no database holds the instant.
    """
    if half_life is None or threshold <= 0.0 or value < threshold:
        return None
    instant = since + max(1, int(half_life * log2(value / threshold)))
    if instant > _LATEST:
        return None
    # The logarithm is libm's; the exact predicate has the last word, so the instant is the same on every machine.
    while instant > since + 1 and decayed(value, since, instant - 1, half_life) < threshold:
        instant -= 1
    while decayed(value, since, instant, half_life) >= threshold:
        instant += 1
    return instant


_LATEST = 2**63 - 1 - 2**40
"""Microseconds since 1970; some 300 000 years on, with room for what the loops above add."""

UNRANKED = -1.7e308
"""The rank of a score that is unknown or withheld."""

# Whoever has no points ranks below -1e299, where the index of leads worth research ends. Of penalties the order is kept by a
# factor, for a sum would lose it: doubles this large are 1e284 apart. A distance is above -1074.
_NOTHING, _FACTOR = -1e300, 1e297
_NEAREST, _FARTHEST = 4_000.0, 1e11


def rank(value: float, since: Instant, half_life: int | None) -> float:
    """Return a number that orders leads by current score at every instant: log2(value) + (since − 2000-01-01) / half-life.

    Forward decay: Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009. Below nothing it is turned round: -10 stays below -5.
    """
    if value == 0:
        return _NOTHING
    distance = abs(value) if half_life is None else log2(abs(value)) + (since - YEAR_2000) / half_life
    return distance if value > 0 else -_FACTOR * (_NEAREST + min(distance, _FARTHEST))


def rank_of_threshold(threshold: float, as_of: Instant, half_life: int | None) -> float:
    """Return the rank that a score needs to be at least ``threshold`` points at ``as_of``."""
    return rank(threshold, as_of, half_life)
