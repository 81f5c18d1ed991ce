"""``/v1/models/backtest``: how models would have done on everything that happened. Nothing is written.

The folding is ``projections``, given here as ``backtest`` in the application's state.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from queue import SimpleQueue
from typing import Any, Protocol

from anyio import from_thread
from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.problems import problem
from lead_events.api.schemas import NDJSON, Problem
from lead_events.api.schemas_backtest import BacktestLine, BacktestReport, BacktestRequest, Tried, show
from lead_events.domain import lint, lint_lists
from lead_events.domain.backtest import Backtest
from lead_events.domain.errors import Unavailable
from lead_events.domain.lists import compile_lists
from lead_events.domain.times import parse_duration
from lead_events.store import models
from lead_events.store.api_keys import Scope
from lead_events.store.engine import reading

router = APIRouter(prefix="/v1/models", tags=["models"])

_BUSY = threading.Lock()
_STEP = 0.01
"""Share of the log after which a line says so."""

_NOBODY_LISTENS = 499
"""What the access log says of a request whose client closed the connection; nginx began it, and nobody receives it."""


def _or_null(name: str) -> dict[str, Any]:
    return {"anyOf": [{"$ref": f"#/components/schemas/{name}"}, {"type": "null"}]}


_LINE: dict[str, Any] = {
    "type": "object",
    "title": "BacktestLine",
    "description": BacktestLine.__doc__,
    "required": list(BacktestLine.model_fields),
    "properties": {
        "progress": {"type": "number"},
        "report": _or_null(BacktestReport.__name__),
        "problem": _or_null(Problem.__name__),
    },
}


class TryModels(Protocol):
    """What the composition root puts into the state as ``backtest``, once it is known what is asked."""

    def __call__(self, *, advance: Callable[[int, int], None] | None = None) -> Backtest:
        """Work, and tell (positions done since the last time, all positions) now and then; what that raises ends it."""


class BusyTrying(Unavailable):
    """Another back-test is running in this service; ask again when it is done."""


@router.post(
    "/backtest",
    operation_id="backtest_models",
    dependencies=[require(Scope.MODELS_READ)],
    response_model=BacktestReport,
    responses={
        200: {"content": {NDJSON: {"schema": _LINE}}},
        **problems(404, 422, 503),
    },
)
def backtest_models(wanted: BacktestRequest, reader: ReaderDep, request: Request) -> BacktestReport | Response:
    """Try models on everything that happened: which leads with the outcome would have been found, when, and by which rules.

    Only what was known at each moment counts. The service runs one back-test at a time; the answer comes when it is done.
    With `Accept: application/x-ndjson` each line says how far it is, and the last one has the `report` or a `problem`.
    Closing the connection cancels the work.
    """
    horizon = None if wanted.horizon is None else parse_duration(wanted.horizon)
    changed = None if wanted.lists is None else compile_lists(lint_lists.check(wanted.lists)[0])
    documents = _load(reader, wanted.model if isinstance(wanted.model, list) else [wanted.model])
    run: TryModels = partial(request.app.state.backtest, documents, outcome=wanted.outcome, horizon=horizon, changed=changed)
    if not _BUSY.acquire(blocking=False):
        raise BusyTrying
    if NDJSON in request.headers.get("accept", ""):
        return _BacktestAnswer(run)
    try:
        return show(run(advance=partial(_stop_when_left, request)))
    except _Left:
        return Response(status_code=_NOBODY_LISTENS)
    finally:
        _BUSY.release()


class _Left(Exception):
    """Nobody listens any more."""


def _stop_when_left(request: Request, _positions: int, _total: int) -> None:
    if from_thread.run(request.is_disconnected):
        raise _Left


class _BacktestAnswer(StreamingResponse):
    """Works in a thread of its own, tells how far it is, and stops when nobody listens any more."""

    def __init__(self, run: TryModels) -> None:
        """Begin at once: the thread ends, and lets the next back-test begin, also if nothing is ever sent."""
        super().__init__(self._tell(), media_type=NDJSON, headers={"Cache-Control": "no-store"})
        self._said: SimpleQueue[BacktestLine | None] = SimpleQueue()
        self._stop = threading.Event()
        threading.Thread(target=self._work, args=(run,), name="back-test", daemon=True).start()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Send the answer; whatever ends it ends the back-test."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._stop.set()

    def _work(self, run: TryModels) -> None:
        done, told = 0, 0.0

        def advance(positions: int, total: int) -> None:
            nonlocal done, told
            if self._stop.is_set():
                raise _Left
            done += positions
            share = done / max(1, total)
            if share - told >= _STEP:
                told = share
                self._said.put(BacktestLine(progress=round(min(share, 1.0), 4)))

        try:
            line = BacktestLine(progress=1.0, report=show(run(advance=advance)))
        except _Left:
            line = None
        except Exception as error:  # noqa: BLE001 - the answer has begun, so whatever it is stands in its last line
            line = BacktestLine(progress=round(min(told, 1.0), 4), problem=Problem.model_validate(problem(error).body))
        finally:
            _BUSY.release()
        for each in (line, None):
            self._said.put(each)

    async def _tell(self) -> AsyncIterator[bytes]:
        while (line := await asyncio.to_thread(self._said.get)) is not None:
            yield line.model_dump_json().encode() + b"\n"


def _load(reader: ReaderDep, wanted: Sequence[Tried]) -> dict[str, dict[str, Any]]:
    """Return documents by what the report calls them: a number, or the name a document has, made unique.

    Raises:
        NotFound: no model has that number.
        RefusedModel: a document could not be published.
    """
    documents: dict[str, dict[str, Any]] = {}
    for place, each in enumerate(wanted, 1):
        if isinstance(each, int):
            with reading(reader.engine) as connection:
                documents[f"model {each}"] = models.load(connection, each).document
            continue
        lint.check(each)
        label = str(each.get("name") or "document")
        documents[label if label not in documents else f"{label} ({place})"] = each
    return documents
