"""One log line and one count per request: route, status, milliseconds. Never a path, a query, a body or an address.

Events that were taken in are logged at debug level only: they are most requests, and metrics count them.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from functools import partial
from typing import Any

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from lead_events.api.door import NO_ANSWER, PATHS, Noted
from lead_events.api.metrics import Metrics

_DOOR = "/v1/events"
_QUIET = frozenset({_DOOR, "/healthz", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_logger = structlog.get_logger("lead_events.request")


def watch(app: ASGIApp, metrics: Metrics) -> ASGIApp:
    """Put the log in front of an application."""
    noted = partial(_write, _logger.bind(), metrics)

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        since = time.perf_counter()
        status = NO_ANSWER

        async def note(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, note)
        finally:
            noted(_route(scope), scope["method"], status, time.perf_counter() - since)

    return watched


def of_door(metrics: Metrics) -> Noted:
    """Return what the door tells its answers to."""
    return partial(_write, _logger.bind(), metrics, _DOOR)


def _write(logger: Any, metrics: Metrics, route: str, method: str, status: int, seconds: float) -> None:
    """Write the line.

    Args:
        logger: bound once, which took longer than all the rest of an unwritten line.
        seconds: from the request's head to the end of the answer.
    """
    method = method if method in _METHODS else "OTHER"
    metrics.count_request(route, method, status)
    if status < 400 and route in _QUIET:
        logger.debug("request", route=route, method=method, status=status, ms=round(seconds * 1000, 2))
        return
    write = logger.warning if status >= 500 else logger.info
    write("request", route=route, method=method, status=status, ms=round(seconds * 1000, 2))


def _route(scope: Scope) -> str:
    """Return the template of the route that answered, so that no id of a person is written."""
    if scope["path"] in PATHS:
        return _DOOR
    return getattr(scope.get("route"), "path", None) or "(none)"
