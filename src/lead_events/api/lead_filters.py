"""The parameters of ``GET /v1/leads``: read into one normal form, which a cursor carries, and compiled into a query.

The database answers from its indexes, with slack; the exact predicate on scores decides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Annotated, Any, Literal

from fastapi import Query

from lead_events.api import lead_permits
from lead_events.api.lead_permits import Channel
from lead_events.api.schemas import Temperature
from lead_events.domain.decay import rank_of_threshold
from lead_events.domain.errors import InvalidInput, InvalidInstant
from lead_events.domain.model import Model
from lead_events.domain.research import Research
from lead_events.domain.scoring import value_at
from lead_events.domain.state import FIRST_STAGE, Lead
from lead_events.domain.times import Instant, parse_instant
from lead_events.store import listing
from lead_events.store.listing import SORTABLE_SCORES, Order, RankBound

Filters = dict[str, Any]
"""Normal form: only what was named; instants in microseconds UTC, score bounds as [name, points]."""

DEFAULT_SORT = "updated_at"
RESEARCH_SORT = "-priority"

_MAX_TEXT = 200
_MAX_WORDS = 8


class InvalidParameter(InvalidInput):
    """?{0}: {1}."""


class UnknownName(InvalidInput):
    """?{0}: the live model has no such name; it has {1}."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The query parameters of a list of leads, as sent."""

    stage: Annotated[list[str] | None, Query(description="Any of these; without it, every lead with a contact.")] = None
    definition: Annotated[str | None, Query(description="Only leads that meet this definition.")] = None
    temperature: Annotated[Temperature | None, Query()] = None
    owner: Annotated[str | None, Query()] = None
    min_score: Annotated[list[str] | None, Query(description="At least so many points now.", examples=["behaviour:50"])] = None
    max_score: Annotated[list[str] | None, Query(description="At most so many points now.", examples=["fit:20"])] = None
    updated_since: Annotated[str | None, Query(description="Inclusive.", examples=["2026-11-21T12:00:00.000000Z"])] = None
    updated_until: Annotated[str | None, Query(description="Exclusive.")] = None
    created_since: Annotated[str | None, Query(description="Inclusive.")] = None
    needs: Annotated[
        Literal["contact"] | None, Query(description="Nobody can be reached yet, and it is worth research; by `-priority`.")
    ] = None
    research: Annotated[
        Research | None, Query(description="With `needs=contact`: only these; without it, all but those given up.")
    ] = None
    contactable: Annotated[
        Channel | None, Query(description="Only leads that may be contacted by this channel, and whose address for it is known.")
    ] = None
    no_sharing: Annotated[
        Literal["include"] | None,
        Query(description="Also leads whose browser said Global Privacy Control and who agreed to nothing themselves."),
    ] = None
    q: Annotated[str | None, Query(description="Words within contact, name, company or job title.")] = None
    sort: Annotated[str | None, Query(description="updated_at (default), -updated_at, -priority or -scores.<name>.")] = None
    limit: Annotated[int, Query(ge=1, description="At most 1000.")] = 100
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before, with the same other parameters.")] = None


def read(parameters: Parameters) -> Filters:
    """Return what was named, in normal form; an empty text counts as absent.

    Raises:
        InvalidParameter: a text cannot be read as what it should be.
    """
    given: Filters = {
        "stage": sorted(set(parameters.stage or ())),
        "definition": parameters.definition,
        "temperature": None if parameters.temperature is None else parameters.temperature.value,
        "owner": _text("owner", parameters.owner),
        "min_score": sorted(_bound("min_score", text) for text in parameters.min_score or ()),
        "max_score": sorted(_bound("max_score", text) for text in parameters.max_score or ()),
        "updated_since": _instant("updated_since", parameters.updated_since),
        "updated_until": _instant("updated_until", parameters.updated_until),
        "created_since": _instant("created_since", parameters.created_since),
        "q": sorted(set((_text("q", parameters.q) or "").casefold().split())),
        "needs": parameters.needs,
        "research": None if parameters.research is None else parameters.research.value,
        "contactable": parameters.contactable,
        "no_sharing": parameters.no_sharing,
        "sort": parameters.sort or (RESEARCH_SORT if parameters.needs else None),
    }
    if parameters.research and not parameters.needs:
        raise InvalidParameter("research", "send needs=contact with it")
    if len(given["q"]) > _MAX_WORDS:
        raise InvalidParameter("q", f"send at most {_MAX_WORDS} words")
    if parameters.needs and given["sort"] != RESEARCH_SORT:
        raise InvalidParameter("sort", f"what needs research is listed by {RESEARCH_SORT} only")
    return {name: value for name, value in given.items() if value is not None and value not in ("", [])}


