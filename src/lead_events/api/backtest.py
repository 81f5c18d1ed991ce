"""``/v1/models/backtest``: how models would have done on everything that happened. Nothing is written.

The folding is ``projections``, given here as ``backtest`` in the application's state.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Request

from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.schemas_backtest import BacktestReport, BacktestRequest, Tried, show
from lead_events.domain import lint, lint_lists
from lead_events.domain.backtest import Backtest
from lead_events.domain.errors import Unavailable
from lead_events.domain.lists import Lists, compile_lists
from lead_events.domain.times import parse_duration
from lead_events.store import models
from lead_events.store.api_keys import Scope
from lead_events.store.engine import reading

router = APIRouter(prefix="/v1/models", tags=["models"])

_BUSY = threading.Lock()


class TryModels(Protocol):
    """What the composition root puts into the state as ``backtest``."""

    def __call__(
        self, documents: Mapping[str, Mapping[str, Any]], *, outcome: str, horizon: int | None, changed: Lists | None
    ) -> Backtest:
        """Try labelled documents against an outcome, watching each lead for some microseconds; None: the newest lists."""


class BusyTrying(Unavailable):
    """Another back-test is running in this service; ask again when it is done."""


@router.post(
    "/backtest", operation_id="backtest_models", dependencies=[require(Scope.MODELS_READ)], responses=problems(404, 422, 503)
)
def backtest_models(wanted: BacktestRequest, reader: ReaderDep, request: Request) -> BacktestReport:
    """Try models on everything that happened: which leads with the outcome would have been found, when, and by which rules.

    Only what was known at each moment counts. The service runs one back-test at a time; the answer comes when it is done.
    """
    horizon = None if wanted.horizon is None else parse_duration(wanted.horizon)
    changed = None if wanted.lists is None else compile_lists(lint_lists.check(wanted.lists)[0])
    documents = _load(reader, wanted.model if isinstance(wanted.model, list) else [wanted.model])
    run: TryModels = request.app.state.backtest
    if not _BUSY.acquire(blocking=False):
        raise BusyTrying
    try:
        return show(run(documents, outcome=wanted.outcome, horizon=horizon, changed=changed))
    finally:
        _BUSY.release()


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
