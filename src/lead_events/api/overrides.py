"""``POST /v1/leads/{lead_id}/override`` and ``…/override/withdraw``: a person knows better than the machine, for a while.

Both only append events; what an override does is the fold's.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import Field

from lead_events.api import own_events
from lead_events.api.auth import require
from lead_events.api.deps import Moment, Reader, ReaderDep, problems
from lead_events.api.merging import Author
from lead_events.api.schemas import Answer
from lead_events.api.written import EventId, WrittenLead, show_written
from lead_events.domain.errors import InvalidInput, InvalidInstant
from lead_events.domain.state import FIRST_STAGE
from lead_events.domain.times import parse_instant
from lead_events.store.api_keys import Key, Scope

router = APIRouter(prefix="/v1/leads", tags=["leads"])

Reason = Annotated[str, Field(min_length=1, max_length=1_000)]
_NOT_YET: dict[int | str, dict[str, Any]] = {202: {"model": WrittenLead, "description": "Written; not shown yet."}}


class OverrideRequest(Answer):
    """Exactly one of ``score`` (with ``value``) and ``stage``; without ``expires_at`` it holds until it is withdrawn."""

    score: Annotated[str | None, Field(examples=["behaviour"])] = None
    value: Annotated[float | None, Field(ge=-1e12, le=1e12, description="Points now; they fade as the score does.")] = None
    stage: str | None = None
    reason: Reason
    author: Author = None
    expires_at: Annotated[str | None, Field(examples=["2026-12-01T00:00:00Z"])] = None
    event_id: EventId = None


class WithdrawRequest(Answer):
    """What is no longer overridden: exactly one of ``score`` and ``stage``; what was not overridden stays as it is."""

    score: str | None = None
    stage: Annotated[bool, Field(description="Whether it is the stage.")] = False
    reason: Reason | None = None
    author: Author = None
    event_id: EventId = None


class UnknownTarget(InvalidInput):
    """/{0}: the live model has no such {0}; it has {1}."""


class OneTarget(InvalidInput):
    """Name either score or stage; a score is overridden with a value, a stage without."""


class AlreadyExpired(InvalidInput):
    """/expires_at: name an instant to come, with an offset, like 2026-12-01T00:00:00Z."""


@router.post("/{lead_id}/override", operation_id="override_lead", responses={**_NOT_YET, **problems(404, 409, 410, 422, 503)})
async def override_lead(
    lead_id: str,
    asked: OverrideRequest,
    key: Annotated[Key, require(Scope.LEADS_WRITE)],
    reader: ReaderDep,
    request: Request,
    response: Response,
) -> WrittenLead:
    """Set a score or the stage in place of the machine, which goes on beneath and is shown again afterwards."""
    written = await asyncio.to_thread(_override, reader, key, lead_id, asked)
    return await show_written(reader, lead_id, written, request, response)


@router.post(
    "/{lead_id}/override/withdraw", operation_id="withdraw_override", responses={**_NOT_YET, **problems(404, 409, 410, 422, 503)}
)
async def withdraw_override(
    lead_id: str,
    asked: WithdrawRequest,
    key: Annotated[Key, require(Scope.LEADS_WRITE)],
    reader: ReaderDep,
    request: Request,
    response: Response,
) -> WrittenLead:
    """Take an override back: the machine's score or stage is shown again."""
    written = await asyncio.to_thread(_withdraw, reader, key, lead_id, asked)
    return await show_written(reader, lead_id, written, request, response)


def _override(reader: Reader, key: Key, lead_id: str, asked: OverrideRequest) -> int:
    with reader.moment() as moment:
        _check_target(moment, asked)
        body = _body(moment, key, lead_id, asked, "lead.overridden")
    named = {"score": asked.score, "value": asked.value, "stage": asked.stage, "expires_at": asked.expires_at}
    return own_events.append_once(reader, key, {**body, "properties": _present(**named, reason=asked.reason)})


def _withdraw(reader: Reader, key: Key, lead_id: str, asked: WithdrawRequest) -> int:
    if asked.stage == (asked.score is not None):
        raise OneTarget
    with reader.moment() as moment:
        body = _body(moment, key, lead_id, asked, "lead.override_withdrawn")
    # The event names which stage override ends by naming the field; there is never more than one.
    named = {"score": asked.score, "stage": "any" if asked.stage else None}
    return own_events.append_once(reader, key, {**body, "properties": _present(**named, reason=asked.reason)})


def _body(moment: Moment, key: Key, lead_id: str, asked: OverrideRequest | WithdrawRequest, type_: str) -> dict[str, Any]:
    named = moment.lead_id(own_events.address(moment, lead_id))
    author = own_events.find_author(moment, key, asked.author)
    return _present(type=type_, lead_id=named, author=author, event_id=asked.event_id)


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _check_target(moment: Moment, asked: OverrideRequest) -> None:
    if (asked.score is None) == (asked.stage is None) or (asked.score is None) != (asked.value is None):
        raise OneTarget
    scores = [score.name for score in moment.model.scores]
    stages = [FIRST_STAGE, *(stage for stage in moment.model.document.stages if stage != FIRST_STAGE)]
    if asked.score is not None and asked.score not in scores:
        raise UnknownTarget("score", ", ".join(scores))
    if asked.stage is not None and asked.stage not in stages:
        raise UnknownTarget("stage", ", ".join(stages))
    try:
        expired = asked.expires_at is not None and parse_instant(asked.expires_at) <= moment.as_of
    except InvalidInstant:
        expired = True
    if expired:
        raise AlreadyExpired
