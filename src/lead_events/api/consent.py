"""``POST /v1/leads/{lead_id}/consent``: what a person said on the phone, written down as an event with its author.

What follows from it is the fold's. Browsers send ``consent.granted`` and ``consent.withdrawn`` through the door.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from lead_events.api import own_events
from lead_events.api.auth import require
from lead_events.api.deps import Reader, ReaderDep, problems
from lead_events.api.lead_permits import Channel
from lead_events.api.merging import Author
from lead_events.api.schemas import Answer, Time
from lead_events.api.written import EventId, WrittenLead, show_written
from lead_events.domain.errors import InvalidInput
from lead_events.store.api_keys import Key, Scope

router = APIRouter(prefix="/v1/leads", tags=["consent"])

_TYPES = {"granted": "consent.granted", "withdrawn": "consent.withdrawn"}
_ENVELOPE = frozenset({"state", "author", "event_id", "occurred_at"})


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


@router.post(
    "/{lead_id}/consent",
    operation_id="write_consent",
    responses={202: {"model": WrittenLead, "description": "Written; not shown yet."}, **problems(404, 409, 422, 503)},
)
async def write_consent(
    lead_id: str,
    said: ConsentStatement,
    key: Annotated[Key, require(Scope.LEADS_WRITE)],
    reader: ReaderDep,
    request: Request,
    response: Response,
) -> WrittenLead:
    """Write down that a person agreed to a purpose, or withdrew it; the latest statement counts."""
    written = await asyncio.to_thread(_append, reader, key, lead_id, said)
    return await show_written(reader, lead_id, written, request, response)


def _append(reader: Reader, key: Key, lead_id: str, said: ConsentStatement) -> int:
    if said.channel is not None and said.purpose != "contact":
        raise ChannelWithoutContact
    with reader.moment() as moment:
        named = moment.lead_id(own_events.address(moment, lead_id))
        author = own_events.find_author(moment, key, said.author)
    properties = {name: value for name, value in said.model_dump(exclude=set(_ENVELOPE)).items() if value is not None}
    body = {"type": _TYPES[said.state], "lead_id": named, "author": author, "properties": properties}
    return own_events.append_once(reader, key, {**body, "event_id": said.event_id, "occurred_at": said.occurred_at})
