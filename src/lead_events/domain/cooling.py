"""When a score falls below its thresholds if nothing happens: by fading, and by whatever else time does to it.

Points for a time end, silence costs, an override expires: each has its instant, and the fold itself says what it leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple

from lead_events.domain import overrides, state
from lead_events.domain.decay import cooling_instant
from lead_events.domain.funnel import advance
from lead_events.domain.model import Model
from lead_events.domain.scoring import value_at
from lead_events.domain.state import Lead
from lead_events.domain.times import DAY, Instant

AHEAD = 366 * DAY
"""How far ahead is looked for what time does beside fading; a lead may be looked at as far ahead."""


class _Span(NamedTuple):
    """A time in which a score does nothing but fade.

    Attributes:
        value: at ``begin``; None if the score is unknown then.
        based: what fades: points, and the instant at which they were so many.
        end: when time does more; None if it does not.
    """

    begin: Instant
    value: float | None
    based: tuple[float, Instant]
    end: Instant | None


def find_cooling(lead: Lead, index: int, model: Model, as_of: Instant, points: Collection[float]) -> dict[float, Instant]:
    """Return the first instant at which a score is below each threshold, if nothing happens.

    Args:
        lead: as it is at ``as_of``; it is not changed.
        index: of the score.
        as_of: microseconds UTC.
        points: thresholds that the score reaches at ``as_of``.

    Returns:
        Threshold → microseconds UTC; without those that it stays at.
    """
    found: dict[float, Instant] = {}
    waiting = set(points)
    for span in _spans(lead, index, model, as_of) if waiting else ():
        cooled = {each: at for each in waiting if (at := _cools_in(span, each, model.scores[index].half_life)) is not None}
        found |= cooled
        waiting -= cooled.keys()
        if not waiting:
            break
    return found


def _cools_in(span: _Span, points: float, half_life: int | None) -> Instant | None:
    if span.value is None or span.value < points:
        return span.begin
    at = cooling_instant(*span.based, points, half_life)
    return at if at is not None and (span.end is None or at < span.end) else None


def _spans(lead: Lead, index: int, model: Model, as_of: Instant) -> Iterator[_Span]:
    begin, ahead = as_of, lead
    while True:
        end = ahead.due if _waits_for_time(ahead, index, model) else None
        end = None if end is None or not begin < end <= as_of + AHEAD else end
        value, since = ahead.scores[index]
        yield _Span(begin, value_at(ahead, index, model.scores[index], begin), (value, since), end)
        if end is None:
            return
        ahead = state.load(state.dump(lead)) if ahead is lead else ahead
        advance(ahead, end, model)
        begin = end


def _waits_for_time(lead: Lead, index: int, model: Model) -> bool:
    """Say whether time may do more to a score than let it fade."""
    held = overrides.of_score(lead, model.scores[index].name)
    if held is not None:
        return held.expires_at is not None
    ending = any(model.rules_by_id[entry[2]].score == index for entry in lead.expiring)
    return ending or any(silence.score == index and silence.id not in lead.silent for silence in model.silences)
