"""How much of the machine a builder leaves to what comes in: nothing while nobody posts, nine tenths while many do.

Builders are niced, but the processes of a database server are not, and a post waits for some twenty hand-overs between
processes, each of which a builder may keep waiting.
"""

from __future__ import annotations

import time

from sqlalchemy import Engine

from lead_events.cores import count_usable
from lead_events.store import log
from lead_events.store.engine import reading

EVENT_SECONDS = 0.0036
"""What a builder leaves to each event, by the cores there are: twice what a single post takes of all processes together.

That is 0.74 ms of the server, 0.48 ms of the projector and 0.6 ms of PostgreSQL's processes, and queues are short only where
half of the time nothing is to be done.
"""

MOST = 9
"""How long a builder rests at most against what it worked: a build under any load goes on with a tenth of its pace."""

LONGEST_SECONDS = 0.5
"""A builder rests no longer at a time: one that is silent for three seconds is taken for dead, and its work takes time too."""


def rest_for(came: int, worked: float, waited: float, cores: int) -> float:
    """Return the seconds that a builder rests after a piece of work.

    Args:
        came: how many events were accepted since it looked last, its last rest included.
        worked: seconds of processor time that the piece took.
        waited: seconds that it took beyond them: a builder that was kept waiting has given way already.
        cores: how many may be kept busy.
    """
    return max(0.0, min(came * EVENT_SECONDS / cores - waited, worked * MOST, LONGEST_SECONDS))


class Room:
    """What one builder knows of those who post: where the log stood when it looked last.

    Attributes:
        is_shared: whether anybody posted before that.
    """

    def __init__(self, engine: Engine) -> None:
        self.is_shared = False
        self._engine = engine
        self._cores = count_usable()
        self._position = self._read_position()
        self._begun = time.thread_time(), time.monotonic()

    def give(self) -> None:
        """Rest after a piece of work, as long as what came in meanwhile asks for."""
        position = self._read_position()
        came, worked = position - self._position, time.thread_time() - self._begun[0]
        waited = time.monotonic() - self._begun[1] - worked
        self._position, self.is_shared = position, came > 0
        time.sleep(rest_for(came, worked, waited, self._cores))
        self._begun = time.thread_time(), time.monotonic()

    def _read_position(self) -> int:
        with reading(self._engine) as connection:
            return log.read_head(connection).position
