"""Structured logs: one JSON line on standard error for each request, batch or step.

A line never holds a query string, a body, or a personal value; whoever writes one names codes, counts and positions.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str) -> None:
    """Let our own log lines and those of libraries leave as JSON.

    Args:
        level: debug, info, warning or error.
    """
    processors: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _name_error,
    ]
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer(serializer=_dump)],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_names: _Lines(),
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(serializer=_dump),
        ],
        foreign_pre_chain=processors,
    )
    output = _StandardError()
    output.setFormatter(formatter)
    logging.basicConfig(handlers=[output], level=max(_LEVELS[level], logging.WARNING), force=True)


class _Lines:
    """Writes finished lines to what is standard error at that moment, each with one call."""

    def msg(self, line: str) -> None:
        """Write one line."""
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    debug = info = warning = error = critical = msg


class _StandardError(logging.Handler):
    """Lets lines of libraries go the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        _Lines().msg(self.format(record))


def _name_error(_logger: Any, _method: str, line: dict[str, Any]) -> dict[str, Any]:
    """Replace a traceback by the error's type and the places it passed: messages of libraries may quote values."""
    error = line.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        line["error"] = type(error).__name__
        line["at"] = _places(error)
    return line


def _places(error: BaseException) -> list[str]:
    """Return ``module:line`` of the last frames of a traceback."""
    places = []
    frame = error.__traceback__
    while frame is not None:
        places.append(f"{frame.tb_frame.f_globals.get('__name__', '?')}:{frame.tb_lineno}")
        frame = frame.tb_next
    return places[-8:]


def _dump(line: Any, **_options: Any) -> str:
    return orjson.dumps(line, default=repr).decode()
