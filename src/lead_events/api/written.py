"""Answers of endpoints that append one event about a lead: wait until the lead shows it, then show the lead."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Request, Response
from pydantic import Field

from lead_events.api import lead_json, resolving
from lead_events.api.deps import Reader, wait_seconds, wait_until
from lead_events.api.schemas import LeadAnswer
from lead_events.domain.times import format_instant
from lead_events.store.reads import ReadKind


class WrittenLead(LeadAnswer):
    """The lead; it shows what was written once ``position`` has reached ``written``."""

    written: Annotated[int, Field(description="The position of what was appended.")]


EventId = Annotated[
    str | None, Field(description="An id of your own: the same request sent again with it changes nothing.", max_length=128)
]


async def show_written(reader: Reader, lead_id: str, written: int, request: Request, response: Response) -> WrittenLead:
    """Return the lead with what was written; with status 202 when it does not show that yet.

    Args:
        written: the position of the event.
    """
    if await wait_until(reader, written, wait_seconds(request)) < written:
        response.status_code = 202
    return await asyncio.to_thread(_load, reader, lead_id, written)


def _load(reader: Reader, lead_id: str, written: int) -> WrittenLead:
    with reader.moment() as moment:
        row, resolved_from = resolving.load_lead(moment, lead_id)
        reader.note_read(ReadKind.LEAD, [row])
        return WrittenLead(
            as_of=format_instant(moment.as_of),
            generation_id=moment.generation.generation_id,
            position=moment.generation.position,
            data=lead_json.show_whole(row, moment.model, moment.as_of, moment.vault.log_id),
            resolved_from=resolved_from,
            written=written,
        )
