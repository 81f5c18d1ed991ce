"""The demo history as a stream: a pure function of its size, its seed and its end.

The shares are in ``mix``; who does what is in ``people``, ``journeys`` and ``stories``; the calendar is in ``plans``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from random import Random
from typing import Any

from lead_events.demo.mix import Quotas, expected_mix, split
from lead_events.demo.noise import Accidents, send_again_after, spoil
from lead_events.demo.people import make_id
from lead_events.demo.plans import DAYS, Planner
from lead_events.demo.wire import Step, Wire, instant_text, write

__all__ = ["DEFAULT_END", "expected_mix", "generate"]

DEFAULT_END = 1_793_491_200_000_000
"""2026-11-01T00:00:00Z in microseconds."""

Arrival = dict[str, Any]
_Repeat = tuple[int, int, str, Wire]


def generate(events: int, seed: int, end: int | None = None) -> Iterator[Arrival]:
    """Yield a history in the order of arrival, always the same for the same arguments.

    Args:
        events: how many arrivals, second sendings and refused ones included; 0 or more.
        seed: chooses one of many histories with the same mix.
        end: nothing happens or arrives later, microseconds UTC; 2026-11-01 if None. The history begins 548 days before.

    Returns:
        Arrivals ``{"source": "site" or "crm", "received_at": microseconds UTC, "event": as POST /v1/events takes it}``;
        ``received_at`` never decreases. About 1 % of the events must be refused by the door.
    """
    rng, quotas = Random(seed), split(events)
    last = DEFAULT_END if end is None else end
    return _with_noise(_in_order(Planner(quotas, rng, last)), quotas, rng, last)


def _in_order(planner: Planner) -> Iterator[Step]:
    for day in range(DAYS + 1):
        if day < DAYS:
            planner.plan(day)
        steps, planner.days[day] = planner.days[day], []
        steps.sort()
        yield from steps


def _with_noise(steps: Iterable[Step], quotas: Quotas, rng: Random, end: int) -> Iterator[Arrival]:
    """Write each step, and weave in second sendings and refused copies."""
    accidents = Accidents(rng.random, quotas)
    waiting: list[_Repeat] = []
    for step in steps:
        while waiting and waiting[0][0] <= step.arrival:
            yield _arrive_again(heappop(waiting))
        event, source = write(step, make_id(rng)), "crm" if step.browser is None else "site"
        yield {"source": source, "received_at": step.arrival, "event": event}
        accident = accidents.befall()
        if accident == "again":
            again = min(end, step.arrival + send_again_after(rng.random))
            heappush(waiting, (again, step.number, source, event))
        elif accident:
            yield {"source": source, "received_at": step.arrival, "event": spoil(event, rng)}
    while waiting:
        yield _arrive_again(heappop(waiting))


def _arrive_again(repeat: _Repeat) -> Arrival:
    """Send the same event again; only ``sent_at`` tells it from the first sending."""
    arrival, _, source, event = repeat
    return {"source": source, "received_at": arrival, "event": {**event, "sent_at": instant_text(arrival - 40_000)}}
