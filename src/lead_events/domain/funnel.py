"""Where a lead stands: definitions met, temperature, stage; moved by events, by conditions, and by time at its true instant.

From one instant to the next a stage moves at most once round the chart.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lead_events.domain import lapsing, overrides
from lead_events.domain.acts import is_act
from lead_events.domain.conditions import next_flip
from lead_events.domain.consent import NO_PROFILING
from lead_events.domain.events import Event
from lead_events.domain.model import CompiledEntry, Model
from lead_events.domain.scoring import Effect, Move, Trace
from lead_events.domain.state import OVERRIDDEN_STAGE, Lead
from lead_events.domain.times import Instant

TIME = "time"


@dataclass(slots=True)
class Pending:
    """What a fold puts off from one event of its lead to the next, because working it out would come to nothing new.

    Most events of a long history add points to a score that is past its thresholds already: nothing that a condition says
    is another then, and time alone changes it later than before, never sooner. Half of a fold went into finding that out.

    Attributes:
        settled: whether deriving again would change nothing as long as no condition says anything else.
        since: the event after which ``lead.due`` is to be worked out anew; until then it is at most ``Scope.margin`` too late.
    """

    settled: bool = False
    since: Instant | None = None


def apply(lead: Lead, event: Event, model: Model, trace: Trace | None, pending: Pending, effect: Effect) -> None:
    """Let one event, already counted and scored, move the lead.

    Args:
        pending: what was put off so far, and is from here on.
        effect: what the event did to that which conditions look at.
    """
    heard = bool(model.silences) and lapsing.listen(lead, event)
    moved_by_event = event.type in model.event_moves and _move_by_event(lead, event, model, trace)
    requalifies = lead.stage in model.stages_left_by_activity
    changed = effect is Effect.NOTICEABLE or (effect is Effect.QUIET and not pending.settled)
    if changed or moved_by_event or lead.events == 1 or (requalifies and is_act(event.type)):
        pending.settled = not derive(lead, event.at, model, trace, event)
        if model.silences:
            pending.settled = not _hear_silence(lead, event.at, model, trace, event) and pending.settled
    restarted = bool(lead.waiting) and _restart_idle(lead, event.at, model)
    if changed or moved_by_event or heard or requalifies or lead.events == 1:
        lead.due, pending.since = _next_due(lead, event.at, model), None
    elif restarted or effect is Effect.QUIET:
        pending.since = event.at


def advance(lead: Lead, until: Instant, model: Model, trace: Trace | None = None, pending: Pending | None = None) -> None:
    """Make every move that time alone causes up to and including an instant, each at its own instant."""
    pending = pending or Pending()
    if pending.since is not None:
        lead.due, pending.since = _next_due(lead, pending.since, model), None
    while lead.due is not None and lead.due <= until:
        pending.settled = False
        instant = lead.due
        ended = bool(lead.overrides) and overrides.expire(lead, instant, model, trace)
        lapsed = bool(lead.expiring) and lapsing.expire(lead, instant, model, trace)
        changed = derive(lead, instant, model, trace, None) or ended or (lapsed and lead.profiled)
        if model.silences:
            changed = _hear_silence(lead, instant, model, trace, None) or changed
        if changed:
            lead.moved = instant
        lead.ticked = instant
        lead.due = _next_due(lead, instant, model)


def _hear_silence(lead: Lead, at: Instant, model: Model, trace: Trace | None, event: Event | None) -> bool:
    """Let a silence that is long enough do its part, and derive again; say whether any did."""
    changed = False
    while lapsing.fall_silent(lead, at, model, trace):
        derive(lead, at, model, trace, event)
        changed = True
    return changed


def derive(lead: Lead, at: Instant, model: Model, trace: Trace | None, event: Event | None) -> bool:
    """Bring definitions, temperature and stage up to an instant.

    Returns:
        Whether any of them changed.
    """
    position = event.position if event else None
    changed = _judge(lead, at, position, model, trace)
    visited = {lead.stage}
    while (step := _next_stage(lead, at, model, event)) and step[0] not in visited:
        _move(lead, at, position, step[0], step[1], trace)
        visited.add(step[0])
        changed = True
        if model.scope.asks_stage:
            _judge(lead, at, position, model, trace)
    _wait(lead, at, model)
    return changed


def _judge(lead: Lead, at: Instant, position: int | None, model: Model, trace: Trace | None) -> bool:
    """Bring definitions and temperature up to an instant; what asks for the other is asked again, once."""
    changed = _define(lead, at, position, model, trace)
    if _warm(lead, at, position, model, trace):
        changed = True
        if model.scope.asks_temperature:
            _define(lead, at, position, model, trace)
    return changed


def _define(lead: Lead, at: Instant, position: int | None, model: Model, trace: Trace | None) -> bool:
    changed = False
    for (name, condition), entry in zip(model.definitions, lead.definitions, strict=True):
        met = lead.profiled and condition.holds(lead, at)
        if met == entry[0]:
            continue
        entry[0] = met
        entry[1 if met else 2] = at
        changed = True
        if met and lead.qualified_at is None:
            lead.qualified_at = at
        if trace is not None:
            trace.moves.append(Move(at, position, "qualified" if met else "unqualified", None, name, ""))
    return changed


def _warm(lead: Lead, at: Instant, position: int | None, model: Model, trace: Trace | None) -> bool:
    asked = model.temperatures if lead.profiled else ()
    temperature = next((name for name, condition in asked if condition.holds(lead, at)), "cold")
    if temperature == lead.temperature:
        return False
    if trace is not None:
        trace.moves.append(Move(at, position, "temperature", lead.temperature, temperature, ""))
    lead.temperature = temperature
    return True


def _move_by_event(lead: Lead, event: Event, model: Model, trace: Trace | None) -> bool:
    for entry in model.entries:
        if event.type in entry.events and _leads_on(lead, entry):
            reason = str((event.fields.get("properties") or {}).get("reason") or event.type)
            required = model.requires.get(entry.stage)
            if required is not None and not required.holds(lead, event.at):
                lead.awaited = [entry.stage, reason]
            else:
                _move(lead, event.at, event.position, entry.stage, reason, trace)
            return True
    return False


def _leads_on(lead: Lead, entry: CompiledEntry) -> bool:
    return entry.stage != lead.stage and (entry.sources is None or lead.stage in entry.sources)


def _next_stage(lead: Lead, at: Instant, model: Model, event: Event | None) -> tuple[str, str] | None:
    """Return the stage that a condition or a waited-for time leads to now, and why."""
    for exit_ in model.exits.get(lead.stage, ()):
        if not lead.profiled and exit_.unless is not None and not exit_.unless.holds(lead, at):
            return exit_.to, NO_PROFILING  # what only a profile kept it in, it leaves at once
        since = lead.waiting.get(exit_.number)
        if since is not None and since + exit_.after <= at and (exit_.unless is None or not exit_.unless.holds(lead, at)):
            return exit_.to, exit_.reason
    if lead.awaited is not None and model.requires[lead.awaited[0]].holds(lead, at):
        return lead.awaited[0], lead.awaited[1]
    for entry in model.entries:
        if entry.when is None or not _leads_on(lead, entry):
            continue
        if entry.after_activity and not _is_newer_activity(lead, event):
            continue
        if entry.when.holds(lead, at) and is_open(entry.stage, lead, at, model):
            return entry.stage, TIME if event is None else event.type
    return None


def is_open(stage: str, lead: Lead, at: Instant, model: Model) -> bool:
    """Say whether everything that a stage requires of those who enter it is there."""
    required = model.requires.get(stage)
    return required is None or required.holds(lead, at)


def held(lead: Lead, at: Instant, model: Model) -> str | None:
    """Return the stage that a lead would be in if it had what that stage requires, or None."""
    if lead.awaited is not None:
        return str(lead.awaited[0])
    for entry in model.entries if model.requires else ():
        if entry.when is None or entry.after_activity or not _leads_on(lead, entry) or is_open(entry.stage, lead, at, model):
            continue
        if entry.when.holds(lead, at):
            return entry.stage
    return None


def _is_newer_activity(lead: Lead, event: Event | None) -> bool:
    return event is not None and is_act(event.type) and event.at > (lead.stage_since or 0)


def _move(lead: Lead, at: Instant, position: int | None, stage: str, reason: str, trace: Trace | None) -> None:
    if OVERRIDDEN_STAGE not in lead.overrides:  # beneath an override the machine moves unseen
        if trace is not None:
            trace.moves.append(Move(at, position, "stage", lead.stage, stage, reason))
        lead.history.append([at, stage, reason, position])
    lead.stage, lead.stage_since = stage, at
    lead.waiting = {}
    lead.awaited = None


def _wait(lead: Lead, at: Instant, model: Model) -> None:
    """Let the time of each exit of this stage run from the instant at which its reason to stay ended."""
    for exit_ in model.exits.get(lead.stage, ()):
        if exit_.unless is not None and exit_.unless.holds(lead, at):
            lead.waiting.pop(exit_.number, None)
        elif exit_.number not in lead.waiting:
            lead.waiting[exit_.number] = at


def _restart_idle(lead: Lead, at: Instant, model: Model) -> bool:
    idle = [exit_.number for exit_ in model.exits.get(lead.stage, ()) if exit_.idle]
    for number in idle:
        lead.waiting[number] = at
    return bool(idle)


def _next_due(lead: Lead, after: Instant, model: Model) -> Instant | None:
    """Return the first instant after ``after`` at which time alone may change this lead."""
    first = next_flip(lead, model.scope, after)
    for exit_ in model.exits.get(lead.stage, ()):
        since = lead.waiting.get(exit_.number)
        if since is not None and since + exit_.after > after and (first is None or since + exit_.after < first):
            first = since + exit_.after
    for other in _other_dues(lead, after, model):
        if other is not None and (first is None or other < first):
            first = other
    return first


def _other_dues(lead: Lead, after: Instant, model: Model) -> Iterator[Instant | None]:
    if lead.expiring or model.silences:
        yield lapsing.next_lapse(lead, after, model)
    if lead.overrides:
        yield overrides.next_expiry(lead)
