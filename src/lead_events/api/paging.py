"""Cursors and links: where a list goes on, signed, opaque, together with what it is a list of.

A cursor carries the request it came from; a request that repeats it may leave things out but not contradict them.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import Depends, Query, Request, Response

from lead_events.api.deps import Reader, ReaderDep
from lead_events.domain.errors import CursorMismatch, InvalidCursor

MAX_LIMIT = 1_000
"""A larger ``limit`` is taken as this one."""

_TAG_BYTES = 12
_MAX_CHARACTERS = 8_192
_OWN = frozenset({"cursor", "after"})

Content = dict[str, Any]


def write_cursor(log_id: bytes, kind: str, content: Mapping[str, Any]) -> str:
    """Write a cursor that only this log reads back.

    Args:
        kind: what it is a cursor of; it opens as no other.
        content: JSON.
    """
    text = orjson.dumps(content)
    return base64.urlsafe_b64encode(_sign(log_id, kind, text) + text).rstrip(b"=").decode()


def read_cursor(log_id: bytes, kind: str, cursor: str) -> Content:
    """Read a cursor back.

    Raises:
        InvalidCursor: it is not one of this log and kind, character for character.
    """
    if len(cursor) > _MAX_CHARACTERS:
        raise InvalidCursor
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise InvalidCursor from None
    tag, text = sealed[:_TAG_BYTES], sealed[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _sign(log_id, kind, text)):
        raise InvalidCursor
    content: Content = orjson.loads(text)
    return content


def _sign(log_id: bytes, kind: str, text: bytes) -> bytes:
    key = hmac.digest(log_id, b"cursor " + kind.encode(), "sha256")
    return hmac.digest(key, text, "sha256")[:_TAG_BYTES]


def check_same(given: Mapping[str, Any], carried: Mapping[str, Any]) -> None:
    """Let pass only a request whose parts, as far as it names them, are those that its cursor carries.

    Raises:
        CursorMismatch: one contradicts.
    """
    for name, value in given.items():
        if carried.get(name) != value:
            raise CursorMismatch(name)


@dataclass(frozen=True, slots=True)
class AskedPage:
    """The page of a list that a request asks for.

    Attributes:
        limit: most entries.
    """

    reader: Reader
    response: Response
    limit: int
    cursor: str | None

    def begin(self, kind: str, **same: Any) -> Content | None:
        """Return what the cursor carries, None where the list begins.

        Args:
            kind: what it must be a cursor of.
            same: what the request names and the cursor must not contradict.

        Raises:
            InvalidCursor: it is no such cursor.
        """
        if not self.cursor:
            return None
        content = read_cursor(self.reader.vault.log_id, kind, self.cursor)
        check_same(same, content)
        return content

    def end(self, kind: str, goes_on: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the fields with which a page says where the list goes on, and set the head of the answer accordingly.

        Args:
            kind: what the cursor is one of.
            goes_on: what the next cursor carries, None at the end of the list.
        """
        next_cursor = None if goes_on is None else write_cursor(self.reader.vault.log_id, kind, goes_on)
        set_next(self.reader.request, self.response, self.reader.public_url, next_cursor)
        return {"next_cursor": next_cursor, "has_more": next_cursor is not None}


async def _asked_page(
    reader: ReaderDep,
    response: Response,
    limit: Annotated[int, Query(ge=1, description="At most 1000.")] = 100,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
) -> AskedPage:
    return AskedPage(reader, response, min(limit, MAX_LIMIT), cursor)


AskedPageDep = Annotated[AskedPage, Depends(_asked_page)]


def set_next(
    request: Request, response: Response, public_url: str | None, cursor: str | None, *, parameter: str = "cursor"
) -> None:
    """Set what every list's answer has in its head: caching rules, and the link to the next page if there is one."""
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization, X-API-Key"
    if cursor is None:
        return
    base = (public_url or str(request.base_url)).rstrip("/")
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in _OWN]
    response.headers["Link"] = f'<{base}{request.url.path}?{urlencode([*kept, (parameter, cursor)])}>; rel="next"'
