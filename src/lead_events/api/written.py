"""Routes that append one event about a lead: they wait until the lead shows it, then show the lead."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Response
from pydantic import Field

from lead_events.api import lead_json, own_events, resolving
from lead_events.api.auth import require
from lead_events.api.deps import Reader, ReaderDep, problems, wait_seconds, wait_until
from lead_events.api.own_events import Check
from lead_events.api.schemas import LeadAnswer, LeadWithHistory
from lead_events.store.api_keys import Key, Scope
from lead_events.store.reads import ReadKind

EventId = Annotated[
    str | None, Field(description="An id of your own: the same request sent again with it changes nothing.", max_length=128)
]


class WrittenLead(LeadAnswer):
    """The lead; it shows what was written once ``position`` has reached ``written``."""

    written: Annotated[int, Field(description="The position of what was appended.")]


@dataclass(frozen=True, slots=True)
class LeadWriter:
    """What a route needs that writes about a lead: whose key asks, and the parts of the application and of the answer."""

    key: Key
    reader: Reader
    response: Response

    async def write(self, lead_id: str, author: str | None, event: Mapping[str, Any], check: Check | None = None) -> WrittenLead:
        """Append an event about a lead and return the lead with it; with status 202 when it does not show it yet.

        Args:
            author: who says it, or None for the source of the key.
            event: all of it but ``lead_id`` and ``author``.
            check: refuses what can have no effect.

        Raises:
            LeadEventsError: what ``own_events.append_about`` and the check raise.
        """
        reader = self.reader
        written = await asyncio.to_thread(own_events.append_about, reader, self.key, lead_id, author, event, check)
        if await wait_until(reader, written, wait_seconds(reader.request)) < written:
            self.response.status_code = 202
        return await asyncio.to_thread(_load, reader, lead_id, written)


async def _lead_writer(key: Annotated[Key, require(Scope.LEADS_WRITE)], reader: ReaderDep, response: Response) -> LeadWriter:
    return LeadWriter(key, reader, response)


LeadWriterDep = Annotated[LeadWriter, Depends(_lead_writer)]


def written_or(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare that a route answers with the lead, 202 while it does not show what was written, or with problems."""
    return {202: {"model": WrittenLead, "description": "Written; not shown yet."}, **problems(*statuses)}


def _load(reader: Reader, lead_id: str, written: int) -> WrittenLead:
    with reader.moment() as moment:
        row, resolved_from = resolving.load_lead(moment, lead_id)
        reader.note_read(ReadKind.LEAD, [row])
        return WrittenLead(
            **moment.freshness,
            data=LeadWithHistory.model_validate(lead_json.show_whole(row, moment.model, moment.as_of, moment.vault.log_id)),
            resolved_from=resolved_from,
            written=written,
        )
