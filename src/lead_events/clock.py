"""The only source of the present moment and of randomness; everything else receives them as arguments."""

from __future__ import annotations

import os
import time
import uuid

from lead_events.domain.times import Instant


def now() -> Instant:
    """Return the present in microseconds since 1970-01-01 UTC, by this machine's clock."""
    return time.time_ns() // 1_000


def random_bytes(count: int) -> bytes:
    """Return ``count`` bytes that nobody can guess."""
    return os.urandom(count)


def new_event_id() -> str:
    """Return an id for an event whose sender gave none."""
    return str(uuid.uuid4())
