"""A door on a real log, asked over HTTP without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import Engine
from starlette.types import ASGIApp

from lead_events.api.door import Door, DoorLimits, mount
from lead_events.store import api_keys
from lead_events.store.api_keys import KeyKind, KeyRing
from lead_events.store.engine import writing
from lead_events.store.writer import Writer
from tests.logs import found
from tests.projections.conftest import _emptiable_engines, emptiable  # noqa: F401 - fixtures

_NO_LIMITS = DoorLimits(address_rate=0, key_rate=0)


class Site:
    """One door with a write key and a secret key, and a client that is one address."""

    def __init__(self, engine: Engine, limits: DoorLimits = _NO_LIMITS, *, start: bool = True, **writer: int) -> None:
        """Found the log and open the door."""
        self.engine = engine
        self.writer = Writer(engine, found(engine), **writer)
        if start:
            self.writer.start()
        self.ring = KeyRing(engine)
        self.door = Door(self.writer, self.ring, limits=limits, phone_region="RU")
        self.app: ASGIApp = mount(self.door, FastAPI())
        self.write_key = self.make_key(KeyKind.WRITE)
        self.secret_key = self.make_key(KeyKind.SECRET)

    def make_key(self, kind: KeyKind, **rest: Any) -> str:
        """Make another key of the same source."""
        with writing(self.engine) as connection:
            return api_keys.create(connection, kind, "site", **rest)[1]

    def ask(self, method: str, path: str, *, client: str = "198.51.100.7", **request: Any) -> httpx.Response:
        """Send one request as it is."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, client=(client, 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://door") as session:
                return await session.request(method, path, **request)

        return asyncio.run(send())

    def post(self, body: Any, key: str | None = None, *, headers: dict[str, str] | None = None, **rest: Any) -> httpx.Response:
        """Post a body, JSON unless it is bytes, with the write key unless another is named (empty: none)."""
        text = self.write_key if key is None else key
        all_headers = {
            "content-type": "application/json",
            **({"authorization": f"Bearer {text}"} if text else {}),
            **(headers or {}),
        }
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.ask("POST", rest.pop("path", "/v1/events"), content=content, headers=all_headers, **rest)


@pytest.fixture
def open_site(engine: Engine) -> Iterator[Callable[..., Site]]:
    """Open doors with limits of one's own; they are drained afterwards."""
    sites: list[Site] = []

    def open_one(**limits: Any) -> Site:
        start, writer = limits.pop("start", True), limits.pop("writer", {})
        known = {"address_rate": 0, "key_rate": 0, **limits}
        sites.append(Site(engine, DoorLimits(**known), start=start, **writer))
        return sites[-1]

    yield open_one
    for site in sites:
        site.writer.drain(20)


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    """A door without rate limits."""
    return open_site()


def assert_problem(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is a problem of the one shape, and return it."""
    body: dict[str, Any] = response.json()
    assert (response.status_code, body.get("code")) == (status, code), body
    assert response.headers["content-type"] == "application/problem+json"
    assert body["status"] == status
    assert body["type"] == f"/problems/{code}"
    assert body["title"]
    assert body["detail"] == body["message"]
    return body
