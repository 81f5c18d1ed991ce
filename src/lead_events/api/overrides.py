"""``POST /v1/leads/{lead_id}/override`` and ``…/override/withdraw``: a person knows better than the machine, for a while.

Both only append events; what an override does is the fold's.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from lead_events.api.deps import Moment
from lead_events.api.own_events import Author
from lead_events.api.schemas import Answer
from lead_events.api.written import EventId, LeadWriterDep, WrittenLead, written_or
from lead_events.domain.errors import InvalidInput, InvalidInstant
from lead_events.domain.state import FIRST_STAGE
from lead_events.domain.times import parse_instant

router = APIRouter(prefix="/v1/leads", tags=["leads"])

Reason = Annotated[str, Field(min_length=1, max_length=1_000)]
_ENVELOPE = {"author", "event_id"}


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


@router.post("/{lead_id}/override", operation_id="override_lead", responses=written_or(404, 409, 410, 422, 503))
async def override_lead(lead_id: str, asked: OverrideRequest, writer: LeadWriterDep) -> WrittenLead:
    """Set a score or the stage in place of the machine, which goes on beneath and is shown again afterwards."""
    properties = asked.model_dump(exclude=_ENVELOPE, exclude_none=True)
    event = {"type": "lead.overridden", "properties": properties, "event_id": asked.event_id}
    return await writer.write(lead_id, asked.author, event, partial(_check_target, asked))


@router.post("/{lead_id}/override/withdraw", operation_id="withdraw_override", responses=written_or(404, 409, 410, 422, 503))
async def withdraw_override(lead_id: str, asked: WithdrawRequest, writer: LeadWriterDep) -> WrittenLead:
    """Take an override back: the machine's score or stage is shown again."""
    if asked.stage == (asked.score is not None):
        raise OneTarget
    properties = asked.model_dump(exclude={"stage", *_ENVELOPE}, exclude_none=True)
    if asked.stage:  # the event names which override ends by naming the field; there is never more than one of the stage
        properties["stage"] = "any"
    event = {"type": "lead.override_withdrawn", "properties": properties, "event_id": asked.event_id}
    return await writer.write(lead_id, asked.author, event)


def _check_target(asked: OverrideRequest, moment: Moment, _author: str) -> None:
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
