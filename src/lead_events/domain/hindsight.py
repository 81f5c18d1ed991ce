"""What a model would have said of one lead at every past instant, from what was known by that instant and nothing else.

The fold is the one of live pages; only the order differs: events happen when they became known, and one that became known
late is folded again into its place, as it would have been then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from lead_events.domain import state
from lead_events.domain.events import Event
from lead_events.domain.lead import fold
from lead_events.domain.model import Model
from lead_events.domain.reach import Threshold, find_thresholds, reach
from lead_events.domain.scoring import Trace
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant, parse_instant

SALES_ACTS = ("lead.accepted", "opportunity.opened")
"""What says that sales found a lead by itself, whichever came first."""

_REMEMBER_EVERY = 64
"""Events after which a lead's state is remembered, so that a late event does not fold a long history from its beginning."""

_Moment = tuple[Instant, list[Event]]


@dataclass(frozen=True, slots=True)
class Question:
    """What a back-test asks.

    Attributes:
        outcome: type of the event that a good definition finds leads before.
        horizon: how long each lead is watched from its first event, microseconds; None until the end of the log.
        end: the end of the log, microseconds UTC.
    """

    outcome: str
    horizon: int | None
    end: Instant


@dataclass(frozen=True, slots=True)
class Watched:
    """A model that is tried, with the thresholds of its definitions.

    Attributes:
        label: what a report calls it.
    """

    label: str
    model: Model
    thresholds: tuple[Threshold, ...]


class Story(NamedTuple):
    """One lead as it became known.

    Attributes:
        founding: position of its founding event.
        moments: (when, what became known then), in the order of time.
        until: the last instant that counts: before the outcome, within the horizon.
        outcome_at: when the outcome happened, None if it did not in time.
        sales_at: when sales found it by itself, None if never.
        imported, assumed: how many of its events say when they were known, and how many of these only assume it.
    """

    founding: int
    moments: list[_Moment]
    until: Instant
    outcome_at: Instant | None
    sales_at: Instant | None
    imported: int
    assumed: int

    @property
    def begun(self) -> Instant:
        """Return when it was first known of."""
        return self.moments[0][0]


class Sighting(NamedTuple):
    """What one model would have said of one lead.

    Attributes:
        found: per definition, when it was first met, microseconds UTC, or None.
        reached: per threshold, the highest points at which its definition was met, or None.
        fired: ids of the rules that gave or took points; silence is no rule.
    """

    found: tuple[Instant | None, ...]
    reached: tuple[float | None, ...]
    fired: frozenset[str]


def prepare(label: str, model: Model) -> Watched:
    """Make a model ready to be watched; it must be compiled for this alone."""
    return Watched(label, model, tuple(find_thresholds(model)))


def known_at(event: Event) -> Instant:
    """Return when an event was known, microseconds UTC: as it says itself, else its receipt; never before it happened."""
    said = event.fields.get("known_at")
    if said is None:
        return event.received_at
    return max(event.at, min(parse_instant(said), event.received_at))


def is_assumed(event: Event) -> bool:
    """Say whether an event was taken for known as soon as it happened, as an import does where a file does not tell."""
    return "known_at" in event.fields and event.fields["known_at"] == event.fields.get("occurred_at")


def tell(founding: int, events: Sequence[Event], question: Question) -> Story:
    """Put a lead's events in the order in which they became known as its.

    Args:
        founding: position of its founding event.
        events: in canonical order, at least one.
    """
    joined = _joined(founding, events)
    when = {event.position: max(known_at(event), joined.get(event.position, 0)) for event in events}
    by_knowledge = sorted(events, key=lambda event: (when[event.position], event.at, event.position))
    moments = [(at, list(some)) for at, some in groupby(by_knowledge, lambda event: when[event.position])]
    outcome_at = _first(events, (question.outcome,))
    last = question.end if question.horizon is None else min(question.end, moments[0][0] + question.horizon)
    if outcome_at is not None and outcome_at > last:
        outcome_at = None
    until = last if outcome_at is None else outcome_at - 1
    counted = [event for event in events if when[event.position] <= until]
    imported = sum("known_at" in event.fields for event in counted)
    sales_at = _first(events, [type_ for type_ in SALES_ACTS if type_ != question.outcome])
    return Story(founding, moments, until, outcome_at, sales_at, imported, sum(map(is_assumed, counted)))


