"""``GET /v1/merge-candidates``: who may be one person, and why. Nobody but a person decides that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, NamedTuple

from fastapi import APIRouter
from pydantic import Field

from lead_events.api import resolving
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, ReaderDep, problems
from lead_events.api.paging import AskedPageDep
from lead_events.api.schemas import Answer, AsOf
from lead_events.store import merge_candidates
from lead_events.store.api_keys import Scope
from lead_events.store.leads import LeadRow
from lead_events.store.merge_candidates import Candidate
from lead_events.store.reads import ReadKind

router = APIRouter(prefix="/v1/merge-candidates", tags=["identity"], dependencies=[require(Scope.LEADS_READ)])

_CURSOR = "merge-candidates"


class CandidateLead(Answer):
    """One of the two, as much of it as tells whether it is the other."""

    id: str
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    company: str | None
    stage: str
    visits: int
    events: int


class MergeCandidate(Answer):
    """Two leads that may be one person; ``position`` is of the event that gave the reason."""

    position: int
    evidence: Annotated[str, Field(examples=["same browser", "event 91 names both"])]
    leads: list[CandidateLead]


class MergeCandidateList(AsOf):
    """One page of candidates, in the order of the log."""

    data: list[MergeCandidate]
    next_cursor: str | None
    has_more: bool


class _Found(NamedTuple):
    candidate: Candidate
    one: LeadRow
    two: LeadRow


@router.get("", operation_id="list_merge_candidates", dependencies=[OwnWrite], responses=problems(400, 422, 503))
def list_merge_candidates(reader: ReaderDep, page: AskedPageDep) -> MergeCandidateList:
    """List pairs of leads that may be one person and are not merged, with what speaks for it."""
    begin = page.begin(_CURSOR)
    with reader.moment() as moment:
        found = _read_page(moment, tuple(begin["after"]) if begin else None, page.limit + 1)
        shown, more = found[: page.limit], len(found) > page.limit
        reader.note_read(ReadKind.MERGE_CANDIDATES, [row for each in shown for row in (each.one, each.two)])
        next_page = page.end(_CURSOR, {"after": [*shown[-1].candidate.place]} if more else None)
        return MergeCandidateList(
            **moment.freshness,
            data=[_show(moment, each) for each in shown],
            **next_page,
        )


def _read_page(moment: Moment, after: tuple[int, int, int] | None, limit: int) -> list[_Found]:
    found: list[_Found] = []
    while len(found) < limit:
        some = merge_candidates.read(moment.connection, after, moment.generation.position, limit)
        rows = resolving.load_rows(moment, {lead for each in some for lead in (each.one, each.two)})
        found += [pair for each in some if (pair := _pair(each, rows)) is not None]
        if len(some) < limit:
            break
        after = some[-1].place
    return found


def _pair(candidate: Candidate, rows: Mapping[int, LeadRow]) -> _Found | None:
    """Return the two leads as they stand now, unless they are one already."""
    one, two = rows.get(candidate.one), rows.get(candidate.two)
    if one is None or two is None or one.lead.founding == two.lead.founding:
        return None
    return _Found(candidate, one, two)


def _show(moment: Moment, found: _Found) -> MergeCandidate:
    candidate = found.candidate
    return MergeCandidate(
        position=candidate.position,
        evidence=candidate.evidence,
        leads=[_show_lead(moment, found.one), _show_lead(moment, found.two)],
    )


def _show_lead(moment: Moment, row: LeadRow) -> CandidateLead:
    lead = row.lead
    said = {name: lead.trait(name) for name in ("email", "phone", "first_name", "last_name", "company")}
    texts = {name: None if value is None else str(value) for name, value in said.items()}
    return CandidateLead(
        id=moment.lead_id(lead.founding), stage=lead.shown_stage, visits=lead.visits, events=lead.events, **texts
    )
