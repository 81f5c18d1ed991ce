"""Who read whose personal data: one line per lead shown, ids only, written beside the reads and never before them.

Lines wait in this process for at most a second. When too many wait, because the database does not take them, the next read
waits too, and is refused in the end: a read without its line would be a lie, a read that waits is only slow.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, Engine, delete, func, select, tuple_
from sqlalchemy.exc import SQLAlchemyError

from lead_events import clock
from lead_events.domain.errors import Unavailable
from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import any_of, insert_new_rows
from lead_events.store.engine import writing

FLUSH_SECONDS = 1.0
"""Longest time for which a line waits; a process that is killed loses no older ones."""

COMMAND_LINE = "cli"
"""Stands for a key where somebody read with the command line."""

_WAITING_LINES = 50_000
_AT_ONCE = 5_000
_PATIENCE_SECONDS = 10.0
_TABLE = schema.reads_of_leads
_logger = structlog.get_logger(__name__)


class ReadKind(StrEnum):
    """What was shown."""

    LEAD = "lead"
    LIST = "list"
    LOOKUP = "lookup"
    TIMELINE = "timeline"
    SCORE = "score"
    TRAITS = "traits"
    COMPANY = "company"
    NEAR_MISSES = "near-misses"
    MERGE_CANDIDATES = "merge-candidates"
    QUARANTINE = "quarantine"
    PERSONAL_DATA = "personal-data"
    EXPORT = "export"


class AccessLogFull(Unavailable):
    """Who reads personal data cannot be written down at the moment, so nothing is shown; ask again."""


class ReadLine(NamedTuple):
    """One read of one lead; ``what`` is the kind of answer, ``at`` microseconds UTC."""

    founding: int
    at: Instant
    key_id: str
    what: str


def save(connection: Connection, lines: Collection[ReadLine]) -> None:
    """Write lines down; one that is there already stays."""
    insert_new_rows(connection, _TABLE, list(lines))


def read(connection: Connection, foundings: Collection[int], before: ReadLine | None, limit: int) -> Sequence[ReadLine]:
    """Return up to ``limit`` reads of leads, newest first, behind one that is known."""
    columns = _TABLE.c.at, _TABLE.c.founding, _TABLE.c.key_id, _TABLE.c.what
    query = select(_TABLE).where(any_of(connection, _TABLE.c.founding, foundings))
    if before is not None:
        query = query.where(tuple_(*columns) < tuple_(before.at, before.founding, before.key_id, before.what))
    rows = connection.execute(query.order_by(*(column.desc() for column in columns)).limit(limit))
    return [ReadLine(*row) for row in rows]


def count_older(connection: Connection, until: Instant) -> tuple[int, Instant | None]:
    """Return how many lines are older than an instant, and the oldest one's."""
    row = connection.execute(select(func.count(), func.min(_TABLE.c.at)).where(_TABLE.c.at < until)).one()
    return row[0], row[1]


def forget_older(connection: Connection, until: Instant, limit: int) -> int:
    """Delete up to ``limit`` lines older than an instant, and a few more of the last one's; return how many."""
    oldest = select(_TABLE.c.at).where(_TABLE.c.at < until).order_by(_TABLE.c.at).limit(limit).subquery()
    last = connection.execute(select(func.max(oldest.c.at))).scalar_one()
    return 0 if last is None else connection.execute(delete(_TABLE).where(_TABLE.c.at <= last)).rowcount


class ReadLog:
    """Takes lines from any thread and writes them in the background; ``start`` begins, ``drain`` ends."""

    def __init__(
        self, engine: Engine, *, waiting_lines: int = _WAITING_LINES, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        """Prepare.

        Args:
            waiting_lines: most lines that may wait to be written.
            patience_seconds: how long a read waits for room before it is refused.
        """
        self._engine = engine
        self._most = waiting_lines
        self._patience = patience_seconds
        self._lines: list[ReadLine] = []
        self._changed = threading.Condition(threading.Lock())
        self._flushing = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="reads", daemon=True)

    def start(self) -> None:
        """Begin to write what is noted."""
        self._thread.start()

    def note(self, key_id: str, what: str, foundings: Iterable[int]) -> None:
        """Note that somebody is about to be shown leads.

        Raises:
            AccessLogFull: nothing could be written for too long.
        """
        at = clock.now()
        lines = [ReadLine(founding, at, key_id, what) for founding in set(foundings)]
        if not lines:
            return
        until = time.monotonic() + self._patience
        with self._changed:
            while self._lines and len(self._lines) + len(lines) > self._most:
                if not self._changed.wait(until - time.monotonic()):
                    raise AccessLogFull
            first = not self._lines
            self._lines += lines
            # The writer waits for the first line, then for its time or for many: waking it for each took a thread switch.
            if first or len(self._lines) > self._most // 2:
                self._changed.notify_all()

    def flush(self) -> None:
        """Write what waits; what the database does not take goes on waiting.

        Raises:
            SQLAlchemyError: the database did not take it.
        """
        with self._flushing:
            while lines := self._lines[:_AT_ONCE]:
                with writing(self._engine) as connection:
                    save(connection, lines)
                with self._changed:
                    del self._lines[: len(lines)]
                    self._changed.notify_all()

    def drain(self, timeout: float) -> int:
        """Write what waits, one last time.

        Args:
            timeout: seconds to wait for it.

        Returns:
            How many lines were not written.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        if self._lines:
            _logger.error("access_lines_lost", lines=len(self._lines))
        return len(self._lines)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._lines and not self._closing:
                    self._changed.wait()
                self._changed.wait_for(lambda: self._closing or len(self._lines) > self._most // 2, FLUSH_SECONDS / 2)
                closing = self._closing
            self._try_to_flush()
            if closing:
                return

    def _try_to_flush(self) -> None:
        try:
            self.flush()
        except SQLAlchemyError as error:
            _logger.error("access_lines_wait", error=type(error).__name__, lines=len(self._lines))  # noqa: TRY400 - a driver's words may quote values