def _first(events: Iterable[Event], types: Sequence[str]) -> Instant | None:
    return next((event.at for event in events if event.type in types), None)


def _joined(founding: int, events: Iterable[Event]) -> dict[int, Instant]:
    """Return since when an anonymous event is known to be this lead's: since its browser said who it is.

    The browser that founded the lead was this lead from the first.
    """
    claimed: dict[bytes, Instant] = {}
    for event in events:
        if event.anonymous is not None and (event.strong or event.position == founding):
            at = known_at(event) if event.strong else event.at
            claimed[event.anonymous] = min(at, claimed.get(event.anonymous, at))
    return {
        event.position: claimed[event.anonymous]
        for event in events
        if event.anonymous is not None and not event.strong and event.anonymous in claimed
    }


class _Memory(NamedTuple):
    """A lead as it was after the event with this key; it stands for the beginning of every history that only adds later ones."""

    key: tuple[Instant, int]
    ticked: Instant
    text: str
    fired: frozenset[str]


@dataclass(slots=True)
class _Watch:
    """One lead under one model, while time passes."""

    watched: Watched
    lead: Lead
    found: list[Instant | None]
    reached: list[float | None]
    known: list[Event] = field(default_factory=list)
    fired: set[str] = field(default_factory=set)
    trace: Trace = field(default_factory=Trace)
    memories: list[_Memory] = field(default_factory=list)
    unremembered: int = 0


def watch(story: Story, watched: Watched) -> Sighting:
    """Let a lead become known, instant by instant, and note when each definition was first met."""
    model = watched.model
    now = _Watch(watched, model.begin(story.founding), [None] * len(model.definitions), [None] * len(watched.thresholds))
    for moment, events in story.moments:
        if moment > story.until:
            break
        _pass_time(now, moment - 1)
        _learn(now, events, moment)
        _look(now, moment)
    _pass_time(now, story.until)
    return Sighting(tuple(now.found), tuple(now.reached), frozenset(now.fired))


def _pass_time(now: _Watch, until: Instant) -> None:
    while now.lead.due is not None and now.lead.due <= until:
        due = now.lead.due
        fold(now.lead, (), now.watched.model, due)
        _look(now, due)


def _learn(now: _Watch, events: Sequence[Event], moment: Instant) -> None:
    """Fold what became known; what belongs before something that was known already is folded into its place."""
    lead, first = now.lead, events[0]
    is_late = _key(first) < (lead.last_at, lead.last_position) or first.at < lead.ticked
    now.known += events
    if is_late:
        events = _go_back(now, first)
    while events:
        some, events = events[: _REMEMBER_EVERY - now.unremembered], events[_REMEMBER_EVERY - now.unremembered :]
        fold(now.lead, some, now.watched.model, some[-1].at, now.trace)
        now.fired.update(given.rule for given in now.trace.contributions if given.credited and not given.by_time)
        now.trace.contributions.clear()
        now.trace.moves.clear()
        now.unremembered += len(some)
        if now.unremembered >= _REMEMBER_EVERY:
            _remember(now)
    fold(now.lead, (), now.watched.model, moment)


def _go_back(now: _Watch, first: Event) -> Sequence[Event]:
    """Make the lead what it was before an event, and return every known event that it has to fold since."""
    now.known.sort(key=_key)
    while now.memories and (now.memories[-1].key > _key(first) or now.memories[-1].ticked > first.at):
        now.memories.pop()
    now.unremembered = 0
    if not now.memories:
        now.lead, now.fired = now.watched.model.begin(now.lead.founding), set()
        return now.known
    memory = now.memories[-1]
    now.lead, now.fired = state.load(memory.text), set(memory.fired)
    return now.known[bisect_right(now.known, memory.key, key=_key) :]


def _remember(now: _Watch) -> None:
    lead = now.lead
    key = lead.last_at, lead.last_position
    now.memories.append(_Memory(key, lead.ticked, state.dump(lead), frozenset(now.fired)))
    now.unremembered = 0


def _look(now: _Watch, at: Instant) -> None:
    """Note what is met at an instant."""
    for index, definition in enumerate(now.lead.definitions):
        if definition[0] and now.found[index] is None:
            now.found[index] = at
    for index, threshold in enumerate(now.watched.thresholds):
        now.reached[index] = reach(threshold, now.lead, now.watched.model, at, now.reached[index])


def _key(event: Event) -> tuple[Instant, int]:
    return event.at, event.position
