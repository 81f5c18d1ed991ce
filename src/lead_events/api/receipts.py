"""The answer to ``POST /v1/events``: what became of each event, in the order sent, and the position reached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from lead_events.api.problems import PROBLEM_JSON, NothingKept, Problem, describe, problem
from lead_events.domain.errors import LeadEventsError
from lead_events.store.log import Outcome
from lead_events.store.waiting import Result

_JSON = b"application/json"
_PROBLEM = PROBLEM_JSON.encode()
_MAX_EVENT_ID = 128


class Answer(NamedTuple):
    """What goes out: a status, headers without those of the content, and the content."""

    status: int
    headers: list[tuple[bytes, bytes]]
    media: bytes
    content: bytes


class Dropped(NamedTuple):
    """An event that may not be kept, and the reason: a privacy signal of its browser."""

    reason: str


class Receipt(NamedTuple):
    """One event of a request and what became of it.

    Attributes:
        event_id: as sent or given; None if what was sent is no usable id.
    """

    event_id: str | None
    result: Result | Dropped


def refuse(error: Exception) -> Answer:
    """Answer a request of which nothing was kept, or one whose outcome is unknown."""
    return _answer_problem(problem(error))


def answer(receipts: Sequence[Receipt], *, batch: bool) -> Answer:
    """Answer a request whose events were judged one by one.

    Args:
        batch: whether it was sent as ``{"events": […]}``; only then an error is told by its place in it.
    """
    kept = [receipt.result.position for receipt in receipts if isinstance(receipt.result, Outcome)]
    if kept or any(isinstance(receipt.result, Dropped) for receipt in receipts):
        results = [_result(index, *receipt) for index, receipt in enumerate(receipts)]
        return Answer(202, [], _JSON, orjson.dumps({"position": max(kept, default=None), "results": results}))
    only = receipts[0].result
    if not batch and isinstance(only, LeadEventsError):
        return refuse(only)
    return _refuse_all(receipts)


def sendable_id(event: object) -> str | None:
    """Return the id by which a client can recognise an event that was refused."""
    event_id = event.get("event_id") if isinstance(event, dict) else None
    return event_id if isinstance(event_id, str) and 0 < len(event_id) <= _MAX_EVENT_ID else None


def _result(index: int, event_id: str | None, result: Result | Dropped) -> dict[str, Any]:
    if isinstance(result, Dropped):
        dropped = {"outcome": "dropped", "reason": result.reason}
        return dropped if event_id is None else {"event_id": event_id, **dropped}
    if isinstance(result, Outcome):
        return {"event_id": event_id, "outcome": result.kept.value, "position": result.position}
    refused = {"outcome": "rejected", "problem": _point(index, problem(result).body)}
    return refused if event_id is None else {"event_id": event_id, **refused}


def _point(index: int, body: dict[str, Any]) -> dict[str, Any]:
    """Tell a fault by its place in the request instead of its place in the event."""
    place = f"/events/{index}"
    errors = [{**error, "pointer": place + error["pointer"]} for error in body.get("errors", ())]
    pointer = errors[0]["pointer"] if errors else place
    return {"code": body["code"], "message": body["message"], "pointer": pointer, "errors": errors}


def _refuse_all(receipts: Sequence[Receipt]) -> Answer:
    results = [_result(index, *receipt) for index, receipt in enumerate(receipts)]
    worst = max(problem(each.result).status for each in receipts if isinstance(each.result, LeadEventsError))
    nothing = problem(NothingKept(len(receipts)))
    status = max(worst, nothing.status)
    body = describe(status, nothing.body["code"], nothing.body["message"])
    errors = [error for result in results for error in result["problem"]["errors"]]
    return _answer_problem(Problem(status, {**body, "errors": errors, "results": results}, {}))


def _answer_problem(found: Problem) -> Answer:
    headers = [(name.encode(), value.encode()) for name, value in found.headers.items()]
    return Answer(found.status, headers, _PROBLEM, found.content)
