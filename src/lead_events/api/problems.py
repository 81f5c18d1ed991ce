"""The only place where an error becomes an HTTP status: RFC 9457 problems, one shape for every route.

Errors that exist only because of HTTP (a body too large, a key missing) are defined here; all others in ``domain/errors``.
No problem repeats a value that was sent.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import MutableMapping
from http import HTTPStatus
from math import ceil
from typing import Any, NamedTuple

import orjson
import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from lead_events import clock
from lead_events.domain.errors import (
    Conflict,
    CursorGone,
    ErasedLead,
    IncompleteSchema,
    InvalidCursor,
    InvalidInput,
    InvalidJson,
    LeadEventsError,
    Misconfigured,
    NotAllowed,
    NotFound,
    QueueFull,
    Unavailable,
)
from lead_events.store.dialect import lacks_schema

PROBLEM_JSON = "application/problem+json"
RETRY_SECONDS = 1
"""What a client is told to wait when the server is busy or its database is away."""

_logger = structlog.get_logger(__name__)
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class ClientGone(Exception):
    """The client hung up; there is nobody to answer."""


class MalformedBody(InvalidInput):
    """{0}"""  # noqa: D415 - the message


class Unauthorized(LeadEventsError):
    """{1}"""  # noqa: D415 - the message

    def __init__(self, code: str, message: str) -> None:
        """Say what is wrong with the key.

        Args:
            code: machine-readable reason, such as ``missing_key``.
            message: what to send instead.
        """
        super().__init__(code, message)
        self.code = code


class MissingScope(NotAllowed):
    """This key has no scope {0}; use one that has it."""


class SecretKeyNeeded(NotAllowed):
    """A write key can only send events; use a secret key here."""


class OriginNotAllowed(NotAllowed):
    """This key is not for pages of this origin; add the origin to the key, or use another key."""


class SecretKeyInBrowser(NotAllowed):
    """A secret key came from a web page, where everybody can read it: revoke it, and use a write key there."""


class WrongMethod(LeadEventsError):
    """This address answers {0} only."""


class TooSlow(LeadEventsError):
    """The body did not arrive within {0} seconds."""


class TooLarge(LeadEventsError):
    """{0}"""  # noqa: D415 - the message


class UnsupportedMedia(LeadEventsError):
    """{0}"""  # noqa: D415 - the message


class TooManyRequests(LeadEventsError):
    """Too many events for now; send the same events again after {0} seconds."""


class NothingKept(InvalidInput):
    """None of the {0} events can be kept; results say why for each."""


_STATUSES: dict[type[Exception], int] = {
    InvalidJson: 400,
    MalformedBody: 400,
    InvalidCursor: 400,
    Unauthorized: 401,
    NotAllowed: 403,
    NotFound: 404,
    WrongMethod: 405,
    TooSlow: 408,
    Conflict: 409,
    CursorGone: 410,
    ErasedLead: 410,
    TooLarge: 413,
    UnsupportedMedia: 415,
    InvalidInput: 422,
    TooManyRequests: 429,
    Misconfigured: 500,
    QueueFull: 503,
    Unavailable: 503,
}
"""The table: the nearest class of an error decides; what is not listed is 500."""

_DETAILS = {"missing": "this is needed.", "extra_forbidden": "there is no such field here."}
"""What to say of fields, by the type of the framework's error; its own words otherwise."""
_NO_OBJECT = frozenset({"missing", "model_attributes_type", "model_type", "dict_type"})

_DATABASE_AWAY = (OperationalError, InterfaceError, PoolTimeout)


class Problem(NamedTuple):
    """An error as HTTP says it.

    Attributes:
        body: the members of RFC 9457 with ``code`` and ``message``, and ``errors`` where fields are wrong.
        headers: headers that belong to it.
    """

    status: int
    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def content(self) -> bytes:
        """Write the body as JSON."""
        return orjson.dumps(self.body)


def problem(error: Exception) -> Problem:
    """Say an error in HTTP; one that nobody foresaw is logged, without its words, under the id that is answered."""
    if lacks_schema(error):
        return problem(IncompleteSchema())
    if isinstance(error, _DATABASE_AWAY):
        return problem(Unavailable("The database cannot be reached; try again later."))
    status = status_of(type(error))
    if not isinstance(error, LeadEventsError) or status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return _unlisted(error)
    body = describe(status, code_of(error), str(error))
    fields = getattr(error, "errors", None)
    if fields:
        body["errors"] = list(fields)
    return Problem(status, body, _headers(error))


def status_of(kind: type[Exception]) -> int:
    """Return the HTTP status of a kind of error."""
    return next((_STATUSES[each] for each in kind.__mro__ if each in _STATUSES), 500)


