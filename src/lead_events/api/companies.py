"""``/v1/companies``: leads by company - by corporate e-mail domain, else by the name that was said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from lead_events.api import lead_json
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, ReaderDep, problems
from lead_events.api.paging import AskedPageDep
from lead_events.api.schemas import Answer, AsOf, Interest, Lead, PageViews, Time
from lead_events.domain import companies as keys
from lead_events.domain import interests as domain_interests
from lead_events.domain.errors import NotFound
from lead_events.domain.times import format_instant
from lead_events.store import companies
from lead_events.store.api_keys import Scope
from lead_events.store.companies import CompanyRow
from lead_events.store.leads import LeadRow
from lead_events.store.reads import ReadKind

router = APIRouter(prefix="/v1/companies", tags=["companies"], dependencies=[require(Scope.LEADS_READ)])

PEOPLE = 100
"""How many people of a company are shown, highest priority first."""
MOST_COUNTED = 1_000
"""Visits and pages are added up over so many leads of a company at most."""

_CURSOR = "companies"


class UnknownCompany(NotFound):
    """No lead belongs to this company; ask by a domain such as firm.example, or by name: and a name."""


class BestLead(Answer):
    """The lead of a company with the highest priority."""

    lead_id: str
    scores: dict[str, float | None]


class CompanyHead(Answer):
    """A company; ``id`` is its domain, or ``name:`` and its name where no corporate address is known."""

    id: str
    domain: str | None
    name: str
    leads: int
    contacts: Annotated[int, Field(description="Leads that can be reached.")]
    updated_at: Time
    best: BestLead


class CompanyDetail(CompanyHead):
    """A company with its people and what they did; sums are over its 1000 best leads."""

    visits: int
    pages: list[PageViews]
    interests: list[Interest]
    people: list[Lead]
    more_people: bool


class CompanyAnswer(AsOf):
    """One company."""

    data: CompanyDetail


class CompanyList(AsOf):
    """One page of companies."""

    data: list[CompanyHead]
    next_cursor: str | None
    has_more: bool


@router.get("", operation_id="list_companies", dependencies=[OwnWrite], responses=problems(400, 422, 503))
def list_companies(reader: ReaderDep, page: AskedPageDep) -> CompanyList:
    """List companies by domain, then those known by name alone, each with its best lead."""
    begin = page.begin(_CURSOR)
    with reader.moment() as moment:
        after = begin["after"] if begin else None
        found = companies.read_page(moment.connection, moment.generation.generation_id, after, page.limit + 1)
        shown, more = found[: page.limit], len(found) > page.limit
        next_page = page.end(_CURSOR, {"after": shown[-1].key} if more else None)
        return CompanyList(
            **moment.freshness,
            data=[CompanyHead(**_head(moment, row)) for row in shown],
            **next_page,
        )


@router.get("/{domain}", operation_id="get_company", dependencies=[OwnWrite], responses=problems(404, 422, 503))
def get_company(domain: str, reader: ReaderDep) -> CompanyAnswer:
    """Show a company: by its domain, any host below it, an e-mail address there, or ``name:`` and its name."""
    with reader.moment() as moment:
        key = keys.key_of_text(domain, moment.model.lists)
        row = companies.load(moment.connection, moment.generation.generation_id, key) if key else None
        if row is None:
            raise UnknownCompany
        found = companies.read_leads(moment.connection, moment.generation.generation_id, row.key, MOST_COUNTED)
        reader.note_read(ReadKind.COMPANY, found[:PEOPLE])
        return CompanyAnswer(
            **moment.freshness,
            data=_show(moment, row, found),
        )


def _show(moment: Moment, row: CompanyRow, found: Sequence[LeadRow]) -> CompanyDetail:
    pages: Counter[str] = Counter()
    for each in found:
        pages.update(each.lead.pages)
    return CompanyDetail(
        **_head(moment, row),
        visits=sum(each.lead.visits for each in found),
        pages=[PageViews(path=path, views=views) for path, views in lead_json.top_pages(pages.items())],
        interests=[Interest(**each) for each in lead_json.show_interests(_interests(moment, found))],
        people=[
            Lead.model_validate(lead_json.show(each, moment.model, moment.as_of, moment.vault.log_id)) for each in found[:PEOPLE]
        ],
        more_people=len(found) > PEOPLE,
    )


def _interests(moment: Moment, found: Sequence[LeadRow]) -> list[domain_interests.Interest]:
    return domain_interests.add_up(((each.lead, moment.model.topics) for each in found), moment.as_of)


def _head(moment: Moment, row: CompanyRow) -> dict[str, Any]:
    best = row.best.lead
    domain = None if row.key.startswith(keys.NAMED) else row.key
    said = best.trait("company")
    return {
        "id": row.key,
        "domain": domain,
        "name": str(said) if said else row.key.removeprefix(keys.NAMED),
        "leads": row.leads,
        "contacts": row.contacts,
        "updated_at": format_instant(row.updated_at),
        "best": BestLead(lead_id=moment.lead_id(best.founding), scores=lead_json.show_scores(best, moment.model, moment.as_of)),
    }
