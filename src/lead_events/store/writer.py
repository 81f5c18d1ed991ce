"""Group commit: many requests wait in a bounded queue, one thread appends them batch by batch.

Whoever is alone is committed at once. Where a commit was shared, the next one waits until as many are there as were under way
when it ended, but never longer than that commit took: without it, half of many clients always wait for the other half.
Nobody is told "kept" before the commit that kept it.
"""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import cast

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from lead_events.domain.errors import IncompleteSchema, LeadEventsError, QueueFull, Unavailable
from lead_events.store import log
from lead_events.store.dialect import lacks_schema
from lead_events.store.envelope import Arrival
from lead_events.store.log import Outcome
from lead_events.store.vault import Vault
from lead_events.store.waiting import Result, Results, Waiting, deliver, join

_logger = structlog.get_logger(__name__)
_LINGER_SECONDS = 0.005
"""The most that is waited for a commit to be shared, however long the last one took."""
_WELL_SHARED = 64
"""Events among which the fixed cost of a commit is spread well enough to wait for no more."""
_EVENTS_FAULT = (DataError, IntegrityError, ProgrammingError)


class Unkept(LeadEventsError):
    """This event could not be stored; the reason is in the server's log."""


@dataclass(frozen=True, slots=True)
class WriterStats:
    """What a writer has done so far.

    Attributes:
        queued: events that wait or are being written.
        batches: commits.
        events: events that were given an outcome.
        failed: events that were given an error.
    """

    queued: int
    batches: int
    events: int
    failed: int