def describe(status: int, code: str, message: str) -> dict[str, Any]:
    """Write the members that every problem has."""
    return {
        "type": f"/problems/{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": message,
        "code": code,
        "message": message,
    }


def code_of(error: LeadEventsError) -> str:
    """Return the machine-readable reason: the error's own code, else its class's name in snake_case."""
    code = getattr(error, "code", None)
    return code if isinstance(code, str) else _WORD_START.sub("_", type(error).__name__).lower()


def install(app: FastAPI) -> None:
    """Make every route of an application answer its errors as problems."""
    app.add_exception_handler(LeadEventsError, _answer_listed)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_middleware(LastResort)


class LastResort:
    """Answers 500 for what no handler caught, so that nothing of it reaches a client or the server's own log."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def watch(message: MutableMapping[str, Any]) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except ClientGone:
            return
        except Exception as error:
            if scope["type"] != "http":
                raise
            answer = problem(error)
            if not started:
                await _response(answer)(scope, receive, send)


def _unlisted(error: Exception) -> Problem:
    problem_id = clock.new_event_id()
    frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    _logger.error("request_failed", problem_id=problem_id, error=type(error).__name__, frames=frames)
    message = "Something went wrong here; the server's log names it by this id."
    body = describe(500, "internal_error", message)
    return Problem(500, {**body, "id": problem_id}, {})


def _headers(error: LeadEventsError) -> dict[str, str]:
    match error:
        case Unauthorized():
            return {"www-authenticate": 'Bearer realm="lead-events"'}
        case WrongMethod():
            return {"allow": str(error.args[0])}
        case TooSlow() | TooLarge():
            return {"connection": "close"}
        case TooManyRequests():
            return {"retry-after": str(max(1, ceil(float(str(error.args[0])))))}
        case Unavailable():
            return {"retry-after": str(RETRY_SECONDS)}
        case _:
            return {}


async def answer_problem(error: Exception, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with an error, outside of the framework."""
    await _response(problem(error))(scope, receive, send)


def _response(answer: Problem) -> Response:
    return Response(answer.content, answer.status, answer.headers, PROBLEM_JSON)


async def _answer_listed(_request: Request, error: Exception) -> Response:
    return _response(problem(error))


async def _answer_http(_request: Request, error: Exception) -> Response:
    """Answer what the framework itself refuses: an unknown path, a wrong method, a body that is not even text."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == HTTPStatus.BAD_REQUEST:
        return _response(problem(InvalidJson("it cannot be parsed.")))
    phrase = HTTPStatus(status).phrase
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    detail = str(error.detail) if isinstance(error, HTTPException) and error.detail else f"{phrase}."
    if status == HTTPStatus.NOT_FOUND:
        detail = "There is nothing at this address; /docs lists every route."
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"This address answers {headers.get('allow') or headers.get('Allow', 'other methods')} only."
    body = describe(status, phrase.lower().replace(" ", "_").replace("-", "_"), detail)
    return _response(Problem(status, body, headers))


async def _answer_invalid(_request: Request, error: Exception) -> Response:
    """Answer a request whose parameters or body do not fit, without repeating what was sent."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    if any(each["type"] == "json_invalid" for each in found):
        where = next((f" at character {each['loc'][-1]}" for each in found if isinstance(each["loc"][-1], int)), "")
        return _response(problem(InvalidJson(f"it cannot be parsed{where}.")))
    errors = [{"pointer": _pointer(each["loc"]), "detail": _detail(each)} for each in found]
    first = errors[0] if errors else {"pointer": "", "detail": "The request does not fit."}
    body = describe(422, "invalid_request", f"{first['pointer']}: {first['detail']}")
    return _response(Problem(422, {**body, "errors": errors}, {}))


def _detail(error: dict[str, Any]) -> str:
    if tuple(error["loc"]) == ("body",) and error["type"] in _NO_OBJECT:
        return "send a JSON object, with Content-Type: application/json."
    return _DETAILS.get(error["type"]) or str(error["msg"]).removeprefix("Value error, ")


def _pointer(place: tuple[int | str, ...]) -> str:
    """Write where a fault is: ``/email`` in the body, ``?limit`` in the query."""
    kind, *rest = place
    # A name that was sent may hold half a surrogate pair, which no answer can carry.
    names = (str(part).encode(errors="replace").decode() for part in rest)
    path = "/".join(name.replace("~", "~0").replace("/", "~1") for name in names)
    return f"/{path}" if kind == "body" else f"{'?' if kind == 'query' else ''}{path}"
