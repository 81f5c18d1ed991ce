"""``GET /v1/me``: what connection tests call."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.api.service import Service


@pytest.fixture
def service(engine: Engine) -> Service:
    """A service with an empty log."""
    return Service(engine)


def test_any_secret_key_learns_what_it_is(service: Service) -> None:
    """Kind, source and scopes, whatever the scopes are; never the key itself."""
    answer = service.get("/v1/me", key=service.events_only)
    assert answer.status_code == 200
    assert {name: answer.json()[name] for name in ("kind", "source", "scopes")} == {
        "kind": "secret", "source": "shop", "scopes": ["events:read"],
    }  # fmt: skip
    assert service.events_only not in answer.text
    assert service.events_only.split("_")[1] == answer.json()["key_id"]


def test_a_write_key_reads_nothing(service: Service) -> None:
    """Not even about itself; and without a key, or with a wrong one, it is 401."""
    assert service.get("/v1/me", key=service.write).status_code == 403
    assert service.get("/v1/me", key="").status_code == 401
    assert service.get("/v1/me", key=f"sk_00000000_{'a' * 43}").status_code == 401