def _text(name: str, text: str | None) -> str | None:
    if text is not None and (len(text) > _MAX_TEXT or "\0" in text):
        raise InvalidParameter(name, f"send a text of at most {_MAX_TEXT} characters")
    return text


def _instant(name: str, text: str | None) -> Instant | None:
    try:
        return parse_instant(text) if text else None
    except InvalidInstant:
        raise InvalidParameter(name, "write the time with an offset, like 2026-11-21T12:00:00.000000Z") from None


def _bound(name: str, text: str) -> list[Any]:
    score, _, points = text.rpartition(":")
    try:
        bound = float(points)
    except ValueError:
        bound = float("nan")
    if not score or not isfinite(bound):
        raise InvalidParameter(name, "write a score and points, like behaviour:50")
    return [score, bound]


def compile_filters(
    filters: Filters, model: Model, generation_id: int, as_of: Instant
) -> tuple[listing.Query, Callable[[Lead], bool]]:
    """Return the query for the database, and the exact predicate that decides.

    Raises:
        UnknownName: the model has no such stage, definition, score or order.
    """
    definitions = [name for name, _ in model.definitions]
    stages = [FIRST_STAGE, *(stage for stage in model.document.stages if stage != FIRST_STAGE)]
    for stage in filters.get("stage", ()):
        _find("stage", stage, stages)
    definition = filters.get("definition")
    lows, highs = _indexed(filters, "min_score", model), _indexed(filters, "max_score", model)
    query = listing.Query(
        generation_id=generation_id,
        order=_order(filters.get("sort", DEFAULT_SORT), model),
        stages=tuple(filters.get("stage", ())),
        research="needs" in filters,
        met=0 if definition is None else 1 << _find("definition", definition, definitions),
        temperature=filters.get("temperature"),
        owner=filters.get("owner"),
        updated_since=filters.get("updated_since"),
        updated_until=filters.get("updated_until"),
        created_since=filters.get("created_since"),
        words=tuple(filters.get("q", ())),
        ranks=(*_rank_bounds(lows, model, as_of, is_least=True), *_rank_bounds(highs, model, as_of, is_least=False)),
    )
    permitted = lead_permits.compile_permits(filters)
    exactly = _exactly(lows, highs, model, as_of)
    return query, lambda lead: permitted(lead) and exactly(lead)


def _find(parameter: str, name: str, known: list[str]) -> int:
    if name not in known:
        raise UnknownName(parameter, ", ".join(known) or "none")
    return known.index(name)


def _indexed(filters: Mapping[str, Any], parameter: str, model: Model) -> list[tuple[int, float]]:
    names = [score.name for score in model.scores]
    return [(_find(parameter, name, names), points) for name, points in filters.get(parameter, ())]


def _order(sort: str, model: Model) -> Order:
    sortable = [f"-scores.{score.name}" for score in model.scores[:SORTABLE_SCORES]]
    orders = {"updated_at": Order(), "-updated_at": Order(descending=True), "-priority": Order(0, descending=True)}
    orders |= {name: Order(rank, descending=True) for rank, name in enumerate(sortable, 1)}
    if sort not in orders:
        raise UnknownName("sort", ", ".join(orders))
    return orders[sort]


def _rank_bounds(bounds: Collection[tuple[int, float]], model: Model, as_of: Instant, *, is_least: bool) -> list[RankBound]:
    return [
        RankBound(rank, rank_of_threshold(points, as_of, model.scores[index].half_life), is_least)
        for index, points in bounds
        if points > 0 or not is_least  # generations of an earlier fold rank nothing and penalties last, together
        for rank in _ranks_of(index, model)
    ]


def _ranks_of(index: int, model: Model) -> list[int]:
    """Return the ranks that a score bounds: its own, and priority's when priority is this score alone."""
    return [0] * (model.priority == [(1.0, index)]) + [index + 1] * (index < SORTABLE_SCORES)


def _exactly(
    lows: Collection[tuple[int, float]], highs: Collection[tuple[int, float]], model: Model, as_of: Instant
) -> Callable[[Lead], bool]:
    """Return the predicate on scores at an instant; an unknown score is neither high nor low."""

    def value(lead: Lead, index: int) -> float:
        found = value_at(lead, index, model.scores[index], as_of)
        return float("nan") if found is None else found

    def matches(lead: Lead) -> bool:
        return all(value(lead, index) >= points for index, points in lows) and all(
            value(lead, index) <= points for index, points in highs
        )

    return matches
