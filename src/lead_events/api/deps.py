"""What a reading route asks for: the application's parts, one consistent moment of the live generation, one's own write.

The composition root puts ``engine``, ``vault``, ``keys`` and ``reads`` into the application's state, and, where they are set,
``public_url`` and ``phone_region``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from sqlalchemy import Connection, Engine

from lead_events.api.schemas import Problem
from lead_events.domain.errors import CursorGone, NotFound, Unavailable
from lead_events.domain.lead_id import decode_lead_id, encode_lead_id
from lead_events.domain.model import Model
from lead_events.domain.times import Instant, format_instant
from lead_events.store import generations, models
from lead_events.store.engine import reading, snapshot
from lead_events.store.generations import Generation, Status
from lead_events.store.leads import LeadRow
from lead_events.store.reads import ReadKind
from lead_events.store.vault import Vault

WAIT_SECONDS = 2.0
"""How long ``?after=`` waits for the projector."""

_POLL_SECONDS = 0.02


class NotReachedYet(Unavailable):
    """The leads are {0} events behind that position; ask again."""


class UnknownLead(NotFound):
    """There is no lead with this id."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of one generation, as one reading transaction sees it."""

    connection: Connection
    vault: Vault
    generation: Generation
    model: Model

    @property
    def as_of(self) -> Instant:
        """Return the instant up to which the generation knows, microseconds UTC."""
        return self.generation.clock

    @property
    def freshness(self) -> dict[str, Any]:
        """Return the fields of ``AsOf`` for an answer about this moment."""
        generation = self.generation
        return {
            "as_of": format_instant(self.as_of),
            "generation_id": generation.generation_id,
            "position": generation.position,
        }

    def lead_id(self, founding: int) -> str:
        """Return the id of the lead founded at a position."""
        return encode_lead_id(self.vault.log_id, founding)

    def founding(self, lead_id: str) -> int:
        """Return the founding position of a lead id.

        Raises:
            UnknownLead: this log never gave that id.
        """
        founding = decode_lead_id(self.vault.log_id, lead_id)
        if founding is None:
            raise UnknownLead
        return founding


@dataclass(frozen=True, slots=True)
class Reader:
    """The parts of the application that reading needs.

    Attributes:
        public_url: what links start with, or None for the address that the request came to.
        phone_region: default country of phone numbers, ISO 3166 alpha-2, or None.
        compiled: models by their number and that of their lists; what is published never changes.
        request: the one that is answered.
    """

    engine: Engine
    vault: Vault
    public_url: str | None
    phone_region: str | None
    compiled: dict[tuple[int, int], Model]
    request: Request

    def note_read(self, what: ReadKind, rows: Iterable[LeadRow]) -> None:
        """Note that whoever asks is about to be shown these leads; those of whom nothing personal is known do not count.

        Raises:
            AccessLogFull: it cannot be noted.
        """
        personal = [row.lead.founding for row in rows if row.lead.traits or row.lead.user_id or row.lead.crm_ids]
        self.note_read_of(what, personal)

    def note_read_of(self, what: ReadKind, foundings: Iterable[int]) -> None:
        """Note the same of leads by their founding positions.

        Raises:
            AccessLogFull: it cannot be noted.
        """
        self.request.app.state.reads.note(self.request.state.key.key_id, what.value, foundings)

    def lead_id(self, founding: int) -> str:
        """Return the id of the lead founded at a position."""
        return encode_lead_id(self.vault.log_id, founding)

    @contextmanager
    def moment(self, generation_id: int | None = None) -> Iterator[Moment]:
        """Open one moment of the live generation, or of the one that a cursor pinned.

        Raises:
            CursorGone: that generation is no longer kept.
        """
        with snapshot(self.engine) as connection:
            generation = _load(connection, generation_id)
            model = self.model(connection, generation.model_number, generation.list_revision)
            yield Moment(connection, self.vault, generation, model)

    def model(self, connection: Connection, number: int, list_revision: int) -> Model:
        """Return a published model, compiled once with the lists of a number.

        Raises:
            NotFound: no model, or no lists, have this number.
        """
        numbers = number, list_revision
        if numbers not in self.compiled:
            self.compiled[numbers] = models.load_compiled(connection, *numbers)
        return self.compiled[numbers]


def _load(connection: Connection, generation_id: int | None) -> Generation:
    if generation_id is None:
        return generations.load_live(connection)
    try:
        generation = generations.load(connection, generation_id)
    except NotFound:
        raise CursorGone from None
    kept = generation.status is Status.RETIRED and generation.built_at is not None
    if generation.status is not Status.LIVE and not kept:
        raise CursorGone
    return generation


def _reader(request: Request) -> Reader:
    state = request.app.state
    if not hasattr(state, "compiled_models"):
        state.compiled_models = {}
    public_url, phone_region = getattr(state, "public_url", None), getattr(state, "phone_region", None)
    return Reader(state.engine, state.vault, public_url, phone_region, state.compiled_models, request)


ReaderDep = Annotated[Reader, Depends(_reader)]


async def _own_write(
    reader: ReaderDep,
    request: Request,
    after: Annotated[
        int | None,
        Query(ge=0, description="Wait up to two seconds until the leads have taken in this position: the one your write got."),
    ] = None,
) -> None:
    """Wait until the live generation has reached a position, without holding a thread meanwhile.

    Raises:
        NotReachedYet: it did not in time.
    """
    if after is None:
        return
    reached = await wait_until(reader, after, wait_seconds(request))
    if reached < after:
        raise NotReachedYet(after - max(reached, 0))


def wait_seconds(request: Request) -> float:
    """Return how long a request of this application waits for its own write, in seconds."""
    return float(getattr(request.app.state, "wait_seconds", WAIT_SECONDS))


async def wait_until(reader: Reader, position: int, seconds: float) -> int:
    """Wait until the live generation has reached a position, but not longer than some seconds.

    Returns:
        The position it has reached; -1 when not even that is known.
    """
    reached = -1
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while (reached := await asyncio.to_thread(_read_position, reader.engine)) < position:  # noqa: ASYNC110 - another process moves it
                await asyncio.sleep(_POLL_SECONDS)
    return reached


def _read_position(engine: Engine) -> int:
    with reading(engine) as connection:
        return generations.load_live(connection).position


OwnWrite = Depends(_own_write)
"""Give it to a route's ``dependencies``, behind the key: the route then knows ``?after=``."""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declare that a route answers these statuses with a problem, besides those that every route has."""
    return {status: {"model": Problem, "description": "Problem"} for status in (401, 403, *statuses)}
