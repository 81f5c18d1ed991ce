"""``/v1/lists``: publish what is different from the shipped lists of mail providers, and look at what was published.

What may stand in a document is decided in ``domain``; here it is only read from a body and shown.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import JsonValue

from lead_events import clock
from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.models import ModelTextDep, Remark, publication_body, remark, unwrap
from lead_events.api.schemas import Answer, Time
from lead_events.domain import lint_lists
from lead_events.domain.times import format_instant
from lead_events.store import lists
from lead_events.store.api_keys import Key, Scope
from lead_events.store.engine import reading, writing
from lead_events.store.lists import PublishedLists

router = APIRouter(prefix="/v1/lists", tags=["lists"])

_READ = [require(Scope.MODELS_READ)]


class ListsHead(Answer):
    """Published lists without their document; number 1 are the shipped ones, which nobody published."""

    number: int
    author: str
    note: str
    published_at: Time | None


class PublishedNow(ListsHead):
    """Lists that were just published, with what is probably a mistake."""

    warnings: list[Remark]


class ListsShown(ListsHead):
    """Published lists; they never change."""

    document: dict[str, JsonValue]


class AllLists(Answer):
    """The shipped lists and every published document, oldest first."""

    data: list[ListsHead]
    next_cursor: None = None
    has_more: bool = False


LISTS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "ListsDocument",
    "description": "What is different from the shipped lists of free and of disposable mail providers.",
    "additionalProperties": False,
    "properties": {
        name: {
            "type": "object",
            "additionalProperties": False,
            "properties": {part: {"type": "array", "items": {"type": "string"}} for part in ("add", "remove")},
        }
        for name in ("free", "disposable")
    },
}
_BODY = publication_body("ListsPublication", LISTS_SCHEMA)


@router.post(
    "",
    operation_id="publish_lists",
    status_code=201,
    responses=problems(400, 413, 415, 422),
    openapi_extra={"requestBody": _BODY},
)
def publish_lists(
    key: Annotated[Key, require(Scope.MODELS_WRITE)], text: ModelTextDep, reader: ReaderDep, response: Response
) -> PublishedNow:
    """Publish a document under the next number; a worker then builds the live model anew with it.

    That generation goes live by itself if no lead differs, and otherwise waits to be promoted.
    The body is a document, or `{"document", "author", "note"}`, as JSON or YAML. A refusal names every mistake at once.
    """
    given, author, note = unwrap(text, f"key {key.key_id}")
    document, warnings = lint_lists.check(given.document, given.lines)
    now = clock.now()
    with writing(reader.engine) as connection:
        number = lists.publish(connection, document, author, note, now)
    response.headers["Location"] = f"/v1/lists/{number}"
    head = _head(PublishedLists(number, document, author, note, now))
    return PublishedNow(**head.model_dump(), warnings=[remark(finding) for finding in warnings])


@router.get("", operation_id="list_lists", dependencies=_READ, responses=problems())
def list_lists(reader: ReaderDep) -> AllLists:
    """List the shipped lists and every published document, oldest first."""
    with reading(reader.engine) as connection:
        return AllLists(data=[_head(each) for each in lists.load_all(connection)])


@router.get("/{number}", operation_id="get_lists", dependencies=_READ, responses=problems(404, 422))
def get_lists(number: int, reader: ReaderDep) -> ListsShown:
    """Show published lists: what is different from the shipped ones."""
    with reading(reader.engine) as connection:
        found = lists.load(connection, number)
    return ListsShown(**_head(found).model_dump(), document=found.document)


def _head(found: PublishedLists) -> ListsHead:
    published_at = None if found.published_at is None else format_instant(found.published_at)
    return ListsHead(number=found.number, author=found.author, note=found.note, published_at=published_at)
