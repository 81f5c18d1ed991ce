"""Reading a request's body: bounded in bytes, in time and in what it unpacks to."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Mapping

from starlette.types import Receive

from lead_events.api.problems import ClientGone, MalformedBody, TooLarge, TooSlow, UnsupportedMedia

WHOLE = "lead_events.whole"
"""Stands in a request's scope once all of its body is there, so that reading it needs no clock."""

_GZIP = zlib.MAX_WBITS | 16
_MEDIA_TYPES = frozenset({b"", b"application/json", b"text/plain"})


async def read_body(receive: Receive, *, limit: int, seconds: float, whole: bool = False) -> bytes:
    """Read a whole body.

    Args:
        limit: most bytes.
        seconds: longest time from now to its end.
        whole: whether it is known to be there.

    Raises:
        TooLarge: it has more bytes; reading stops there.
        TooSlow: it did not end in time.
        ClientGone: the connection was lost.
    """
    if whole:
        return await _collect(receive, limit)
    try:
        async with asyncio.timeout(seconds):
            return await _collect(receive, limit)
    except TimeoutError:
        raise TooSlow(f"{seconds:g}") from None


async def _collect(receive: Receive, limit: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        more = message.get("more_body", False)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def check_headers(headers: Mapping[bytes, bytes], limit: int) -> bool:
    """Judge a body by the request's headers, before it is read.

    Returns:
        Whether it is packed with gzip.

    Raises:
        UnsupportedMedia: it is neither JSON nor plain text, or packed otherwise.
        TooLarge: it says itself that it has more bytes than ``limit``.
    """
    media = headers.get(b"content-type", b"")
    if media not in _MEDIA_TYPES and media.partition(b";")[0].strip().lower() not in _MEDIA_TYPES:
        raise UnsupportedMedia("Send application/json, or text/plain with JSON in it.")
    length = headers.get(b"content-length", b"0")
    if len(length) > len(str(limit)) or int(length) > limit:
        raise _too_large(limit)
    packing = headers.get(b"content-encoding", b"").strip().lower()
    if packing in {b"", b"identity"}:
        return False
    if packing in {b"gzip", b"x-gzip"}:
        return True
    raise UnsupportedMedia("The only content encoding accepted is gzip.")


def unpack(packed: bytes, limit: int) -> bytes:
    """Unpack gzip, never beyond ``limit`` bytes.

    Raises:
        TooLarge: there is more in it.
        MalformedBody: it is no gzip, cut off, or followed by something.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(packed, limit + 1)
    except zlib.error:
        raise MalformedBody("The body is not gzip, though its content encoding says so.") from None
    if len(plain) > limit:
        raise _too_large(limit)
    if not unpacker.eof or unpacker.unused_data:
        raise MalformedBody("The gzip body is cut off or followed by something else.")
    return plain


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"A request has at most {limit} bytes, unpacked; send fewer events at once.")
