"""``POST /v1/leads/{lead_id}/erase``: a person asked to be forgotten. Rehearsed with ``?dry_run=true``, proved by a receipt."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from lead_events import clock
from lead_events.api import own_events
from lead_events.api.auth import require
from lead_events.api.deps import Reader, ReaderDep, problems, wait_seconds, wait_until
from lead_events.api.own_events import Author
from lead_events.api.schemas import Answer, Time
from lead_events.store import erasing, erasure_receipts
from lead_events.store.api_keys import Key, Scope
from lead_events.store.erasure_scope import AlreadyErased

router = APIRouter(prefix="/v1/leads", tags=["privacy"])


class EraseRequest(Answer):
    """Who decided it, and why; name nobody in the reason, for it stays."""

    author: Author = None
    reason: Annotated[str | None, Field(min_length=1, max_length=1_000, examples=["asked"])] = None


class Destroyed(Answer):
    """How much of each kind."""

    leads: int
    events: Annotated[int, Field(description="Events that are nobody's from now on; their shape stays in the log.")]
    sealed_parts: int
    identifiers: int
    browsers: int
    keys: int
    quarantined: int


class Erasure(Answer):
    """What was destroyed, or with ``dry_run`` what would be.

    The signature is Ed25519 over the other members but ``public_key``, as JSON with sorted keys and without spaces;
    ``./lead-events verify receipt FILE`` checks it.
    """

    dry_run: bool
    destroyed: Destroyed
    erasure_id: str | None = None
    lead_ids: list[str] | None = None
    erased_at: Time | None = None
    position: Annotated[int | None, Field(description="Where the log says so; leads show it once they reached it.")] = None
    public_key: str | None = None
    signature: str | None = None


@router.post(
    "/{lead_id}/erase",
    operation_id="erase_lead",
    responses={202: {"model": Erasure, "description": "Erased; not shown yet."}, **problems(404, 409, 422, 503)},
)
async def erase_lead(
    lead_id: str,
    key: Annotated[Key, require(Scope.ERASE)],
    reader: ReaderDep,
    request: Request,
    response: Response,
    wanted: EraseRequest | None = None,
    *,
    dry_run: Annotated[bool, Query(description="Count what would be destroyed, and destroy nothing.")] = False,
) -> Erasure:
    """Erase a person's data for ever: identifiers, traits, free texts, links, and the keys that sealed them."""
    founding = await asyncio.to_thread(_address, reader, lead_id)
    if dry_run:
        counts = await asyncio.to_thread(erasing.preview, reader.engine, founding)
        return Erasure(dry_run=True, destroyed=Destroyed(**counts))
    erasure = await asyncio.to_thread(_erase, reader, request, key, founding, wanted or EraseRequest())
    position = erasure.position or 0
    if await wait_until(reader, position, wait_seconds(request)) < position:
        response.status_code = 202
    return erasure


def _address(reader: Reader, lead_id: str) -> int:
    with reader.moment() as moment:
        return own_events.address(moment, lead_id, erased=True)


def _erase(reader: Reader, request: Request, key: Key, founding: int, wanted: EraseRequest) -> Erasure:
    with reader.moment() as moment:
        author = own_events.find_author(moment, key, wanted.author)
    ledger = getattr(request.app.state, "erasure_ledger", None)
    asked = erasing.Request(founding, key.source_id, author, clock.now(), wanted.reason)
    try:
        receipt = erasing.erase(reader.engine, reader.vault, asked, ledger)
    except AlreadyErased:
        receipt = erasure_receipts.load(reader.engine, founding)
    return Erasure(dry_run=False, **receipt)
