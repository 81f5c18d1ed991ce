"""In which order a preview takes leads, and what a sample of them says of all.

Every beginning of that order is a fair sample of all leads, and nothing of it is held in memory. No database here.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt
from typing import Any

_MULTIPLIER = 6364136223846793005
_INCREMENT = 1442695040888963407
_NORMAL_95 = 1.959963984540054


def shuffled(end: int) -> Iterator[int]:
    """Return the numbers 1 to ``end``, each once, in an order that looks random and is always the same.

    A linear congruential generator modulo the next power of two has its full period, so it meets every number once
    (T. E. Hull, A. R. Dobell, Random Number Generators, SIAM Review 4, 1962); those beyond ``end`` are passed over.
    """
    size = 1 << max(2, end.bit_length())
    number = 0
    for _ in range(size):
        number = (number * _MULTIPLIER + _INCREMENT) % size
        if 1 <= number <= end:
            yield number


def extrapolate(found: int, sample: int, of: int) -> dict[str, Any]:
    """Return how many of all leads are like those found in a sample, with the bounds of 95 % certainty.

    Wilson's interval (E. B. Wilson, Probable Inference, JASA 22, 1927), which holds for rare things too, with the sample
    counted larger the more of all leads it holds (the finite population correction).

    Args:
        found: how many leads of the sample.
        sample: leads in the sample, at least 1.
        of: all leads.
    """
    if sample >= of:
        return {"about": found, "low": found, "high": found}
    size = sample * (of - 1) / (of - sample)
    share, square = found / sample, _NORMAL_95**2
    middle = (share + square / (2 * size)) / (1 + square / size)
    margin = _NORMAL_95 / (1 + square / size) * sqrt(share * (1 - share) / size + square / (4 * size * size))
    unseen = of - sample
    low, high = max(found, round((middle - margin) * of)), min(found + unseen, round((middle + margin) * of))
    return {"about": round(share * of), "low": min(low, high), "high": max(low, high)}
