"""A small load client over loopback: keep-alive connections, one request at a time on each, closed loop or paced.

A paced request's latency counts from the instant it was due, so that a stalled server cannot hide behind its clients.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from bench.table import percentile

Make = Callable[[], bytes]
"""Makes the next whole request."""

_GIVE_UP_SECONDS = 30.0
_TICK_SECONDS = 0.001


@dataclass(slots=True)
class Answers:
    """What came back.

    Attributes:
        seconds: from the first request to the last answer.
        latencies: seconds, in the order of answers.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Return good answers per second."""
        good = sum(count for status, count in self.statuses.items() if status < 300)
        return good / self.seconds if self.seconds else 0.0

    @property
    def bad(self) -> int:
        """Return how many answers were refusals."""
        return sum(count for status, count in self.statuses.items() if status >= 300)

    def at(self, share: float) -> float:
        """Return a percentile of the latencies in seconds."""
        return percentile(self.latencies, share)


class Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request under way."""

    def __init__(self, answered: Callable[[Connection, int, bytes], None]) -> None:
        self._answered = answered
        self._received = b""
        self._transport: Any = None
        self.since = 0.0
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = transport

    def send(self, request: bytes, since: float) -> None:
        """Send a request whose latency counts from ``since``."""
        self.since = since
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Collect an answer, and hand it over when it is whole."""
        received = self._received + data if self._received else data
        head_end = received.find(b"\r\n\r\n")
        if head_end < 0 or len(received) < head_end + 4 + _content_length(received[:head_end]):
            self._received = received
            return
        self._received = b""
        self._answered(self, int(received[9:12]), received[head_end + 4 :])

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Note that nothing more will come."""
        self.lost = True

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def _content_length(head: bytes) -> int:
    start = head.lower().find(b"content-length:")
    return int(head[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0


def drive(address: str, make: Make, *, connections: int, seconds: float) -> Answers:
    """Send as fast as answers come, on every connection."""
    found: Answers = run_fast(_drive(address, make, connections, seconds))
    return found


def after(seconds: float) -> Callable[[], bool]:
    """Return a question whose answer is yes once the seconds are over."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() >= end


def run_fast(main: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine on uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415 - absent on one platform
    except ImportError:
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


async def _drive(address: str, make: Make, connections: int, seconds: float) -> Answers:
    answers, under_way = Answers(), connections
    finished = asyncio.Event()
    begun = time.perf_counter()
    end = begun + seconds

    def answered(connection: Connection, status: int, _body: bytes) -> None:
        nonlocal under_way
        now = time.perf_counter()
        answers.latencies.append(now - connection.since)
        answers.statuses[status] += 1
        if now < end:
            connection.send(make(), now)
            return
        under_way -= 1
        if not under_way:
            finished.set()

    opened = await connect(address, connections, answered)
    for connection in opened:
        connection.send(make(), time.perf_counter())
    await asyncio.wait_for(finished.wait(), seconds + _GIVE_UP_SECONDS)
    answers.seconds = time.perf_counter() - begun
    _close(opened)
    return answers


async def paced(address: str, make: Make, *, connections: int, rate: float, until: Callable[[], bool]) -> Answers:
    """Send at a fixed rate until told to stop, then wait for what is under way."""
    answers = Answers()
    free: deque[Connection] = deque()

    def answered(connection: Connection, status: int, _body: bytes) -> None:
        answers.latencies.append(time.perf_counter() - connection.since)
        answers.statuses[status] += 1
        free.append(connection)

    opened = await connect(address, connections, answered)
    free.extend(opened)
    begun = time.perf_counter()
    sent = 0
    while not until():
        due = int((time.perf_counter() - begun) * rate)
        while sent < due and free:
            free.popleft().send(make(), begun + sent / rate)
            sent += 1
        await asyncio.sleep(_TICK_SECONDS)
    await _settle(opened, free)
    answers.seconds = time.perf_counter() - begun
    _close(opened)
    return answers


async def _settle(opened: list[Connection], free: deque[Connection]) -> None:
    over = after(_GIVE_UP_SECONDS)
    while len(free) < len(opened) and not over():  # noqa: ASYNC110 - many connections, one question
        await asyncio.sleep(_TICK_SECONDS)


async def connect(address: str, count: int, answered: Callable[[Connection, int, bytes], None]) -> list[Connection]:
    """Open connections to a server on this machine."""
    loop, parts = asyncio.get_running_loop(), urlsplit(address)
    opened = [
        await loop.create_connection(lambda: Connection(answered), parts.hostname or "", parts.port or 80) for _ in range(count)
    ]
    return [protocol for _, protocol in opened]


def _close(opened: list[Connection]) -> None:
    for connection in opened:
        connection.close()


class Asking:
    """One connection that asks and waits for the answer."""

    def __init__(self, connection: Connection, answers: asyncio.Queue[tuple[int, bytes]]) -> None:
        self._connection = connection
        self._answers = answers

    @classmethod
    async def open(cls, address: str) -> Asking:
        """Connect."""
        answers: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        (connection,) = await connect(address, 1, lambda _c, status, body: answers.put_nowait((status, body)))
        return cls(connection, answers)

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Return status and body."""
        self._connection.send(request, 0.0)
        return await asyncio.wait_for(self._answers.get(), _GIVE_UP_SECONDS)

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
