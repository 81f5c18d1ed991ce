"""``POST /v1/leads/{lead_id}/consent``: what a person said on the phone, written down as an event with its author.

What follows from it is the fold's. Browsers send ``consent.granted`` and ``consent.withdrawn`` through the door.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from lead_events.api.lead_permits import Channel
from lead_events.api.own_events import Author
from lead_events.api.schemas import Answer, Time
from lead_events.api.written import EventId, LeadWriterDep, WrittenLead, written_or
from lead_events.domain.errors import InvalidInput

router = APIRouter(prefix="/v1/leads", tags=["consent"])

_TYPES = {"granted": "consent.granted", "withdrawn": "consent.withdrawn"}
_ENVELOPE = {"state", "author", "event_id", "occurred_at"}


class ConsentStatement(Answer):
    """What a person agreed to or withdrew; ``contact`` without a channel means every channel."""

    purpose: Literal["analytics", "profiling", "contact"]
    channel: Channel | None = None
    state: Literal["granted", "withdrawn"]
    source: Annotated[str | None, Field(description="Where it was said, such as `support call`.", max_length=200)] = None
    method: Annotated[str | None, Field(description="How it was said, such as `phone`.", max_length=200)] = None
    text_version: Annotated[str | None, Field(description="Which text it was said to.", max_length=200)] = None
    text: Annotated[str | None, Field(description="What was said, or read out; sealed.", max_length=10_000)] = None
    note: Annotated[str | None, Field(description="Free text; sealed.", max_length=10_000)] = None
    occurred_at: Annotated[Time | None, Field(description="When it was said; now without it.")] = None
    author: Author = None
    event_id: EventId = None


class ChannelWithoutContact(InvalidInput):
    """/channel: only contact has channels; leave it out."""


@router.post("/{lead_id}/consent", operation_id="write_consent", responses=written_or(404, 409, 410, 422, 503))
async def write_consent(lead_id: str, said: ConsentStatement, writer: LeadWriterDep) -> WrittenLead:
    """Write down that a person agreed to a purpose, or withdrew it; the latest statement counts."""
    return await writer.write(lead_id, said.author, _event(said))


def _event(said: ConsentStatement) -> dict[str, Any]:
    if said.channel is not None and said.purpose != "contact":
        raise ChannelWithoutContact
    properties = said.model_dump(exclude=_ENVELOPE, exclude_none=True)
    envelope = {"event_id": said.event_id, "occurred_at": said.occurred_at}
    return {"type": _TYPES[said.state], "properties": properties, **envelope}
