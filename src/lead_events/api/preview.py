"""``POST /v1/models/preview``: what a model would change, told while it is being found out; nothing is written.

The route only tells; finding out is ``projections``, put into the state as ``preview`` by the composition root.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from sqlalchemy import Engine

from lead_events.api.auth import require
from lead_events.api.deps import problems
from lead_events.api.lists import LISTS_SCHEMA
from lead_events.api.models import MODEL_BODY, ModelTextDep, part_of, unwrap
from lead_events.api.problems import MalformedBody
from lead_events.api.schemas import NDJSON
from lead_events.api.schemas_preview import Preview
from lead_events.domain import lint, lint_lists
from lead_events.domain.errors import Unavailable
from lead_events.domain.lists import Lists, compile_lists
from lead_events.domain.model import Model, compile_model
from lead_events.domain.model_text import ModelText
from lead_events.store import generations, lists, models
from lead_events.store.api_keys import Scope
from lead_events.store.engine import reading

router = APIRouter(prefix="/v1/models", tags=["models"])

PreviewAction = Callable[[Model, threading.Event], Generator[dict[str, Any]]]
"""Model and what stops it → reports, each whole, of which only the last is exact."""

_AT_ONCE = 2
_BREATH_SECONDS = 0.05
_DESCRIPTION = (
    "One whole report a line, as JSON: of a sample within about a second, then of more leads each second, at last of all."
)
_WITH_LISTS: dict[str, Any] = {
    "type": "object",
    "title": "PreviewWithLists",
    "description": "A model with lists of mail providers; without `document`, the live model with them.",
    "required": ["lists"],
    "properties": {"document": {"type": "object"}, "lists": LISTS_SCHEMA},
}
_JSON_BODY = {"schema": {"anyOf": [*MODEL_BODY["content"]["application/json"]["schema"]["anyOf"], _WITH_LISTS]}}
_BODY = {**MODEL_BODY, "content": {**MODEL_BODY["content"], "application/json": _JSON_BODY}}


class TooManyPreviews(Unavailable):
    """{0} previews are under way; ask again when one of them has ended."""


@router.post(
    "/preview",
    operation_id="preview_model",
    dependencies=[require(Scope.MODELS_READ), require(Scope.LEADS_READ)],
    response_class=StreamingResponse,
    responses={
        200: {"model": Preview, "content": {NDJSON: {}}, "description": _DESCRIPTION},
        **problems(400, 413, 415, 422, 503),
    },
    openapi_extra={"requestBody": _BODY},
)
async def preview_model(text: ModelTextDep, request: Request) -> StreamingResponse:
    """Say what a model would change if it were promoted now, before it is even published; closing the connection cancels.

    The body is a document, as for `POST /v1/models`; a refusal names every mistake at once.
    Or it is `{"document", "lists"}`: the model with those lists of mail providers; without `document`, the live model with them.
    The answer is `application/x-ndjson`; it is whole when its last line is `exact`.
    """
    state = request.app.state
    running = getattr(state, "previews", 0)
    if running >= _AT_ONCE:  # each keeps a core busy, and the door shares it
        raise TooManyPreviews(running)
    state.previews = running + 1  # before anything is waited for, or two that ask at once would both be let in
    stop = threading.Event()
    try:
        reports = await asyncio.to_thread(_begin, state, text, stop)
    except BaseException:
        state.previews -= 1
        raise
    return _PreviewAnswer(state, reports, stop)


def _begin(state: Any, text: ModelText, stop: threading.Event) -> Generator[dict[str, Any]]:
    asked = text.document if isinstance(text.document, dict) else {}
    preview: PreviewAction = state.preview
    if "lists" in asked and set(asked) - {"document", "lists"}:
        raise MalformedBody("Beside lists stands document only.")
    given = None if set(asked) == {"lists"} else part_of(text, "document") if "lists" in asked else unwrap(text, "")[0]
    if given is not None:
        lint.check(given.document, given.lines, given.traps)
    changed = _read_lists(part_of(text, "lists")) if "lists" in asked else None
    return preview(_compile(state.engine, given, changed), stop)


def _read_lists(text: ModelText) -> Lists:
    return compile_lists(lint_lists.check(text.document, text.lines)[0])


def _compile(engine: Engine, given: ModelText | None, changed: Lists | None) -> Model:
    """Return a model with lists: the live model where none is given, and the lists published last where none are."""
    with reading(engine) as connection:
        used = changed or lists.load_compiled(connection)
        live = generations.load_live(connection).model_number
        document = models.load(connection, live).document if given is None else given.document
    return compile_model(document, used)


class _PreviewAnswer(StreamingResponse):
    """Stops the preview when it is sent, or when nobody listens any more."""

    def __init__(self, state: Any, reports: Generator[dict[str, Any]], stop: threading.Event) -> None:
        super().__init__(_write(reports), media_type=NDJSON, headers={"Cache-Control": "no-store"})
        self._state, self._reports, self._stop = state, reports, stop

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the answer; whatever ends it ends the preview."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stop.set()
            self._state.previews -= 1
            threading.Thread(target=_end, args=(self._reports,), name="preview-end", daemon=True).start()


def _end(reports: Generator[dict[str, Any]]) -> None:
    """Close a preview that was told to stop, and with it the process it runs in; a report under way is waited for."""
    while inspect.getgeneratorstate(reports) == inspect.GEN_RUNNING:
        time.sleep(_BREATH_SECONDS)
    reports.close()


async def _write(reports: Iterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    while (report := await asyncio.to_thread(next, reports, None)) is not None:
        yield Preview.model_validate(report).model_dump_json(by_alias=True).encode() + b"\n"
