"""``GET /v1/me``: who is asking; what connection tests of integration tools call."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from lead_events.api.auth import authenticate, read_key
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.problems import SecretKeyNeeded
from lead_events.api.schemas_kept import Me
from lead_events.domain.times import format_instant
from lead_events.store import sources
from lead_events.store.api_keys import Key
from lead_events.store.engine import reading

router = APIRouter(prefix="/v1/me", tags=["keys"])


async def _any_secret_key(request: Request) -> Key:
    """Return the request's key, whatever its scopes."""
    key = await authenticate(request.app.state.keys, read_key(dict(request.scope["headers"])))
    if not key.is_secret:
        raise SecretKeyNeeded
    return key


@router.get("", operation_id="get_me", responses=problems())
def get_me(key: Annotated[Key, Depends(_any_secret_key)], reader: ReaderDep) -> Me:
    """Show the key that asks: its source and what it may do."""
    with reading(reader.engine) as connection:
        names = sources.read_names(connection)
    return Me(
        key_id=key.key_id,
        kind=key.kind.value,
        source=names.get(key.source_id, ""),
        scopes=sorted(key.scopes),
        created_at=format_instant(key.created_at),
    )
