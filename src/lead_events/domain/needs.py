"""What models need of a log besides the events that match their conditions: every event, those after some, or everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lead_events.domain.consent import UNOBSERVED
from lead_events.domain.events import Event
from lead_events.domain.lead import fold
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.state import FIRST_STAGE


@dataclass(frozen=True, slots=True)
class Needs:
    """What a model needs besides events that match.

    Attributes:
        everything: why it needs every event of every lead; empty if it does not.
        gates: types of events after which it needs every event of the lead.
        everybody: whether somebody who did nothing that matters is more than a cold visitor.
    """

    everything: str
    gates: frozenset[str]
    everybody: bool


NOTHING_ELSE = Needs("", frozenset(), everybody=False)


def needs_of(models: Sequence[Model]) -> Needs:
    """Return what some models need together."""
    each = [_needs(model) for model in models]
    everything = next((needs.everything for needs in each if needs.everything), "")
    gates = frozenset(type_ for needs in each for type_ in needs.gates)
    return Needs(everything, gates, everybody=any(needs.everybody for needs in each))


def _needs(model: Model) -> Needs:
    gates: set[str] = set()
    for stage in _watched_stages(model):
        ways = _ways_into(stage, model, frozenset())
        if ways is None:
            return Needs(f"every event of a lead in stage {stage} ends a wait", frozenset(), everybody=True)
        gates |= ways
    reason = "a condition asks for visits" if model.asks_visits else "a score has inactivity" if model.silences else ""
    return Needs(reason, frozenset(gates), everybody=bool(reason) or not _leaves_nothing(model))


def _watched_stages(model: Model) -> set[str]:
    """Return the stages in which any event may matter: those left after idle time, and those left by activity."""
    idle = {stage for stage, exits in model.exits.items() if any(exit_.idle for exit_ in exits)}
    return idle | model.stages_left_by_activity


def _ways_into(stage: str, model: Model, seen: frozenset[str]) -> set[str] | None:
    """Return the types of events of which a lead has at least one before it is in a stage; None if it needs none."""
    if stage == FIRST_STAGE:
        return None
    if stage in seen:
        return set()
    ways: set[str] = set()
    before: set[str] = {source for source, exits in model.exits.items() if any(exit_.to == stage for exit_ in exits)}
    for entry in model.entries:
        if entry.stage == stage and entry.when is not None:
            if entry.sources is None:
                return None
            before |= entry.sources
        elif entry.stage == stage:
            ways |= entry.events
    for source in before:
        further = _ways_into(source, model, seen | {stage})
        if further is None:
            return None
        ways |= further
    return ways


def _leaves_nothing(model: Model) -> bool:
    """Say whether an event that matches nothing leaves no trace in standing and in time."""
    trace = Trace()
    event = Event(1, 1, 1, UNOBSERVED, b"", None, (), {})
    lead = fold(model.begin(1), [event], model, 1, trace)
    is_cold = lead.stage == FIRST_STAGE and lead.temperature == "cold" and not any(met for met, *_ in lead.definitions)
    return is_cold and lead.due is None and not lead.waiting and not trace.moves and not trace.contributions
