"""CORS for the one route that browsers post to: the origin is echoed, never ``*``, and never with credentials.

All other routes need a secret key and answer no origin at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from lead_events.api.problems import OriginNotAllowed, SecretKeyInBrowser
from lead_events.store.api_keys import Key

Headers = list[tuple[bytes, bytes]]

_MAX_AGE_SECONDS = b"7200"
_MAX_ORIGIN = 300
_NAMES = re.compile(rb"[A-Za-z0-9_\-, ]{1,2000}")


def check_origin(key: Key, origin: bytes | None) -> None:
    """Refuse a page that may not use this key; without an ``Origin`` it is no page.

    Raises:
        OriginNotAllowed: the key names its origins, and this is none of them.
        SecretKeyInBrowser: whatever the origin, a secret key has no business in a page.
    """
    if origin is None:
        return
    if key.is_secret:
        raise SecretKeyInBrowser
    if key.origins and origin.decode("latin-1") not in key.origins:
        raise OriginNotAllowed


def headers_for(origin: bytes | None) -> Headers:
    """Return what lets a page of this origin read the answer."""
    if origin is None or len(origin) > _MAX_ORIGIN:
        return []
    return [
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", b"retry-after"),
        (b"vary", b"origin"),
    ]


def preflight(asked: Mapping[bytes, bytes]) -> Headers:
    """Return the answer's headers to ``OPTIONS``, which carries no key: any origin may ask, with any headers.

    The headers asked for are echoed because clients add some on a retry only.
    """
    found = [
        (b"access-control-allow-methods", b"POST"),
        (b"access-control-max-age", _MAX_AGE_SECONDS),
        (b"vary", b"access-control-request-headers"),
    ]
    names = asked.get(b"access-control-request-headers", b"")
    if _NAMES.fullmatch(names):
        found.append((b"access-control-allow-headers", names))
    return found
