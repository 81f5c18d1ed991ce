"""Bodies for the routes of the framework, which reads and parses all of one before it asks who sent it: bounded here, in front.

The door reads its own bodies, and so do the routes that take a document; their limits are lower.
"""

from __future__ import annotations

from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from lead_events.api.auth import authenticate, read_key
from lead_events.api.problems import TooLarge, answer_problem
from lead_events.domain.model_text import MAX_CHARACTERS
from lead_events.store.api_keys import KeyRing

MOST_BYTES = 9 * MAX_CHARACTERS
"""The largest body there is a use for: a back-test of eight documents, with lists."""
STRANGERS_BYTES = 64 * 1024
"""More is read only of a request with a good key."""


def bound(app: ASGIApp, keys: KeyRing, *, most: int = MOST_BYTES, of_strangers: int = STRANGERS_BYTES) -> ASGIApp:
    """Put limits for bodies in front of an application: 413 for one that is too large, 401 for a large one without a good key.

    Args:
        keys: finds keys by their text.
        most: bytes of any body.
        of_strangers: bytes of a body that are read before the key is looked at.
    """

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        reading = _Reading(scope, receive, send, keys, most, of_strangers)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if await reading.lets_pass(int(length)):
            await app(scope, reading.receive, reading.send)

    return bounded


class _Reading:
    """One body on its way; once it is refused, nothing that the application says is sent any more."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, keys: KeyRing, most: int, of_strangers: int) -> None:
        self._scope, self._receive, self._send, self._keys = scope, receive, send, keys
        self._most, self._free = most, of_strangers
        self._bytes = 0
        self._is_known = self._is_refused = False

    async def receive(self) -> Any:
        """Hand on the next part of the body; to the application a body that is refused ends like a lost connection."""
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        return message if await self.lets_pass(self._bytes) else {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        """Hand on an answer."""
        if not self._is_refused:
            await self._send(message)

    async def lets_pass(self, size: int) -> bool:
        """Say whether a body of so many bytes may come; if not, the client is told."""
        try:
            await self._check(size)
        except Exception as error:  # noqa: BLE001 - no one behind this would answer: the key may have been looked for in vain
            if not self._is_refused:
                self._is_refused = True
                await answer_problem(error, self._scope, self._receive, self._send)
        return not self._is_refused

    async def _check(self, size: int) -> None:
        if size > self._most:
            raise TooLarge(f"A request has at most {self._most} bytes.")
        if size > self._free and not self._is_known:
            await authenticate(self._keys, read_key(dict(self._scope["headers"])))
            self._is_known = True
