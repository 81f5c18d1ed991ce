"""``/v1/generations``: replay a model beside the live one, look at the difference, promote it, roll back.

Routes only ask; the building, comparing and promoting is ``projections``, given here as ``GenerationActions``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Protocol

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection

from lead_events import clock
from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.lead_filters import InvalidParameter
from lead_events.api.schemas_generations import (
    BuildProgress,
    BuildRequest,
    GenerationDetail,
    GenerationDifference,
    GenerationHead,
    GenerationList,
    Promoted,
    PromotionRequest,
    RollbackRequest,
)
from lead_events.domain.errors import InvalidInstant
from lead_events.domain.times import SECOND, Instant, format_instant, parse_instant
from lead_events.store import generations, log, lookups, parts, promotions
from lead_events.store.api_keys import Scope
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Generation, Status
from lead_events.store.log import Head
from lead_events.store.parts import Progress

router = APIRouter(prefix="/v1/generations", tags=["generations"], dependencies=[require(Scope.REPLAY)])


class Promotion(Protocol):
    """What a promotion did."""

    @property
    def generation_id(self) -> int:
        """Return the generation that is live now."""

    @property
    def previous_id(self) -> int:
        """Return the generation that was live before."""

    @property
    def position(self) -> int:
        """Return the position of the event ``generation.promoted``."""

    @property
    def announced(self) -> int:
        """Return how many leads were announced."""


class Estimate(Protocol):
    """How a build goes."""

    @property
    def share(self) -> float:
        """Return the share of the events folded, 0 to 1."""

    @property
    def events_per_second(self) -> float:
        """Return the rate."""

    @property
    def seconds_left(self) -> float | None:
        """Return the seconds to the end, None while nothing is known."""


@dataclass(frozen=True, slots=True)
class GenerationActions:
    """What the projections do for these routes; the composition root puts it into the state as ``generation_actions``.

    Attributes:
        begin: model number → id of the generation that will be built.
        promote: (generation, ``none`` | ``changed-stage`` | ``all``, why without approval or None) → what it did.
        rollback: announce → what it did.
        estimate: (generation, progress, now in microseconds UTC) → how its build goes.
    """

    begin: Callable[[int], int]
    promote: Callable[[int, str, str | None], Promotion]
    rollback: Callable[[str], Promotion]
    estimate: Callable[[Generation, Progress, Instant], Estimate]


def _actions(request: Request) -> GenerationActions:
    found: GenerationActions = request.app.state.generation_actions
    return found


_ActionsDep = Annotated[GenerationActions, Depends(_actions)]


@router.post("", operation_id="begin_generation", status_code=202, responses=problems(404, 422))
def begin_generation(wanted: BuildRequest, reader: ReaderDep, actions: _ActionsDep, response: Response) -> GenerationDetail:
    """Begin to replay all history under a model, beside the live generation; a worker builds it."""
    generation_id = actions.begin(wanted.model)
    response.headers["Location"] = f"/v1/generations/{generation_id}"
    return _load(reader, actions, generation_id)


@router.get("", operation_id="list_generations", responses=problems(422))
def list_generations(
    reader: ReaderDep,
    actions: _ActionsDep,
    live_at: Annotated[
        str | None, Query(description="Only the one that answered readers at this instant.", examples=["2026-05-03T12:00:00Z"])
    ] = None,
) -> GenerationList:
    """List every generation, oldest first; or the one that was live at an instant, as the promotions in the log tell."""
    now = clock.now()
    with reading(reader.engine) as connection:
        head = log.read_head(connection)
        found = generations.load_all(connection) if live_at is None else [_load_live_at(connection, live_at, head, now)]
        return GenerationList(data=[_head(connection, actions, each, head.position, now) for each in found])


def _load_live_at(connection: Connection, live_at: str, head: Head, now: Instant) -> Generation:
    try:
        instant = parse_instant(live_at)
    except InvalidInstant:
        raise InvalidParameter("live_at", "write the time with an offset, like 2026-11-21T12:00:00.000000Z") from None
    if instant > max(now, head.received_at):
        raise InvalidParameter("live_at", f"nobody knows yet what will be live; the present is {format_instant(now)}")
    promotion = promotions.load_live_at(connection, lookups.position_at(connection, instant, head.position))
    return generations.load(connection, promotion.generation_id)


@router.get("/{generation_id}", operation_id="get_generation", responses=problems(404, 422))
def get_generation(generation_id: int, reader: ReaderDep, actions: _ActionsDep) -> GenerationDetail:
    """Show a generation: how its build goes, and its difference from the live one when it is ready."""
    return _load(reader, actions, generation_id)


@router.post("/rollback", operation_id="roll_back", responses=problems(409, 422))
def roll_back(actions: _ActionsDep, wanted: RollbackRequest | None = None) -> Promoted:
    """Make the generation live again that was live before; no reader sees a mix."""
    return _promoted(actions.rollback((wanted or RollbackRequest()).announce.value))


@router.post("/{generation_id}/promote", operation_id="promote_generation", responses=problems(404, 409, 422))
def promote_generation(generation_id: int, actions: _ActionsDep, wanted: PromotionRequest | None = None) -> Promoted:
    """Make a generation that is ready the live one; no reader sees a mix or goes back in time.

    409 `not_approved` names those whom the model's definitions name as approvers and who have not approved it yet.
    """
    asked = wanted or PromotionRequest()
    return _promoted(actions.promote(generation_id, asked.announce.value, asked.without_approval))


@router.post("/{generation_id}/resume", operation_id="resume_generation", status_code=202, responses=problems(404, 409, 422))
def resume_generation(generation_id: int, reader: ReaderDep, actions: _ActionsDep) -> GenerationDetail:
    """Take up a failed build where it stopped; what is done stays done."""
    with writing(reader.engine) as connection:
        generations.load(connection, generation_id)
        generations.resume(connection, generation_id)
    return _load(reader, actions, generation_id)


@router.post("/{generation_id}/cancel", operation_id="cancel_generation", responses=problems(404, 409, 422))
def cancel_generation(generation_id: int, reader: ReaderDep, actions: _ActionsDep) -> GenerationDetail:
    """Give up a build, or a generation that is ready; its rows are dropped."""
    with writing(reader.engine) as connection:
        generations.load(connection, generation_id)
        generations.fail(connection, generation_id, generations.CANCELLED)
    return _load(reader, actions, generation_id)


def _load(reader: ReaderDep, actions: GenerationActions, generation_id: int) -> GenerationDetail:
    with reading(reader.engine) as connection:
        generation = generations.load(connection, generation_id)
        head = log.read_head(connection).position
        shown = _head(connection, actions, generation, head, clock.now())
    report = generation.difference
    difference = GenerationDifference.model_validate(orjson.loads(report)) if report else None
    return GenerationDetail(**dict(shown), difference=difference)


def _head(connection: Connection, actions: GenerationActions, generation: Generation, end: int, now: Instant) -> GenerationHead:
    return GenerationHead(
        generation_id=generation.generation_id,
        status=generation.status,
        model=generation.model_number,
        fold_revision=generation.fold_revision,
        list_revision=generation.list_revision,
        position=generation.position,
        lag=max(0, end - generation.position),
        clock=_time(generation.clock or None),
        created_at=format_instant(generation.created_at),
        built_at=_time(generation.built_at),
        promoted_at=_time(generation.promoted_at),
        kept_until=_time(generation.current_until),
        replaces=generation.replaces,
        error=generation.error,
        without_approval=generation.without_approval,
        progress=_progress(connection, actions, generation, now) if generation.status is Status.BUILDING else None,
    )


def _progress(connection: Connection, actions: GenerationActions, generation: Generation, now: Instant) -> BuildProgress:
    progress = parts.read_progress(connection, generation.generation_id)
    estimate = actions.estimate(generation, progress, now)
    left = estimate.seconds_left
    return BuildProgress(
        share=round(estimate.share, 4),
        parts=progress.parts,
        parts_done=progress.done,
        events=progress.events,
        leads=progress.leads,
        events_per_second=round(estimate.events_per_second, 1),
        eta_seconds=None if left is None else round(left, 1),
        eta_at=None if left is None else format_instant(now + int(left * SECOND)),
    )


def _time(instant: Instant | None) -> str | None:
    return None if instant is None else format_instant(instant)


def _promoted(done: Promotion) -> Promoted:
    return Promoted(
        generation_id=done.generation_id,
        previous_id=done.previous_id,
        position=done.position,
        announced=done.announced,
    )
