"""The committed description of the API is what the code says, and its operations have short, unique names."""

from __future__ import annotations

import re
from pathlib import Path

from lead_events.api import openapi
from lead_events.app import asgi
from lead_events.domain.event_types import TYPES
from tests.cli.running import environment, run


def operations() -> list[dict[str, object]]:
    """Return every operation of the description."""
    return [operation for below in asgi.describe_api()["paths"].values() for operation in below.values()]


def test_the_committed_description_is_current() -> None:
    """Whoever changes a route or an event type commits the new description."""
    checked = run(environment(""), "openapi", "--check")
    assert (checked.returncode, checked.stderr) == (0, "")


def test_operation_names_are_unique_and_short() -> None:
    """Client generators make function names of them."""
    names = [str(operation["operationId"]) for operation in operations()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"[a-z][a-z_]{2,40}", name)] == []


def test_every_operation_names_its_keys_and_answers_problems() -> None:
    """Every error has one shape, and nothing under /v1 is open."""
    for operation in operations():
        assert operation["security"]
        assert "application/problem+json" in str(operation["responses"])


def test_nothing_refers_to_a_schema_that_is_missing() -> None:
    """Every reference in the description leads somewhere."""
    description = asgi.describe_api()
    named = set(re.findall(r"#/components/schemas/(\w+)", str(description)))
    assert named <= set(description["components"]["schemas"])


def test_every_event_type_has_a_schema() -> None:
    """The published schemas and the registry name the same types."""
    assert set(openapi.event_schemas()) == set(TYPES)


def test_a_stale_description_is_found(tmp_path: Path) -> None:
    """The check fails on a difference, and writing mends it."""
    env = environment("")
    assert run(env, "openapi", "--check", "--root", str(tmp_path)).returncode == 1
    assert run(env, "openapi", "--root", str(tmp_path)).returncode == 0
    assert run(env, "openapi", "--check", "--root", str(tmp_path)).returncode == 0
