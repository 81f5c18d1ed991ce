"""One log line and one count per request: route, status, milliseconds. Never a path, a query, a body or an address.

Events that were taken in are logged at debug level only: they are most requests, and metrics count them.
"""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

import structlog

from lead_events.api.door import PATHS
from lead_events.api.metrics import Metrics
from lead_events.api.problems import Asgi, Receive, Scope, Send

_DOOR = "/v1/events"
_QUIET = frozenset({_DOOR, "/healthz", "/readyz", "/metrics"})
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NO_ANSWER = 499  # the client went away; the number that nginx made customary

_logger = structlog.get_logger("lead_events.request")


def watch(app: Asgi, metrics: Metrics) -> Asgi:
    """Put the log in front of an application."""

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        since = time.perf_counter()
        status = _NO_ANSWER

        async def note(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await app(scope, receive, note)
        finally:
            _write(scope, metrics, status, time.perf_counter() - since)

    return watched


def _write(scope: Scope, metrics: Metrics, status: int, seconds: float) -> None:
    """Write the line.

    Args:
        seconds: from the request's head to the end of the answer.
    """
    route, method = _route(scope), scope["method"] if scope["method"] in _METHODS else "OTHER"
    metrics.count_request(route, method, status)
    if status >= 500:  # noqa: SIM108 - a table of three reads best
        write = _logger.warning
    else:
        write = _logger.debug if status < 400 and route in _QUIET else _logger.info
    write("request", route=route, method=method, status=status, ms=round(seconds * 1000, 2))


def _route(scope: Scope) -> str:
    """Return the template of the route that answered, so that no id of a person is written."""
    if scope["path"] in PATHS:
        return _DOOR
    return getattr(scope.get("route"), "path", None) or "(none)"
