"""Bodies for the routes of the framework are bounded before anything reads them: strangers cannot fill the memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from lead_events.api.bounded import bound
from lead_events.store import schema
from lead_events.store.api_keys import KeyRing
from lead_events.store.engine import writing
from tests.api.service import Service, person

LOOKUP = orjson.dumps({"identifiers": [{"email": "anna@firm.example"}]})


@pytest.fixture
def service(engine: Engine) -> Service:
    """A service that knows anna."""
    service = Service(engine)
    service.say(person("anna"))
    return service


def send(service: Service, body: Sequence[bytes], *, key: str = "", path: str = "/v1/leads/lookup", **headers: str) -> Any:
    """Post a body part by part; return status, code and how many parts were read."""
    sent, waiting = list[Any](), list(body)

    async def receive() -> Any:
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def note(message: Any) -> None:
        sent.append(message)

    given = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {}), **headers}
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": raw, "scheme": "http",
             "server": ("api.test", 80), "client": ("198.51.100.7", 1), "root_path": "", "http_version": "1.1"}  # fmt: skip
    app = bound(service.app, KeyRing(service.engine), most=4_000, of_strangers=1_000)

    async def ask() -> None:
        await app(scope, receive, note)

    asyncio.run(ask())
    starts = [each["status"] for each in sent if each["type"] == "http.response.start"]
    answered = orjson.loads(b"".join(each.get("body", b"") for each in sent))
    return starts, answered.get("code"), len(body) - len(waiting)


def test_a_body_that_fits_is_read_and_answered(service: Service) -> None:
    """In one part or many, up to the last byte that is allowed."""
    padded = LOOKUP + b" " * (4_000 - len(LOOKUP))
    assert send(service, [LOOKUP], key=service.secret) == ([200], None, 1)
    assert send(service, [padded[at : at + 100] for at in range(0, 4_000, 100)], key=service.secret) == ([200], None, 40)


def test_a_body_that_is_too_large_is_refused_where_that_is_seen(service: Service) -> None:
    """By its announced length before anything is read, else at the part that is one too many; answered once."""
    parts = [b" " * 1_000] * 10
    assert send(service, parts, key=service.secret, content_length="10000") == ([413], "too_large", 0)
    assert send(service, parts, key=service.secret) == ([413], "too_large", 5)


@pytest.mark.parametrize(("key", "code"), [("", "missing_key"), ("sk_wrong", "unknown_key")])
def test_of_strangers_little_is_read(service: Service, key: str, code: str) -> None:
    """Without a good key a large body is refused by its length, or at the part that makes it large."""
    parts = [b" " * 400] * 10
    assert send(service, parts, key=key, content_length="4000") == ([401], code, 0)
    assert send(service, parts, key=key) == ([401], code, 3)
    assert send(service, parts, key=key, path="/v1/nowhere") == ([404], "not_found", 0)


def test_a_database_that_is_away_is_a_reason_to_come_again(service: Service) -> None:
    """The key of a large body is looked for before anything of the framework runs; what goes wrong there is answered, too."""
    with writing(service.engine) as connection:
        schema.api_keys.drop(connection)
    assert send(service, [b" "], key=service.secret, content_length="4000") == ([503], "incomplete_schema", 0)
