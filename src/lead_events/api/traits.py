"""``PATCH /v1/leads/{lead_id}`` and ``GET /v1/leads/{lead_id}/traits``: what is known of a person, and from where.

CRM-verified > edited by a person > claimed in public; within a rank the newest ``at`` wins. The rule itself is the fold's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field, JsonValue

from lead_events.api import resolving
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, ReaderDep, problems
from lead_events.api.own_events import Author
from lead_events.api.schemas import Answer, AsOf, Time
from lead_events.api.written import LeadWriterDep, WrittenLead, written_or
from lead_events.domain.errors import InvalidInput
from lead_events.domain.profile import CRM, PERSON, PUBLIC
from lead_events.domain.times import format_instant
from lead_events.store import lookups, sources
from lead_events.store.api_keys import Scope
from lead_events.store.leads import LeadRow
from lead_events.store.lookups import Origin
from lead_events.store.reads import ReadKind

router = APIRouter(prefix="/v1/leads", tags=["leads"])


class Authority(StrEnum):
    """How much a value is worth."""

    CRM = "crm"
    PERSON = "person"
    PUBLIC = "public"


_AUTHORITIES = {CRM: Authority.CRM, PERSON: Authority.PERSON, PUBLIC: Authority.PUBLIC}


class LeadPatch(Answer):
    """What a person knows better; null empties a trait."""

    traits: Annotated[dict[str, JsonValue], Field(min_length=1, max_length=100, examples=[{"job_title": "Director"}])]
    author: Author = None


class TraitValue(Answer):
    """One value, when it was said, by which event, with what authority, and which source sent it."""

    value: JsonValue
    at: Time
    position: int
    type: str | None
    authority: Authority
    source: str | None


class TraitsAnswer(AsOf):
    """Every trait of a lead; ``resolved_from`` is the id that was asked for, when its events belong to this lead now."""

    lead_id: str
    data: dict[str, TraitValue]
    resolved_from: str | None


class NothingToSet(InvalidInput):
    """/traits: name at least one trait that is not empty, or null to empty it."""


@router.patch("/{lead_id}", operation_id="patch_lead", responses=written_or(404, 410, 422, 503))
async def patch_lead(lead_id: str, patch: LeadPatch, writer: LeadWriterDep) -> WrittenLead:
    """Set and empty traits of a lead, as an event with its author; a value that a CRM verified stays."""
    return await writer.write(lead_id, patch.author, _event(patch))


def _event(patch: LeadPatch) -> dict[str, Any]:
    cleared = sorted(name for name, value in patch.traits.items() if value is None)
    traits = {name: value for name, value in patch.traits.items() if value is not None and value != ""}
    if not traits and not cleared:
        raise NothingToSet
    event: dict[str, Any] = {"type": "lead.traits_set", "traits": traits}
    return {**event, "properties": {"cleared": cleared}} if cleared else event


@router.get(
    "/{lead_id}/traits",
    operation_id="get_traits",
    dependencies=[require(Scope.LEADS_READ), OwnWrite],
    responses=problems(404, 422, 503),
)
def get_traits(lead_id: str, reader: ReaderDep) -> TraitsAnswer:
    """Show each trait's value with the event it came from and what it is worth."""
    with reader.moment() as moment:
        row, resolved_from = resolving.load_lead(moment, lead_id)
        reader.note_read(ReadKind.TRAITS, [row])
        return TraitsAnswer(
            **moment.freshness,
            lead_id=moment.lead_id(row.lead.founding),
            data=show_traits(moment, row),
            resolved_from=resolved_from,
        )


def show_traits(moment: Moment, row: LeadRow) -> dict[str, TraitValue]:
    """Show every trait of a lead with its origin."""
    origins = lookups.load_origins(moment.connection, {entry[2] for entry in row.lead.traits.values()})
    names = sources.read_names(moment.connection)
    return {name: _show(entry, origins.get(entry[2]), names) for name, entry in sorted(row.lead.traits.items())}


def _show(entry: list[Any], origin: Origin | None, names: dict[int, str]) -> TraitValue:
    value, at, position, authority = entry
    return TraitValue(
        value=value,
        at=format_instant(at),
        position=position,
        type=None if origin is None else origin.type,
        authority=_AUTHORITIES[authority],
        source=None if origin is None else names.get(origin.source_id),
    )
