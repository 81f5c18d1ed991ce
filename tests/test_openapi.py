"""The committed description of the API is what the code says, and its operations have short, unique names."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fastapi.routing import APIRoute

from lead_events.api import openapi
from lead_events.api.openapi_examples import JSON_BODIES, YAML_BODIES
from lead_events.app import asgi
from lead_events.domain import lint, lint_lists
from lead_events.domain.event_types import TYPES
from lead_events.domain.model_text import read_yaml
from tests.cli.running import environment, run


def operations() -> list[dict[str, Any]]:
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


def bodies() -> dict[str, dict[str, Any]]:
    """Return the content of every body that an operation takes, by its name."""
    found = {str(each["operationId"]): each.get("requestBody", {}) for each in operations()}
    return {name: body["content"] for name, body in found.items() if body}


def test_every_body_has_an_example() -> None:
    """The page fills it in; a body with every field at once would be refused nearly everywhere."""
    kinds = ("application/json", "application/yaml")
    assert [
        (n, kind) for n, content in bodies().items() for kind in kinds if "example" not in content.get(kind, {"example": 0})
    ] == []


def test_every_example_is_taken_as_it_stands() -> None:
    """By the model of the route's body, or as a document that can be published."""
    routes = [route for router in asgi.ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    fields = {route.name: route.body_field for route in routes if route.body_field}
    for name, field in fields.items():
        _, errors = field.validate(JSON_BODIES[name], {}, loc=("body",))
        assert not errors, name
    written = read_yaml(YAML_BODIES["preview_model"]).document
    for document in (JSON_BODIES["publish_model"]["document"], JSON_BODIES["preview_model"], written):
        assert lint.check(document) == []
        assert document == JSON_BODIES["preview_model"]
    for listed in (JSON_BODIES["publish_lists"]["document"], read_yaml(YAML_BODIES["publish_lists"]).document):
        assert lint_lists.check(listed, {})[1] == []
    assert set(JSON_BODIES) == set(fields) | {"publish_model", "preview_model", "publish_lists"}
