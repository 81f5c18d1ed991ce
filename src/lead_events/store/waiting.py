"""Who waits for the writer, and how each gets the results of its own events. Nothing here knows a database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import structlog

from lead_events.domain.errors import LeadEventsError
from lead_events.store.envelope import Arrival
from lead_events.store.log import Outcome

Result = Outcome | LeadEventsError
"""What became of one event, or why it was not kept."""
Results = list[Result] | LeadEventsError
"""One result per event of a request, or one error for all of it."""

_logger = structlog.get_logger(__name__)


class Waiting(NamedTuple):
    """One request in the queue.

    Attributes:
        size: bytes.
        future: of its results.
        loop: where it waits; None for a thread.
        since: when it was submitted, in seconds of ``time.monotonic``.
    """

    arrivals: Sequence[Arrival]
    size: int
    future: Any
    loop: asyncio.AbstractEventLoop | None
    since: float


def join(left: Results, left_count: int, right: Results, right_count: int) -> list[Result]:
    """Put the results of two halves of a batch together, one per event."""
    return [*_spread(left, left_count), *_spread(right, right_count)]


def _spread(results: Results, count: int) -> list[Result]:
    return results if isinstance(results, list) else [results] * count


def split(batch: Sequence[Waiting], results: Results) -> Iterator[tuple[Waiting, list[Result]]]:
    """Give each request of a batch with the results of its own events."""
    start = 0
    for request in batch:
        end = start + len(request.arrivals)
        yield request, results[start:end] if isinstance(results, list) else _spread(results, end - start)
        start = end


def deliver(batch: Sequence[Waiting], results: Results) -> None:
    """Answer every request of a batch: threads at once, each event loop with one wake-up."""
    soon: dict[asyncio.AbstractEventLoop, list[tuple[Any, Results]]] = {}
    failure = results if isinstance(results, LeadEventsError) else None
    for request, own in split(batch, results):
        if request.loop is None:
            _settle([(request.future, failure or own)])
        else:
            soon.setdefault(request.loop, []).append((request.future, failure or own))
    for loop, answers in soon.items():
        try:
            loop.call_soon_threadsafe(_settle, answers)
        except RuntimeError:  # the loop was closed: nobody waits any more
            _logger.warning("answers_dropped", requests=len(answers))


def _settle(answers: list[tuple[Any, Results]]) -> None:
    for future, results in answers:
        if future.done():  # the client went away
            continue
        if isinstance(results, list):
            future.set_result(results)
        else:
            future.set_exception(results)
