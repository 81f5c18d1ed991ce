"""A uvicorn protocol that does not wait for ever: half-sent requests are closed, oversized heads refused.

uvicorn keeps a connection open that sends half a head or half a body and then nothing, with either of its parsers.
Run with ``uvicorn.Config(…, http=ImpatientProtocol, proxy_headers=False)``.
"""

from __future__ import annotations

from asyncio import TimerHandle, Transport
from http import HTTPStatus
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from lead_events.api.body import WHOLE
from lead_events.api.problems import PROBLEM_JSON, describe


class _HeadTooLarge(Exception):
    """Stops the parser in the middle of a head."""


class ImpatientProtocol(HttpToolsProtocol):
    """Closes a connection whose request is not whole in time, and refuses a head that is too large with 431.

    Attributes:
        patience_seconds: from the first byte of a request (or the opening of the connection) to its last byte.
        max_head_bytes: of the request line and the headers.
        max_headers: number of headers.
    """

    patience_seconds = 10.0
    max_head_bytes = 16 * 1024
    max_headers = 100

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = True
        self._head_bytes = 0
        self._unparsed_bytes = 0
        self._too_large = False
        self._patience: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, then wait for the rest of a request, or stop waiting when it is whole."""
        if self._in_head:
            self._unparsed_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            self._stop_waiting()
        elif self._in_head:
            # One endless header is not seen by the parser's callbacks before its end: count what came in.
            if self._unparsed_bytes > self.max_head_bytes:
                self._refuse_head()
            else:
                self._wait()
        elif self.cycle.more_body and not self.cycle.response_complete:
            self._wait()
        else:
            self._stop_waiting()

    def on_message_begin(self) -> None:
        """Begin to count a head."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Count a part of the request line."""
        self._head_bytes += len(url)
        if self._head_bytes > self.max_head_bytes:
            self._too_large = True
            raise _HeadTooLarge
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self.max_head_bytes or len(self.headers) >= self.max_headers:
            self._too_large = True
            raise _HeadTooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Stop counting."""
        self._in_head = False
        self._unparsed_bytes = 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Tell the application that it need not wait for the body."""
        super().on_message_complete()
        self.cycle.scope[WHOLE] = True  # type: ignore[literal-required]

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parser's own words are not for clients
        """Answer what is no HTTP with 400, and a head that is too large with 431."""
        if self._too_large:
            self._refuse_head()
        else:
            self._refuse(400, "invalid_http", "This is not HTTP/1.1.")

    def _wait(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(self.patience_seconds, self._lose_patience)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        if not self.transport.is_closing():
            self.transport.close()

    def _refuse_head(self) -> None:
        most = f"A request's head has at most {self.max_head_bytes} bytes and {self.max_headers} headers."
        self._refuse(431, "head_too_large", most)

    def _refuse(self, status: int, code: str, message: str) -> None:
        content = orjson.dumps(describe(HTTPStatus(status), code, message))
        self.transport.write(
            STATUS_LINE[status]
            + b"content-type: %b\r\ncontent-length: %d\r\n" % (PROBLEM_JSON.encode(), len(content))
            + b"connection: close\r\n\r\n"
            + content
        )
        self._stop_waiting()
        self.transport.close()
