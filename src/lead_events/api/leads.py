"""``GET /v1/leads`` and ``GET /v1/leads/{lead_id}``: what CRMs pull and people look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response

from lead_events.api import lead_filters, lead_json, paging, resolving, schemas, travelling
from lead_events.api.answering import answer
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, Reader, ReaderDep, problems
from lead_events.api.lead_filters import Filters, Parameters
from lead_events.api.travelling import Travelled
from lead_events.domain.times import Instant, format_instant
from lead_events.store import listing
from lead_events.store.api_keys import Scope
from lead_events.store.leads import LeadRow
from lead_events.store.listing import Found, Key
from lead_events.store.reads import ReadKind

router = APIRouter(prefix="/v1/leads", tags=["leads"], dependencies=[require(Scope.LEADS_READ)])

_CURSOR = "leads"


@router.get(
    "",
    operation_id="list_leads",
    dependencies=[OwnWrite],
    response_model=schemas.LeadList,
    responses=problems(400, 410, 422, 503),
)
def list_leads(parameters: Annotated[Parameters, Depends()], reader: ReaderDep, request: Request) -> Response:
    """List leads, oldest change first unless ``sort`` says otherwise: ask again with the greatest ``updated_at`` you saw."""
    filters = lead_filters.read(parameters)
    log_id, limit = reader.vault.log_id, min(parameters.limit, paging.MAX_LIMIT)
    cursor = paging.read_cursor(log_id, _CURSOR, parameters.cursor) if parameters.cursor else None
    if cursor is not None:
        paging.check_same(filters, {"sort": lead_filters.DEFAULT_SORT, **cursor["filters"]})
        filters = cursor["filters"]
    with reader.moment(cursor["generation_id"] if cursor else None) as moment:
        generation_id = moment.generation.generation_id
        as_of = cursor["as_of"] if cursor else moment.as_of
        query, matches = lead_filters.compile_filters(filters, moment.model, generation_id, as_of)
        after = Key(*cursor["key"]) if cursor else None
        found = listing.read_page(moment.connection, query, after, limit + 1, matches)
        next_cursor = _next_cursor(log_id, found, limit, filters, generation_id, as_of)
        shown = {
            "as_of": format_instant(as_of),
            "generation_id": generation_id,
            "position": moment.generation.position,
            "data": _show(reader, moment, [each.row for each in found[:limit]], as_of),
            "next_cursor": next_cursor,
            "has_more": next_cursor is not None,
        }
    response = answer(shown)
    paging.set_next(request, response, reader.public_url, next_cursor)
    return response


def _next_cursor(
    log_id: bytes, found: Sequence[Found], limit: int, filters: Filters, generation_id: int, as_of: Instant
) -> str | None:
    if len(found) <= limit:
        return None
    content = {"filters": filters, "generation_id": generation_id, "as_of": as_of, "key": [*found[limit - 1].key]}
    return paging.write_cursor(log_id, _CURSOR, content)


def _show(reader: Reader, moment: Moment, rows: Sequence[LeadRow], as_of: Instant) -> list[dict[str, Any]]:
    reader.note_read(ReadKind.LIST, rows)
    emptied = [row.lead.founding for row in rows if row.emptied]
    owners = listing.load_owners(moment.connection, emptied, moment.generation.position)
    log_id = moment.vault.log_id
    return [lead_json.show(row, moment.model, as_of, log_id, owners.get(row.lead.founding)) for row in rows]


@router.get(
    "/{lead_id}",
    operation_id="get_lead",
    dependencies=[OwnWrite],
    response_model=schemas.LeadAnswer,
    responses={304: {"description": "It is as you know it."}, **problems(404, 410, 422, 503)},
)
def get_lead(
    lead_id: str,
    asked: Annotated[travelling.Parameters, Depends()],
    reader: ReaderDep,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Show one lead, now or as it stood then; an id whose events all belong to another lead is answered with that one."""
    with reader.moment() as moment:
        if asked.given:
            then = travelling.travel_to(reader, moment, lead_id, asked)
            reader.note_read(ReadKind.LEAD, [then.row])
            return answer(_show_then(moment, then))
        row, resolved_from = resolving.load_lead(moment, lead_id)
        headers = {"ETag": _etag(moment, row), "Cache-Control": "private, no-cache", "Vary": "Authorization, X-API-Key"}
        if _is_known(headers["ETag"], if_none_match):
            return Response(status_code=304, headers=headers)
        reader.note_read(ReadKind.LEAD, [row])
        shown = {
            **moment.freshness,
            "data": lead_json.show_whole(row, moment.model, moment.as_of, moment.vault.log_id),
            "resolved_from": resolved_from,
        }
        return answer(shown, headers)


def _show_then(moment: Moment, then: Travelled) -> dict[str, Any]:
    return {
        "as_of": format_instant(then.as_of),
        "generation_id": moment.generation.generation_id,
        "position": then.position,
        "data": lead_json.show_whole(then.row, then.model, then.as_of, moment.vault.log_id, then=True),
        "resolved_from": then.resolved_from,
    }


def _etag(moment: Moment, row: LeadRow) -> str:
    """Name what a lead's row says; weak, because decay goes on while nothing happens."""
    return f'W/"{moment.generation.generation_id}-{moment.lead_id(row.lead.founding)}-{row.position}-{row.updated_at}"'


def _is_known(etag: str, if_none_match: str | None) -> bool:
    """Compare weakly (RFC 9110, section 13.1.2)."""
    known = [each.strip().removeprefix("W/") for each in (if_none_match or "").split(",")]
    return "*" in known or etag.removeprefix("W/") in known
