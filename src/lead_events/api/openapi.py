"""The published description of the API: what FastAPI derives from the routes, and what stands outside of it.

Only what all operations share is added here; the door, which the framework does not see, is in ``door_openapi``.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from lead_events.api.door_openapi import openapi_path, openapi_schemas, openapi_security_schemes
from lead_events.api.openapi_examples import add_examples
from lead_events.api.schemas import NDJSON
from lead_events.domain.document import ModelDocument
from lead_events.domain.event_types import TYPES
from lead_events.domain.event_types.registry import json_schema

Schema = dict[str, Any]

DESCRIPTION = (
    "Websites post what visitors do, CRMs pull qualified leads and send back what sales made of them.\n"
    "Every answer about leads carries `as_of`, `generation_id` and `position`; every error is an RFC 9457 problem.\n\n"
    "To try a route on this page, press Authorize and paste a secret key `sk_…`; what you try is done.\n"
    "The `lead_id` of a path is the `id` of a lead, such as `GET /v1/leads` lists."
)
_KEYS: list[dict[str, list[str]]] = [{"bearer": []}, {"basic": []}, {"apiKey": []}]
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def short_name(route: APIRoute) -> str:
    """Return the operation id of a route: the name of its function, which is unique."""
    return route.name


def describe(app: FastAPI) -> Schema:
    """Return the whole description; it depends on nothing but the code."""
    spec = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
    parts: Schema = spec.setdefault("components", {})
    schemas: Schema = parts.setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas.update(openapi_schemas())
    parts.setdefault("securitySchemes", {}).update(openapi_security_schemes())
    for operations in spec["paths"].values():
        for operation in operations.values():
            _complete(operation)
    door = openapi_path()
    door["/v1/events"]["post"]["operationId"] = "post_events"  # spelled like all others
    spec["paths"] = {**door, **spec["paths"]}
    return spec


def event_schemas() -> dict[str, Schema]:
    """Return the JSON Schema of every built-in event type by name: the envelope with the type's own properties."""
    return {name: _event_of(name) for name in sorted(TYPES)}


def model_schema() -> Schema:
    """Return the JSON Schema of a model document."""
    return {"$schema": _DIALECT, **ModelDocument.model_json_schema()}


def _complete(operation: Schema) -> None:
    """Give a derived operation the answers and the keys that every route has."""
    responses = operation["responses"]
    if "HTTPValidationError" in str(responses.get("422")):
        responses["422"] = _problem("A parameter does not fit.")
    for status, text in (("401", "No good key."), ("403", "This key may not.")):
        responses[status] = _problem(text)
    if "requestBody" in operation:
        for status, text in (("400", "The body cannot be read."), ("413", "The body is too large.")):
            responses.setdefault(status, _problem(text))
    for answer in responses.values():
        content = answer.get("content", {})
        if "/Problem" in str(content.get("application/json")):
            content["application/problem+json"] = content.pop("application/json")
        if content.get(NDJSON) == {}:
            content[NDJSON] = content.pop("application/json")
    operation["security"] = _KEYS
    add_examples(operation)


def _problem(text: str) -> Schema:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"description": text, "content": content}


def _event_of(name: str) -> Schema:
    kind, inner = TYPES[name], json_schema(name)
    definitions = inner.pop("$defs", None)
    schema = openapi_schemas()["Event"]
    schema["properties"] |= {"type": {"const": name}, "properties": inner}
    if kind.author_required:
        schema["required"] = ["type", "author"]
    return {
        "$schema": _DIALECT,
        **schema,
        "title": name,
        "description": kind.description,
        **({"$defs": definitions} if definitions else {}),
        "x-public": kind.public,
        "x-version": kind.version,
    }
