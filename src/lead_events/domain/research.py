"""The research queue: leads whom nobody can reach yet are taken by somebody, given up with a reason, or opened again.

A lead leaves the queue for good when a contact appears. Which leads are worth research is the list's question.
"""

from __future__ import annotations

from enum import StrEnum

from lead_events.domain.events import Event
from lead_events.domain.state import Lead


class Research(StrEnum):
    """Where an item of the queue stands."""

    FREE = "free"
    TAKEN = "taken"
    GIVEN_UP = "given_up"


_ACTS = frozenset({"lead.research_taken", "lead.research_given_up", "lead.research_reopened"})


def apply(lead: Lead, event: Event) -> None:
    """Let one event change who looks for a contact; an item that is taken stays with who took it first.

    The state is [where it stands, since when, position, author, reason], None while it is free.
    """
    if lead.research is None and event.type not in _ACTS:
        return
    match event.type:
        case "lead.research_taken" if state_of(lead) is not Research.TAKEN:
            lead.research = [Research.TAKEN.value, event.at, event.position, event.fields.get("author"), None]
        case "lead.research_given_up":
            reason = (event.fields.get("properties") or {}).get("reason")
            lead.research = [Research.GIVEN_UP.value, event.at, event.position, event.fields.get("author"), reason]
        case "lead.research_reopened":
            lead.research = None
    if lead.research is not None and lead.contact:
        lead.research = None


def state_of(lead: Lead) -> Research:
    """Return where a lead stands in the queue."""
    return Research.FREE if lead.research is None else Research(lead.research[0])
