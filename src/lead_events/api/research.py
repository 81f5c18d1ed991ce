"""``POST /v1/leads/{lead_id}/research``: who looks for a contact of a lead that nobody can reach yet.

The queue itself is ``GET /v1/leads?needs=contact``; an item leaves it when a contact appears or somebody gives it up.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from lead_events.api import resolving
from lead_events.api.deps import Moment
from lead_events.api.own_events import Author
from lead_events.api.schemas import Answer
from lead_events.api.written import EventId, LeadWriterDep, WrittenLead, written_or
from lead_events.domain.errors import Conflict, InvalidInput
from lead_events.domain.research import Research, state_of
from lead_events.domain.times import format_instant

router = APIRouter(prefix="/v1/leads", tags=["leads"])

_TYPES = {"take": "lead.research_taken", "give_up": "lead.research_given_up", "reopen": "lead.research_reopened"}


class ResearchAct(Answer):
    """What somebody does with an item of the research queue; giving up takes a reason."""

    action: Literal["take", "give_up", "reopen"]
    reason: Annotated[str | None, Field(description="Why it is given up, such as `no_such_company`.", max_length=1_000)] = None
    note: Annotated[str | None, Field(description="Free text; sealed.", max_length=10_000)] = None
    author: Author = None
    event_id: EventId = None


class ContactKnown(Conflict):
    """There is a contact of this lead already: nothing is left to look for."""


class TakenAlready(Conflict):
    """Somebody else looks for a contact of this lead since {0}; reopen it first to take it from them."""


class WithoutReason(InvalidInput):
    """/reason: say why it is given up."""


class ReasonWithoutUse(InvalidInput):
    """/reason: only giving up has one; write a note instead."""


@router.post("/{lead_id}/research", operation_id="act_on_research", responses=written_or(404, 409, 410, 422, 503))
async def act_on_research(lead_id: str, act: ResearchAct, writer: LeadWriterDep) -> WrittenLead:
    """Take the search for a contact, give it up, or open it again; of two who take it the first one has it."""
    return await writer.write(lead_id, act.author, _event(act), partial(_check, lead_id, act))


def _event(act: ResearchAct) -> dict[str, Any]:
    if (act.action == "give_up") != bool(act.reason):
        raise WithoutReason if act.action == "give_up" else ReasonWithoutUse
    properties = {name: value for name, value in (("reason", act.reason), ("note", act.note)) if value}
    return {"type": _TYPES[act.action], "properties": properties, "event_id": act.event_id}


def _check(lead_id: str, act: ResearchAct, moment: Moment, author: str) -> None:
    """Refuse what can have no effect, as far as is known now; of two at the same time the fold lets the first one have it."""
    lead = resolving.load_lead(moment, lead_id)[0].lead
    if lead.contact:
        raise ContactKnown
    if act.action == "take" and lead.research is not None and state_of(lead) is Research.TAKEN and lead.research[3] != author:
        raise TakenAlready(format_instant(lead.research[1]))
