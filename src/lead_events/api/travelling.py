"""``?as_of=``, ``?known_at=`` and ``?model=``: where a request wants to look from, and the lead as it looks from there.

The lead is folded from its own events, with tracing on; nothing is stored for it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from fastapi import Query

from lead_events.api import resolving
from lead_events.api.deps import Moment, Reader, UnknownLead
from lead_events.api.lead_filters import InvalidParameter, UnknownName
from lead_events.domain.errors import ErasedLead, InvalidInstant, NotFound
from lead_events.domain.events import Event
from lead_events.domain.lead import fold_from_beginning
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.times import DAY, YEAR_2000, Instant, format_instant, parse_instant
from lead_events.store import lookups, models, promotions, travel
from lead_events.store.leads import LeadRow
from lead_events.store.travel import View

AHEAD = 366 * DAY
"""How far into the future a lead may be looked at: time passes, nothing else happens."""


class NothingKnownYet(NotFound):
    """Nothing was known of this lead at {0}; the first that is known of it happened at {1}."""


class NotKnownThen(NotFound):
    """Nothing was known of this lead at {0}; leave known_at out to look at it with what is known now."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The query parameters of a look into the past, as sent."""

    as_of: Annotated[
        str | None,
        Query(
            description="As it stood then: only what had happened by this instant. Up to 366 days ahead, only time passes.",
            examples=["2026-05-03T12:00:00Z"],
        ),
    ] = None
    known_at: Annotated[
        str | None,
        Query(
            description="As it was known at this instant: only what was received by then, and who was who, by the model live "
            "then. Imported events count from their own `known_at`. Without `as_of`, the instant itself is shown.",
            examples=["2026-05-03T12:00:00Z"],
        ),
    ] = None
    model: Annotated[int | None, Query(ge=1, description="By this published model instead.")] = None

    @property
    def given(self) -> bool:
        """Say whether anything but the present is asked for."""
        return bool(self.as_of or self.known_at or self.model is not None)


class Travelled(NamedTuple):
    """A lead as it looks from somewhere.

    Attributes:
        row: as a list would hold it, had that been the present.
        model_number: of the model it was folded by.
        position: the last position of the log that was looked at.
        resolved_from: the id that was asked for, when its events belonged to this lead.
    """

    row: LeadRow
    trace: Trace
    events: dict[int, Event]
    model: Model
    model_number: int
    as_of: Instant
    position: int
    resolved_from: str | None


def travel_to(reader: Reader, moment: Moment, lead_id: str, asked: Parameters) -> Travelled:
    """Return a lead as it looks from where a request asks.

    Raises:
        InvalidParameter: an instant cannot be read, or nobody can look from there.
        UnknownName: no such model was published.
        UnknownLead: no lead ever had this id, or its events are not folded yet.
        NothingKnownYet, NotKnownThen: the lead was not there yet.
        ErasedLead: it was erased since; nothing is left of what it was.
    """
    founding = moment.founding(lead_id)
    if founding > moment.generation.position:
        raise UnknownLead
    view = _read_view(moment, asked)
    number, model = _choose_model(reader, moment, view, asked.model)
    past = travel.load(moment.connection, moment.vault, founding, view)
    _refuse_erased(moment, {founding, *travel.load_members(moment.connection, past.founding, view)}, view)
    if not past.events:
        _refuse_nothing(view, past.earliest)
    lead, trace, whole = fold_from_beginning(past.founding, past.events, model, view.as_of)
    row = LeadRow(lead, past.position, max(past.received_at, lead.moved), emptied=False, parked=not whole)
    events = {event.position: event for event in past.events}
    resolved_from = None if past.founding == founding else moment.lead_id(founding)
    return Travelled(row, trace, events, model, number, view.as_of, view.position, resolved_from)


def _refuse_erased(moment: Moment, foundings: Collection[int], view: View) -> None:
    """Refuse to look at what an erased lead was before: from its erasure on it can be looked at."""
    until = view.as_of if view.known_at is None else min(view.as_of, view.known_at)
    erasures = (row.lead.erased for row in resolving.load_rows(moment, foundings).values())
    if any(erased is not None and until < erased[0] for erased in erasures):
        raise ErasedLead


def _read_view(moment: Moment, asked: Parameters) -> View:
    now, end = moment.as_of, moment.generation.position
    known_at = _read_instant("known_at", asked.known_at)
    as_of = _read_instant("as_of", asked.as_of)
    if known_at is not None and known_at > now:
        raise InvalidParameter("known_at", f"nobody knows yet what will be known; the present is {format_instant(now)}")
    if as_of is None:
        as_of = now if known_at is None else known_at
    if as_of > now + AHEAD:
        raise InvalidParameter("as_of", f"look at most {AHEAD // DAY} days ahead of {format_instant(now)}")
    position = end if known_at is None else lookups.position_at(moment.connection, known_at, end)
    return View(as_of, known_at, position, end)


def _read_instant(name: str, text: str | None) -> Instant | None:
    if not text:
        return None
    try:
        instant = parse_instant(text)
    except InvalidInstant:
        raise InvalidParameter(name, "write the time with an offset, like 2026-11-21T12:00:00.000000Z") from None
    if instant < YEAR_2000:
        raise InvalidParameter(name, "nothing is known from before 2000-01-01")
    return instant


def _choose_model(reader: Reader, moment: Moment, view: View, named: int | None) -> tuple[int, Model]:
    live = moment.generation
    number, list_revision = live.model_number, live.list_revision
    if view.known_at is not None:
        then = promotions.load_live_at(moment.connection, view.position)
        number, list_revision = then.model, then.list_revision
    number = number if named is None else named
    try:
        return number, reader.model(moment.connection, number, list_revision)
    except NotFound:
        if named is None:
            return live.model_number, moment.model
        known = ", ".join(str(each.number) for each in models.load_all(moment.connection))
        raise UnknownModel(known) from None


class UnknownModel(UnknownName):
    """?model: no model has this number; there are {0}."""


def _refuse_nothing(view: View, earliest: Instant | None) -> None:
    if earliest is None:
        raise NotKnownThen(format_instant(view.as_of if view.known_at is None else view.known_at))
    raise NothingKnownYet(format_instant(view.as_of), format_instant(earliest))
