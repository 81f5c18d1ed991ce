"""How many cores this process may keep busy: a container's quota counts, not the cores of the machine it runs on."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""Of the container that this process is in (Linux, control groups v2); outside of one there is no such file."""


def count_usable(quota: Path = _QUOTA) -> int:
    """Return how many cores this process may keep busy, at least 1.

    Args:
        quota: a file of two numbers, microseconds of processor time that may be used in each period and the period, of which
            the first is ``max`` without a quota (Linux kernel documentation, Control Group v2, ``cpu.max``).
    """
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        time_, period = quota.read_text(encoding="ascii").split()
        return max(1, min(allowed, ceil(int(time_) / int(period))))
    except (OSError, ValueError):
        return allowed
