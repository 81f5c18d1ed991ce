"""How long a build will still take: a function of how far it is and of the time, nothing else.

What counts is the work of builders: starting processes, and the time in which nobody worked on it, say nothing of its end.
Work is counted in events folded: how many a lead has differs from part to part, and beginning and saving one takes its time too.
"""

from __future__ import annotations

from dataclasses import dataclass

from lead_events.domain.times import SECOND, Instant
from lead_events.store.generations import Generation
from lead_events.store.parts import LEASE, Progress, Work

LEAD = 3
"""How long beginning, encoding and saving a lead take against folding an event.

Of all weights this tells the processor time of the parts of 58 200 and of 145 500 demo events best: a part with one visitor
of 11 600 events, and parts with five events a lead.
"""

COMPARING_A_LEAD = 1.6
"""How long comparing a lead takes against folding an event: 110 to 140 µs and 65 to 95 µs, of the same histories."""

COMPARING_AT_MOST = 140
"""Microseconds a lead: folding is niced and comparing is not, so what others do slows it down far less."""

CATCHING_UP = 2.5
"""How long an event takes in a step against one in a part."""

CATCHING_UP_AT_MOST = 400
"""Microseconds an event: steps neither are niced nor rest, so what slows builders down slows them down far less."""

_SILENCE = 3 * SECOND
"""A builder that says nothing for so long is taken for dead: its part waits until its lease has ended."""

_RECENT = 3 * SECOND


@dataclass(frozen=True, slots=True)
class Estimate:
    """How a build goes.

    Attributes:
        share: of the events folded, 0 to 1.
        events_per_second: by all that work on it together.
        seconds_left: None while nothing is known.
    """

    share: float
    events_per_second: float
    seconds_left: float | None


def estimate(generation: Generation, progress: Progress, now: Instant) -> Estimate:
    """Estimate a build's end: the events that are left, catching up with the live generation and the comparison.

    Args:
        generation: the one that is built.
        progress: how far it is.
        now: microseconds UTC.
    """
    total = max(generation.base_position, 1)
    is_folded = progress.done == progress.parts
    share = 1.0 if is_folded else min(progress.events / total, 1.0)
    known = [*progress.finished, *progress.under_way]
    folded = sum(work.folded for work in known)
    if not folded:
        return Estimate(share, 0.0, None)
    # What the last parts took, for a machine that others use is not always as fast.
    took = sum(work.said_at - work.begun for work in known)
    cost = took / sum(_weigh(work.folded, work.leads) for work in known)
    left = min(cost * CATCHING_UP, CATCHING_UP_AT_MOST) * progress.behind + _comparing(progress, cost, now)
    if not is_folded:
        left += _folding(progress, total, cost, now)
    return Estimate(share, _builders(progress, now) * folded / took * SECOND, left / SECOND)


def _weigh(events: int, leads: int) -> int:
    """Return the work of folding so many, in events."""
    return events + LEAD * leads


def _folding(progress: Progress, total: int, cost: float, now: Instant) -> float:
    """Return the microseconds until all parts are folded.

    No part is folded sooner than by one builder, and what a dead builder left waits for its lease and is done again.
    """
    working, dead = _divide(progress, now)
    each = [cost * _rest(part) - (now - part.said_at) for part in working]
    waiting = [part.said_at + LEASE - now + cost * _weigh(part.events, part.founded) for part in dead]
    rest = _weigh(total - progress.events, max(0, progress.founded - progress.leads))
    rest += sum(_weigh(part.folded, part.leads) for part in dead)
    together = (cost * rest - sum(now - part.said_at for part in working)) / _builders(progress, now)
    return max(0.0, together, *each, *waiting)


def _comparing(progress: Progress, cost: float, now: Instant) -> float:
    """Return the microseconds that the comparison still takes: as measured once, until it shows its own pace."""
    a_lead = min(cost * COMPARING_A_LEAD, COMPARING_AT_MOST)
    if progress.done < progress.parts:
        return a_lead * progress.founded
    if not progress.compared:
        return max(0.0, a_lead * progress.leads - (now - progress.finished[0].said_at))
    (first, _), (last, _) = progress.compared[0], progress.compared[-1]
    behind_first = sum(leads for _, leads in progress.compared[1:])
    if behind_first:
        a_lead = (last - first) / behind_first
    left = progress.leads - sum(leads for _, leads in progress.compared)
    return max(0.0, a_lead * left - (now - last))


def _rest(part: Work) -> int:
    """Return the work that is left of a part."""
    return _weigh(part.events - part.folded, max(0, part.founded - part.leads))


def _builders(progress: Progress, now: Instant) -> float:
    """Return how many work on it: on the average of the last seconds, for between two parts a builder has none."""
    working, dead = _divide(progress, now)
    if progress.done + len(working) + len(dead) == progress.parts:
        return max(1, len(working))
    spans = [(part.begun, now) for part in working]
    spans += [(part.begun, part.said_at) for part in progress.finished if part.said_at > now - _RECENT]
    if not spans:
        return 1.0
    since = max(now - _RECENT, min(spans)[0])
    return max(1.0, sum(end - max(begun, since) for begun, end in spans) / max(now - since, 1))


def _divide(progress: Progress, now: Instant) -> tuple[list[Work], list[Work]]:
    """Return the parts whose builders live, and those whose builders are silent for too long."""
    working = [part for part in progress.under_way if now - part.said_at <= _SILENCE]
    return working, [part for part in progress.under_way if part not in working]
