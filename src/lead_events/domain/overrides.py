"""What a person set in place of the machine: a score or the stage, until it expires or is withdrawn.

The machine goes on beneath, unseen, and is shown again afterwards. An overridden score fades like any other, so that one
rank orders all leads at every instant; what the fold of an event does besides is in ``scoring`` and ``funnel``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from lead_events.domain.decay import decayed
from lead_events.domain.events import Event
from lead_events.domain.model import Model
from lead_events.domain.scoring import Contribution, Move, Trace
from lead_events.domain.state import FIRST_STAGE, OVERRIDDEN_STAGE, Lead, score_key
from lead_events.domain.times import Instant, parse_instant

TYPES = frozenset({"lead.overridden", "lead.override_withdrawn"})
RULE = "override"
"""Stands where a contribution names its rule."""
EXPIRED, WITHDRAWN = "override_expired", "override_withdrawn"


class Override(NamedTuple):
    """One override as a lead's state holds it, in this order.

    Attributes:
        value: points at ``at``, or the name of a stage.
        expires_at: the first instant at which it no longer holds, microseconds UTC; None for until it is withdrawn.
        position: of the event that said so.
        machine: [points, at] of the machine's score; None for a stage.
    """

    value: Any
    at: Instant
    expires_at: Instant | None
    reason: str | None
    author: str | None
    position: int
    machine: list[Any] | None


def of_score(lead: Lead, name: str) -> Override | None:
    """Return the override of a score, if there is one."""
    override = lead.overrides.get(score_key(name)) if lead.overrides else None
    return None if override is None else Override(*override)


def apply(lead: Lead, event: Event, model: Model, trace: Trace | None) -> bool:
    """Let an event override or withdraw; what names no score or stage of the model changes nothing.

    Returns:
        Whether anything changed.
    """
    said = event.fields.get("properties") or {}
    if event.type == "lead.override_withdrawn":
        return _withdraw(lead, _key(said), event.at, event.position, model, trace)
    expires_at = said.get("expires_at")
    until = None if expires_at is None else parse_instant(expires_at)
    if until is not None and until <= event.at:
        return False
    about = event.at, until, said.get("reason"), event.fields.get("author"), event.position
    if said.get("score") is not None:
        return _set_score(lead, said["score"], float(said["value"]), about, model)
    return _set_stage(lead, said.get("stage"), about, model, trace)


def expire(lead: Lead, instant: Instant, model: Model, trace: Trace | None) -> bool:
    """End every override that holds no longer at an instant; say whether any did."""
    ended = [key for key, override in lead.overrides.items() if override[2] is not None and override[2] <= instant]
    for key in sorted(ended):
        _withdraw(lead, key, instant, None, model, trace)
    return bool(ended)


def next_expiry(lead: Lead) -> Instant | None:
    """Return the first instant at which an override expires."""
    return min((override[2] for override in lead.overrides.values() if override[2] is not None), default=None)


def contribution_of(lead: Lead, name: str, half_life: int | None) -> Contribution | None:
    """Return the override of a score as a line of its explanation: what it set, and what the machine had then is cut."""
    override = of_score(lead, name)
    if override is None or override.machine is None:
        return None
    value, since = override.machine
    machine = decayed(value, since, override.at, half_life)
    return Contribution(override.position, override.at, name, RULE, override.value, override.value - machine, "machine")


def _key(said: Mapping[str, Any]) -> str:
    return OVERRIDDEN_STAGE if said.get("score") is None else score_key(str(said["score"]))


def _set_score(lead: Lead, name: str, value: float, about: tuple[Any, ...], model: Model) -> bool:
    index = _index(model, score_key(name))
    if index is None:
        return False
    before = lead.overrides.get(score_key(name))
    machine = lead.scores[index] if before is None else before[6]
    lead.overrides[score_key(name)] = [value, *about, machine]
    lead.scores[index] = [value, about[0]]
    return True


def _set_stage(lead: Lead, stage: str | None, about: tuple[Any, ...], model: Model, trace: Trace | None) -> bool:
    if stage is None or (stage not in model.document.stages and stage != FIRST_STAGE):
        return False
    old = lead.shown_stage
    lead.overrides[OVERRIDDEN_STAGE] = [stage, *about, None]
    _show_move(lead, about[0], about[4], old, "overridden", trace)
    return True


def _index(model: Model, key: str) -> int | None:
    return next((index for index, score in enumerate(model.scores) if score_key(score.name) == key), None)


def _withdraw(lead: Lead, key: str, at: Instant, position: int | None, model: Model, trace: Trace | None) -> bool:
    if key not in lead.overrides:
        return False
    old = lead.shown_stage
    override = lead.overrides.pop(key)
    if key == OVERRIDDEN_STAGE:
        _show_move(lead, at, position, old, EXPIRED if position is None else WITHDRAWN, trace)
    elif (index := _index(model, key)) is not None:
        lead.scores[index] = override[6]
    return True


def _show_move(lead: Lead, at: Instant, position: int | None, old: str, reason: str, trace: Trace | None) -> None:
    if lead.shown_stage == old:
        return
    if trace is not None:
        trace.moves.append(Move(at, position, "stage", old, lead.shown_stage, reason))
    lead.history.append([at, lead.shown_stage, reason, position])
