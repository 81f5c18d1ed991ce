"""What a lead is interested in: per topic of the model, how many events fitted, each fading with the topic's half-life.

Interests are a profile: nothing is counted or shown without consent to profiling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from lead_events.domain.decay import decayed
from lead_events.domain.document import Topic
from lead_events.domain.event_conditions import EventCondition, compile_event_condition
from lead_events.domain.events import Event
from lead_events.domain.lists import Lists
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant, parse_duration

_LEAST_SHOWN = 0.005
"""What rounds to 0.00 is not shown."""


class CompiledTopic(NamedTuple):
    """One topic; ``half_life`` in microseconds, None when interest does not fade."""

    name: str
    half_life: int | None
    whens: tuple[EventCondition, ...]


@dataclass(slots=True)
class Topics:
    """The topics of one model, in its order, and which of them events of each type may concern."""

    compiled: tuple[CompiledTopic, ...] = ()
    by_type: dict[str, tuple[tuple[int, EventCondition], ...]] = field(default_factory=dict)

    def match(self, type_: str, fields: Mapping[str, Any]) -> set[int]:
        """Return the indexes of the topics that an event concerns, each once."""
        near = self.by_type.get(type_)
        if near is None:
            pairs = ((index, when) for index, topic in enumerate(self.compiled) for when in topic.whens)
            near = self.by_type[type_] = tuple((i, when) for i, when in pairs if when.type_ is None or when.type_(type_))
        return {index for index, when in near if when.holds(fields)}


class Interest(NamedTuple):
    """How much a lead is interested in a topic: ``strength`` is the number of its events that fitted, as they count now."""

    topic: str
    strength: float


def compile_topics(topics: Mapping[str, Topic], lists: Lists) -> Topics:
    """Compile the topics of a model.

    Raises:
        InvalidModel: a condition cannot be understood.
    """
    return Topics(tuple(_compile(name, topic, lists) for name, topic in topics.items()))


def _compile(name: str, topic: Topic, lists: Lists) -> CompiledTopic:
    half_life = parse_duration(topic.half_life) if topic.half_life else None
    if isinstance(topic.when, list):
        whens = [compile_event_condition(when, f"topics.{name}.when[{n}]", lists) for n, when in enumerate(topic.when)]
    else:
        whens = [compile_event_condition(topic.when, f"topics.{name}.when", lists)]
    return CompiledTopic(name, half_life, tuple(whens))


def apply(lead: Lead, event: Event, topics: Topics) -> None:
    """Count one event for every topic it concerns."""
    if not topics.compiled or not lead.profiled:
        return
    for index in topics.match(event.type, event.fields):
        entry = lead.interests[index]
        entry[0], entry[1] = decayed(entry[0], entry[1], event.at, topics.compiled[index].half_life) + 1.0, event.at


def interests_at(lead: Lead, topics: Topics, at: Instant) -> list[Interest]:
    """Return a lead's interests at an instant, strongest first; none without consent to profiling."""
    return add_up([(lead, topics)], at)


def add_up(leads: Iterable[tuple[Lead, Topics]], at: Instant) -> list[Interest]:
    """Return the interests of several leads together at an instant, strongest first."""
    sums: dict[str, float] = {}
    for lead, topics in leads:
        for topic, (count, since) in zip(topics.compiled, lead.interests, strict=True) if lead.profiled else ():
            sums[topic.name] = sums.get(topic.name, 0.0) + decayed(count, since, at, topic.half_life)
    shown = [Interest(name, count) for name, count in sums.items() if count >= _LEAST_SHOWN]
    return sorted(shown, key=lambda interest: (-interest.strength, interest.topic))
