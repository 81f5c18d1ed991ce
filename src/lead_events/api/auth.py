"""Who is asking: the key of a request, and what it may do.

A key comes as ``Authorization: Bearer``, as the user name of ``Basic``, or as ``X-API-Key`` or ``X-Write-Key``.
A write key only may also come in the body or the query of ``POST /v1/events``; that is the door's matter.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPBearer

from lead_events.api.problems import MissingScope, SecretKeyNeeded, Unauthorized
from lead_events.store.api_keys import Key, KeyRing, Scope

_KEY_HEADERS = (b"x-api-key", b"x-write-key")
_BEARER = HTTPBearer(scheme_name="bearer", description="A secret key, `sk_…`.", auto_error=False)
_API_KEY = APIKeyHeader(name="X-API-Key", scheme_name="apiKey", auto_error=False)


def read_key(headers: Mapping[bytes, bytes]) -> str | None:
    """Return the text of the key in a request's headers, None when there is none.

    Raises:
        Unauthorized: there is an ``Authorization`` that holds no key.
    """
    given = headers.get(b"authorization")
    if given is not None:
        return _read_authorization(given)
    for name in _KEY_HEADERS:
        if name in headers:
            return headers[name].decode("latin-1").strip()
    return None


async def authenticate(ring: KeyRing, text: str | None) -> Key:
    """Return the good key with this text; the database is asked in a thread, at most once in a few seconds.

    Raises:
        Unauthorized: no key was given, or it is unknown, wrong or revoked.
    """
    if text is None:
        raise Unauthorized("missing_key", "Send a key, as Authorization: Bearer …")
    try:
        key = ring.recall(text)
    except LookupError:
        key = await asyncio.to_thread(ring.find, text)
    if key is None:
        raise Unauthorized("unknown_key", "This key is unknown or revoked; ask the operator for another.")
    return key


def require(scope: Scope) -> Any:
    """Return the FastAPI dependency that gives the request's secret key if it has a scope.

    Use it as ``Annotated[Key, require(Scope.LEADS_READ)]``; the application's state holds the ring as ``keys``.
    """

    async def check(
        request: Request, _bearer: Annotated[Any, Depends(_BEARER)], _header: Annotated[Any, Depends(_API_KEY)]
    ) -> Key:
        ring: KeyRing = request.app.state.keys
        key = await authenticate(ring, read_key(dict(request.scope["headers"])))
        if not key.is_secret:
            raise SecretKeyNeeded
        if not key.allows(scope):
            raise MissingScope(scope.value)
        request.state.key = key
        return key

    return Depends(check)


def _read_authorization(given: bytes) -> str:
    kind, _, rest = given.strip().partition(b" ")
    match kind.lower():
        case b"bearer":
            return rest.strip().decode("latin-1")
        case b"basic":
            try:
                pair = base64.b64decode(rest.strip(), validate=True)
            except binascii.Error:
                raise Unauthorized("unreadable_key", "The Basic credentials are not base64.") from None
            return pair.partition(b":")[0].decode("latin-1")
        case _:
            raise Unauthorized("unreadable_key", "Send the key as Authorization: Bearer … or Basic.")
