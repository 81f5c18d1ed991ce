"""``GET /v1/leads/near-misses``: who is nearest to qualifying, and what is missing: where a marketer's hour is worth most."""

from __future__ import annotations

from typing import Annotated, Any, Literal, NamedTuple

from fastapi import APIRouter, Query, Response
from pydantic import Field, JsonValue

from lead_events.api import lead_json, schemas
from lead_events.api.answering import answer
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, ReaderDep, problems
from lead_events.api.lead_filters import UnknownName
from lead_events.api.paging import AskedPageDep
from lead_events.api.schemas import Answer, AsOf
from lead_events.domain.near_misses import Step, Way, find_way
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant, format_instant
from lead_events.store import listing
from lead_events.store.api_keys import Scope
from lead_events.store.leads import LeadRow
from lead_events.store.listing import Key, Order
from lead_events.store.reads import ReadKind

router = APIRouter(prefix="/v1/leads", tags=["leads"], dependencies=[require(Scope.LEADS_READ)])

EXAMINED = 2_000
"""How many leads are examined at once, those of the highest priority first; each such part of the list has its own order."""

_CURSOR = "near-misses"


class MissingStep(Answer):
    """One thing to find (``fact``), or that the lead must do (``act``); what does not apply is null."""

    kind: Literal["fact", "act"]
    field: str
    needs: JsonValue
    has: JsonValue
    trait: Annotated[str | None, Field(description="The trait to find; PATCH the lead with it.")]
    points: Annotated[float | None, Field(description="How many points of a score are lacking.")]
    more: Annotated[int | None, Field(description="How many more times.")]
    unknown: Annotated[list[str], Field(description="Find one of these traits: without any, the score is unknown.")]
    words: str


class NearMiss(Answer):
    """A lead, how far it is from meeting the definition, and the cheapest way there."""

    distance: float
    missing: list[MissingStep]
    lead: schemas.Lead


class NearMisses(AsOf):
    """One page, nearest first, then by priority; ``examined`` leads were compared for it, those of the highest priority left."""

    definition: str
    examined: int
    data: list[NearMiss]
    next_cursor: str | None
    has_more: bool


class _Found(NamedTuple):
    order: tuple[float, float, int]
    row: LeadRow
    way: Way


@router.get(
    "/near-misses",
    operation_id="list_near_misses",
    dependencies=[OwnWrite],
    response_model=NearMisses,
    responses=problems(400, 410, 422, 503),
)
def list_near_misses(
    reader: ReaderDep,
    page: AskedPageDep,
    definition: Annotated[str | None, Query(description="Which definition to meet; without it, the first.")] = None,
) -> Response:
    """List leads with a contact that do not meet a definition, those nearest to it first, with what is missing."""
    carried = page.begin(_CURSOR, **({} if definition is None else {"definition": definition}))
    with reader.moment(carried["generation_id"] if carried else None) as moment:
        name = _choose(moment, carried["definition"] if carried else definition)
        as_of = carried["as_of"] if carried else moment.as_of
        window = Key(*carried["window"]) if carried and carried["window"] else None
        found, examined, end = _examine(moment, name, as_of, window)
        if carried and carried["after"]:
            found = [each for each in found if each.order > tuple(carried["after"])]
        shown, more = found[: page.limit], len(found) > page.limit
        place = {"window": _plain(window if more else end), "after": _plain(shown[-1].order if more else None)}
        goes_on = {"definition": name, "generation_id": moment.generation.generation_id, "as_of": as_of, **place}
        reader.note_read(ReadKind.NEAR_MISSES, [each.row for each in shown])
        answered = {
            **moment.freshness,
            "as_of": format_instant(as_of),
            "definition": name,
            "examined": examined,
            "data": [_show(moment, each, as_of) for each in shown],
            **page.end(_CURSOR, goes_on if more or end is not None else None),
        }
        return answer(answered, page.response.headers)


def _choose(moment: Moment, name: str | None) -> str:
    names = [each for each, _ in moment.model.definitions]
    if name is None and names:
        return names[0]
    if name is None or name not in names:
        raise UnknownName("definition", ", ".join(names) or "none")
    return name


def _examine(moment: Moment, name: str, as_of: Instant, window: Key | None) -> tuple[list[_Found], int, Key | None]:
    """Return the near misses of one part of the list in their order, how many were examined, and where the next part begins."""
    query = listing.Query(generation_id=moment.generation.generation_id, order=Order(0, descending=True))
    page = listing.read_page(moment.connection, query, window, EXAMINED, _everyone)
    index = [each for each, _ in moment.model.definitions].index(name)
    found = []
    for row, key in page:
        if row.emptied or not row.lead.profiled or row.lead.erased is not None or row.lead.definitions[index][0]:
            continue
        way = find_way(row.lead, name, moment.model, max(as_of, row.updated_at))
        if way.steps:
            found.append(_Found((way.distance, -key.value, row.lead.founding), row, way))
    found.sort(key=lambda each: each.order)
    return found, len(page), page[-1].key if len(page) == EXAMINED else None


def _plain(place: tuple[float, ...] | None) -> list[float] | None:
    return None if place is None else [*place]


def _everyone(_lead: Lead) -> bool:
    return True


def _show(moment: Moment, found: _Found, as_of: Instant) -> dict[str, Any]:
    return {
        "distance": found.way.distance,
        "missing": [_show_step(step) for step in found.way.steps],
        "lead": lead_json.show(found.row, moment.model, as_of, moment.vault.log_id),
    }


def _show_step(step: Step) -> dict[str, Any]:
    return MissingStep.model_validate({**step._asdict(), "unknown": list(step.unknown)}).model_dump()