class Writer:
    """Appends what many callers submit, in as few transactions as there can be."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        *,
        queue_events: int = 20_000,
        queue_bytes: int = 64 * 1024 * 1024,
        batch_events: int = 1_000,
    ) -> None:
        """Prepare; ``start`` begins to write.

        Args:
            queue_events: most events that may wait, those being written included.
            queue_bytes: most bytes of events that may wait.
            batch_events: most events per commit, unless one request alone has more.
        """
        self._engine = engine
        self._vault = vault
        self._queue_events = queue_events
        self._queue_bytes = queue_bytes
        self._batch_events = batch_events
        self._waiting: deque[Waiting] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._unpublished: dict[asyncio.AbstractEventLoop, list[Waiting]] = {}
        self._expected = self._wanted = 1
        self._linger = 0.0
        self._closing = False
        self._queued = self._bytes = self._batches = self._events = self._failed = 0
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    @property
    def stats(self) -> WriterStats:
        """Say what was done so far."""
        return WriterStats(self._queued, self._batches, self._events, self._failed)

    def start(self) -> None:
        """Begin to write what is submitted."""
        self._thread.start()

    def submit(self, arrivals: Sequence[Arrival]) -> Future[list[Result]]:
        """Queue the events of one request; any thread may call this.

        Returns:
            A future of one result per event; it fails with ``Unavailable`` when the database does.

        Raises:
            QueueFull: too much waits already.
            Unavailable: the writer is shutting down.
        """
        future: Future[list[Result]] = Future()
        request = Waiting(arrivals, _size(arrivals), future, None, time.monotonic())
        with self._changed:
            self._admit(request)
            self._waiting.append(request)
            self._call_writer()
        return future

    def submit_soon(self, arrivals: Sequence[Arrival]) -> asyncio.Future[list[Result]]:
        """Do what ``submit`` does for the running event loop.

        What one turn of the loop submits is published together, so that it shares a commit; the loop is woken once per
        commit.
        """
        loop = asyncio.get_running_loop()
        request = Waiting(arrivals, _size(arrivals), loop.create_future(), loop, time.monotonic())
        with self._changed:
            self._admit(request)
        unpublished = self._unpublished.setdefault(loop, [])
        if not unpublished:
            loop.call_soon(self._publish, loop)
        unpublished.append(request)
        return cast("asyncio.Future[list[Result]]", request.future)

    def drain(self, timeout: float) -> bool:
        """Accept nothing more and write what waits.

        Args:
            timeout: seconds to wait for it.

        Returns:
            Whether everything that was submitted has been answered.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return self._queued == 0

    def _admit(self, request: Waiting) -> None:
        """Count a request in, under the lock."""
        if self._closing:
            raise Unavailable("The server is shutting down; send the same events again.")
        queued, size = self._queued + len(request.arrivals), self._bytes + request.size
        if self._queued and (queued > self._queue_events or size > self._queue_bytes):
            raise QueueFull
        self._queued, self._bytes = queued, size

    def _publish(self, loop: asyncio.AbstractEventLoop) -> None:
        requests = self._unpublished.pop(loop)
        with self._changed:
            self._waiting.extend(requests)
            self._call_writer()

    def _call_writer(self) -> None:
        """Wake the writer, under the lock, if it waits for no more than there is."""
        if self._is_enough():
            self._changed.notify()

    def _is_enough(self) -> bool:
        return len(self._waiting) >= self._wanted or self._queued >= _WELL_SHARED or self._closing

    def _run(self) -> None:
        while batch := self._take():
            since = time.monotonic()
            results = self._append([arrival for request in batch for arrival in request.arrivals])
            self._count(batch, results)
            self._expect(len(batch), time.monotonic() - since)
            deliver(batch, results)

    def _expect(self, answered: int, seconds: float) -> None:
        """Expect those who are answered now to come back, if they were several.

        Args:
            answered: requests.
            seconds: that their commit took.
        """
        with self._changed:
            self._expected = answered + len(self._waiting) if answered > 1 else 1
        self._linger = min(_LINGER_SECONDS, seconds)

    def _take(self) -> list[Waiting]:
        """Wait for requests and take as many as one commit carries; nothing when all is done."""
        with self._changed:
            # What was admitted is written, though the loop that admitted it may have yet to publish it.
            while not self._waiting and (self._queued or not self._closing):
                self._changed.wait()
            self._wanted = self._expected
            self._changed.wait_for(self._is_enough, self._linger)
            self._wanted = 1
            batch: list[Waiting] = []
            room = self._batch_events
            while self._waiting and (not batch or len(self._waiting[0].arrivals) <= room):
                request = self._waiting.popleft()
                room -= len(request.arrivals)
                batch.append(request)
            return batch

    def _append(self, arrivals: list[Arrival]) -> Results:
        """Append in one commit; when an event cannot be stored, halve until it stands alone."""
        try:
            return list(log.append(self._engine, self._vault, arrivals))
        except Exception as error:  # noqa: BLE001 - whatever happens, each caller gets an answer
            if outage := _outage(error):
                _logger.error("append_failed", error=type(error).__name__, events=len(arrivals))  # noqa: TRY400
                return outage
            if len(arrivals) == 1:
                return [_refusal(error)]
        half = len(arrivals) // 2
        return join(self._append(arrivals[:half]), half, self._append(arrivals[half:]), len(arrivals) - half)

    def _count(self, batch: Sequence[Waiting], results: Results) -> None:
        events = sum(len(request.arrivals) for request in batch)
        kept = sum(isinstance(result, Outcome) for result in results) if isinstance(results, list) else 0
        with self._changed:
            self._queued -= events
            self._bytes -= sum(request.size for request in batch)
            self._batches += 1
            self._events += kept
            self._failed += events - kept


def _size(arrivals: Sequence[Arrival]) -> int:
    return sum(len(arrival.event.said) for arrival in arrivals)


def _outage(error: Exception) -> Unavailable | None:
    """Tell a database that cannot be reached or written from an event that cannot be stored, which is None."""
    if lacks_schema(error):
        return IncompleteSchema()
    away = isinstance(error, DBAPIError) and not isinstance(error, _EVENTS_FAULT)
    if away or isinstance(error, Unavailable | PoolTimeout | OSError):
        return Unavailable("The database cannot be written to; send the same events again later.")
    return None


def _refusal(error: Exception) -> LeadEventsError:
    if isinstance(error, LeadEventsError):
        return error
    frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    _logger.error("event_not_stored", error=type(error).__name__, frames=frames)
    return Unkept()
