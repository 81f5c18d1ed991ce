"""What erasure leaves of a lead: an empty one that says when, the same whether its past can still be read or not.

What the lead was is forgotten altogether, for a replay after the erasure could no longer find it.
"""

from __future__ import annotations

from collections.abc import Sequence

from lead_events.domain.events import Event
from lead_events.domain.model import Model
from lead_events.domain.scoring import Move, Trace
from lead_events.domain.state import Lead

ERASED = "lead.erased"
"""The type of the event that erases."""


def apply(lead: Lead, event: Event, model: Model, trace: Trace | None) -> None:
    """Empty a lead at its erasure; whatever else is still said of it afterwards changes nothing."""
    if event.type == ERASED:
        known = bool((event.fields.get("properties") or {}).get("contact")) or lead.is_tombstone
        _empty(lead, model)
        lead.erased = [event.at, known]
        lead.created_at = lead.stage_since = event.at
        if trace is not None:
            trace.contributions.clear()
            trace.moves.append(Move(event.at, event.position, "erased", None, None, ""))
    lead.last_at, lead.last_position = event.at, event.position


def since_erasure(events: Sequence[Event]) -> Sequence[Event]:
    """Return the events from a lead's last erasure on, or all of them: what was before folds to nothing."""
    for index in range(len(events) - 1, -1, -1):
        if events[index].type == ERASED:
            return events[index:]
    return events


def _empty(lead: Lead, model: Model) -> None:
    fresh = model.begin(lead.founding)
    for name in Lead.__slots__:
        setattr(lead, name, getattr(fresh, name))
