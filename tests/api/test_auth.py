"""Which key opens what, where it may stand, and how it is refused."""

from __future__ import annotations

import asyncio
import base64
from typing import Annotated

import httpx
import pytest
from fastapi import FastAPI, Query
from sqlalchemy import Engine

from lead_events.api import problems
from lead_events.api.auth import require
from lead_events.domain.errors import NotFound
from lead_events.store import api_keys
from lead_events.store.api_keys import Key, KeyKind, KeyRing, Scope
from lead_events.store.engine import writing
from tests.api.conftest import Site, assert_problem
from tests.builders import page_viewed
from tests.logs import stored


def basic(user: str) -> str:
    """Write a key as the user name of Basic."""
    return "Basic " + base64.b64encode(f"{user}:".encode()).decode()


def test_a_key_is_accepted_in_every_header_that_clients_use(site: Site) -> None:
    """Bearer, Basic with the key as user name, and the two headers of their own."""
    for key in (site.write_key, site.secret_key):
        places = [{"authorization": f"bearer  {key}"}, {"authorization": basic(key)}, {"x-api-key": key}, {"x-write-key": key}]
        for headers in places:
            assert site.post(page_viewed(), "", headers=headers).status_code == 202


def test_a_beacon_may_carry_its_write_key_in_the_body_or_the_query(site: Site) -> None:
    """Neither is stored; a key in a header goes first."""
    batch = {"events": [page_viewed(event_id="a")], "write_key": site.write_key}
    single = {**page_viewed(event_id="b"), "write_key": site.write_key}
    for body in (batch, single):
        assert site.post(body, "", headers={"content-type": "text/plain"}).status_code == 202
    assert site.post(page_viewed(event_id="c"), "", path=f"/v1/events?write_key={site.write_key}").status_code == 202
    assert site.post({**page_viewed(event_id="d"), "write_key": "nonsense"}).status_code == 202
    assert [event_id for _, event_id in stored(site.engine)] == ["a", "b", "c", "d"]


def test_a_secret_key_in_the_body_or_the_query_is_refused(site: Site) -> None:
    """It has leaked, and the answer says so."""
    body = {**page_viewed(), "write_key": site.secret_key}
    assert_problem(site.post(body, ""), 401, "secret_key_in_body")
    assert_problem(site.post(body), 401, "secret_key_in_body")
    assert_problem(site.post(page_viewed(), "", path=f"/v1/events?write_key={site.secret_key}"), 401, "secret_key_in_query")


_BAD_KEYS: list[tuple[dict[str, str], str]] = [
    ({}, "missing_key"),
    ({"authorization": ""}, "unreadable_key"),
    ({"authorization": "Bearer"}, "unknown_key"),
    ({"authorization": "Bearer wk_00000000_" + "x" * 43}, "unknown_key"),
    ({"authorization": "Digest x"}, "unreadable_key"),
    ({"authorization": "Basic ???"}, "unreadable_key"),
    ({"authorization": basic("")}, "unknown_key"),
    ({"x-api-key": "x" * 5_000}, "unknown_key"),
]


def test_without_a_good_key_nothing_is_taken(site: Site) -> None:
    """401 with ``WWW-Authenticate``, whatever is wrong with the key."""
    for header, code in _BAD_KEYS:
        answer = site.post(page_viewed(), "", headers=header)
        assert_problem(answer, 401, code)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    assert stored(site.engine) == []


def test_a_revoked_key_is_unknown(site: Site) -> None:
    """It answers like a key that never was."""
    key = site.make_key(KeyKind.WRITE)
    with writing(site.engine) as connection:
        api_keys.revoke(connection, key.split("_")[1])
    assert_problem(site.post(page_viewed(), key), 401, "unknown_key")


def test_a_key_without_the_scope_to_track_may_not_send(site: Site) -> None:
    """403, because the key is good and may not do this."""
    reader = site.make_key(KeyKind.SECRET, scopes=["leads:read"])
    assert "track" in assert_problem(site.post(page_viewed(), reader), 403, "missing_scope")["message"]


class Routes:
    """An application with one guarded route, as every other module of the API makes them."""

    def __init__(self, engine: Engine) -> None:
        """Build the application."""
        self.app = FastAPI()
        self.app.state.keys = KeyRing(engine)
        problems.install(self.app)
        self.engine = engine

        async def read(key: Annotated[Key, require(Scope.LEADS_READ)], limit: Annotated[int, Query(le=10)] = 1) -> str:
            if limit == 0:
                raise NotFound("lead", "x")
            if limit < 0:
                raise ValueError("anna@firm.example")
            return key.key_id

        self.app.get("/leads")(read)

    def get(self, key: str = "", path: str = "/leads", method: str = "GET") -> httpx.Response:
        """Ask with a key."""

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://api") as session:
                return await session.request(method, path, headers={"authorization": f"Bearer {key}"} if key else {})

        return asyncio.run(send())

    def make(self, kind: KeyKind, scopes: tuple[str, ...] = ()) -> str:
        """Make a key."""
        with writing(self.engine) as connection:
            return api_keys.create(connection, kind, "site", scopes)[1]


@pytest.fixture
def routes(engine: Engine) -> Routes:
    """An application with one guarded route."""
    return Routes(engine)


def test_a_guarded_route_needs_a_secret_key_with_its_scope(routes: Routes) -> None:
    """401 without a key, 403 with a write key or without the scope; admin has every scope."""
    assert_problem(routes.get(), 401, "missing_key")
    assert_problem(routes.get("sk_00000000_" + "x" * 43), 401, "unknown_key")
    assert_problem(routes.get(routes.make(KeyKind.WRITE)), 403, "secret_key_needed")
    assert_problem(routes.get(routes.make(KeyKind.SECRET, ("erase",))), 403, "missing_scope")
    for scopes in ((), ("leads:read",), ("admin",)):
        key = routes.make(KeyKind.SECRET, scopes)
        assert routes.get(key).json() == key.split("_")[1]


def test_every_error_of_a_route_has_the_one_shape(routes: Routes) -> None:
    """Errors of ours, of the framework and of nobody are problems that repeat nothing that was sent."""
    key = routes.make(KeyKind.SECRET)
    assert_problem(routes.get(key, "/leads?limit=0"), 404, "not_found")
    assert "/docs lists every route" in assert_problem(routes.get(key, "/nowhere"), 404, "not_found")["message"]
    wrong = assert_problem(routes.get(key, method="DELETE"), 405, "method_not_allowed")
    assert wrong["message"] == "This address answers GET only."
    invalid = assert_problem(routes.get(key, "/leads?limit=hunter2"), 422, "invalid_request")
    assert invalid["errors"][0]["pointer"] == "?limit"
    assert "hunter2" not in str(invalid)
    unforeseen = assert_problem(routes.get(key, "/leads?limit=-1"), 500, "internal_error")
    assert unforeseen["id"]
    assert "anna" not in str(unforeseen)


def test_what_nobody_foresaw_is_logged_without_its_words(routes: Routes, capsys: pytest.CaptureFixture[str]) -> None:
    """The log has the id that was answered, the kind of error and where it was, and no value."""
    body = routes.get(routes.make(KeyKind.SECRET), "/leads?limit=-1").json()
    written = "".join(capsys.readouterr())
    assert body["id"] in written
    assert "ValueError" in written
    assert "anna" not in written
