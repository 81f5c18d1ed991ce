"""``GET /v1/changes``: what the live generation said, in order, gapless, for ever.

A cursor is the ``seq`` up to which a consumer knows everything that its filters let through; it never expires.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import Field, JsonValue
from sqlalchemy import Row

from lead_events.api import paging
from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.lead_filters import InvalidParameter
from lead_events.api.schemas import Answer, Time
from lead_events.domain.changes import ChangeKind
from lead_events.domain.errors import CursorGone, InvalidCursor
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.times import format_instant
from lead_events.store import changes
from lead_events.store.api_keys import Scope
from lead_events.store.engine import reading

router = APIRouter(prefix="/v1/changes", tags=["changes"], dependencies=[require(Scope.LEADS_READ)])

NOW = "now"
_CURSOR = re.compile(r"[0-9]{1,18}")
_GIVEN = ("position", "score", "rule", "points")
_ENTRY = ("at", "stage", "reason", "position")


class StandingOf(Answer):
    """Where a lead stood."""

    stage: str
    temperature: str
    qualified: list[str] = Field(description="The definitions that it met.")


class Replayed(Answer):
    """The models before and after a promotion that is the cause."""

    from_model: int
    to_model: int


class Cause(Answer):
    """Why: the position of an event, or an instant at which time alone did it."""

    event: int | None
    time: Time | None
    replayed: Replayed | None


class ChangeAnswer(Answer):
    """One thing that was said; `old` is the `new` that was said of the lead before, unless a promotion lies between."""

    seq: int
    lead_id: str | None = Field(description="Null for `generation.promoted`.")
    kind: ChangeKind
    old: StandingOf | None
    new: StandingOf | None
    detail: dict[str, JsonValue]
    cause: Cause
    at: Time = Field(description="When it happened.")
    said_at: Time
    historic: bool = Field(description="It happened long before it was received; nobody is called about it.")
    generation_id: int


class ChangeList(Answer):
    """One page of changes; ask again with `next_cursor`, also when there is no more yet."""

    data: list[ChangeAnswer]
    next_cursor: str
    has_more: bool


@router.get("", operation_id="list_changes", responses=problems(400, 410, 422))
def list_changes(
    reader: ReaderDep,
    request: Request,
    response: Response,
    after: Annotated[
        str | None, Query(description="The last `next_cursor`; absent or 0 begins with the first change, `now` with the next.")
    ] = None,
    limit: Annotated[int, Query(ge=1, description="At most 1000.")] = 100,
    kind: Annotated[list[ChangeKind] | None, Query(description="Only these kinds.")] = None,
    stage: Annotated[list[str] | None, Query(description="Only changes that leave a lead in one of these stages.")] = None,
) -> ChangeList:
    """List changes in the order in which they were said; nothing is skipped, whatever the filters."""
    limit = min(limit, paging.MAX_LIMIT)
    if any("\0" in each for each in stage or ()):
        raise InvalidParameter("stage", "name stages, such as mql; none has a NUL character")
    with reading(reader.engine) as connection:
        # Read before the page: what is said in between is on the page or behind the cursor, never lost.
        head = changes.read_head(connection)
        begin = _read_cursor(after, head)
        rows = changes.read(connection, begin, limit + 1, kind or (), stage or ())
    has_more = len(rows) > limit
    rows = rows[:limit]
    end = rows[-1].seq if has_more else max([head, *(row.seq for row in rows)])
    paging.set_next(request, response, reader.public_url, str(end) if has_more else None, parameter="after")
    log_id = reader.vault.log_id
    return ChangeList(data=[show(log_id, row) for row in rows], next_cursor=str(end), has_more=has_more)


def _read_cursor(after: str | None, head: int) -> int:
    """Return the ``seq`` of a cursor.

    Raises:
        InvalidCursor: it is no cursor of this list.
        CursorGone: nothing was ever said there; what was said was lost with its table.
    """
    if after is None or after == "":
        return 0
    if after == NOW:
        return head
    if not _CURSOR.fullmatch(after):
        raise InvalidCursor
    if int(after) > head:
        raise CursorGone
    return int(after)


def show(log_id: bytes, row: Row[Any]) -> ChangeAnswer:
    """Show one change."""
    return ChangeAnswer(
        seq=row.seq,
        lead_id=None if row.founding is None else encode_lead_id(log_id, row.founding),
        kind=ChangeKind(row.kind),
        old=StandingOf.model_validate_json(row.old) if row.old else None,
        new=StandingOf.model_validate_json(row.new) if row.new else None,
        detail=_detail(log_id, orjson.loads(row.detail) if row.detail else {}),
        cause=_cause(orjson.loads(row.cause)),
        at=format_instant(row.at),
        said_at=format_instant(row.said_at),
        historic=bool(row.historic),
        generation_id=row.generation_id,
    )


def _cause(cause: dict[str, Any]) -> Cause:
    time = cause.get("time")
    return Cause(
        event=cause.get("event"),
        time=None if time is None else format_instant(time),
        replayed=Replayed.model_validate(cause["replayed"]) if "replayed" in cause else None,
    )


def _detail(log_id: bytes, detail: dict[str, Any]) -> dict[str, Any]:
    """Return a detail as readers see it: named values instead of rows, texts instead of instants."""
    shown = dict(detail)
    if detail.get("into") is not None:
        shown["into"] = encode_lead_id(log_id, detail["into"])
    if "contributions" in detail:
        shown["contributions"] = [dict(zip(_GIVEN, row, strict=True)) for row in detail["contributions"]]
    for name in {"added", "removed"} & detail.keys():
        entries = [dict(zip(_ENTRY, row, strict=True)) for row in detail[name]]
        shown[name] = [entry | {"at": format_instant(entry["at"])} for entry in entries]
    return shown
