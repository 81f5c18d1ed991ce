"""Parameters that a route does not have: refused on every route that clients write against, before anything is done."""

from __future__ import annotations

import asyncio
import re
from functools import cache

import httpx
import pytest

from lead_events.app import asgi
from tests.api.conftest import assert_problem

bare = cache(asgi._bare_api)


def ask(method: str, path: str) -> httpx.Response:
    """Send one request to the whole API, which has no database: whatever asks for one would fail."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(bare())
        async with httpx.AsyncClient(transport=transport, base_url="http://api.test") as client:
            return await client.request(method, path)

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("method", "path", "words"),
    [
        ("GET", "/v1/leads?definitions=ready", "does not have; did you mean definition."),
        ("POST", "/v1/leads/ld_1/erase?dryrun=true", "does not have; did you mean dry_run."),
        ("GET", "/v1/changes?stage=mql&since=5", "does not have; it has after, limit, kind, stage."),
        ("GET", "/v1/me?verbose", "does not have; it has none."),
        ("GET", "/v1/leads?x%ED%A0%80=1", "does not have; it has after, stage,"),
    ],
)
def test_a_mistyped_parameter_is_named_with_what_may_be_meant(method: str, path: str, words: str) -> None:
    """A list of everybody, or an erasure, is not what was asked."""
    problem = assert_problem(ask(method, path), 422, "unknown_parameter")
    assert words in problem["message"]


def test_every_route_of_the_api_refuses_what_it_does_not_have() -> None:
    """Whatever is added later, too; what monitors ask may be asked with anything."""
    for path, operations in asgi.describe_api()["paths"].items():
        for method in operations if path != "/v1/events" else ():
            address = re.sub(r"\{[^}]+\}", "1", path) + "?nonsense-canary=canary"
            problem = ask(method.upper(), address).json()
            assert problem["code"] == "unknown_parameter", (method, path)
            assert "canary" not in str(problem)
    assert ask("GET", "/docs?nonsense=1").status_code == 200
