"""Decay in columns: the operations of ``domain.decay`` in the same order, so that every bit is the same."""

from __future__ import annotations

import numpy as np

from lead_events.domain.decay import HALVES, LN2, STEPS, TABLE
from lead_events.domain.times import Instant
from lead_events.projections.columns import Floats, Ints

_TABLE, _HALVES = np.array(TABLE), np.array([*HALVES, 0.0])


def faded(value: Floats, since: Ints, until: Ints | Instant, half_life: Floats | float) -> Floats:
    """Return points given at ``since`` as they count at ``until``; back in time they do not fade.

    Args:
        value: points.
        since, until: microseconds UTC.
        half_life: microseconds; infinite for points that never fade.
    """
    elapsed = until - since
    fades = (elapsed > 0) & (value != 0.0) & np.isfinite(half_life)
    return np.where(fades, value * _factor(np.where(fades, elapsed, 0) / half_life), value)


def _factor(halvings: Floats) -> Floats:
    step = (halvings * STEPS).astype(np.int64)
    whole = np.minimum(step >> 6, len(HALVES))
    u = (halvings - step / STEPS) * LN2
    rest = 1.0 - u * (1.0 - u * (0.5 - u * (1 / 6 - u * (1 / 24 - u * (1 / 120 - u * (1 / 720))))))
    factor: Floats = _TABLE[step & 63] * rest * _HALVES[whole]
    return factor
