"""How the OpenAPI document describes the door, which the framework does not see; written by hand, merged by the application."""

from __future__ import annotations

from typing import Any

_REF = "#/components/schemas/"
_TIME = {"type": "string", "format": "date-time", "description": "ISO 8601 with an offset."}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_OBJECT = {"type": ["object", "null"], "additionalProperties": True}
_RETRY = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}}

_PROBLEMS = {
    "400": "The body is not JSON that can be kept.",
    "401": "No key, or one that is unknown or revoked.",
    "403": "The key may not send events, or not from this origin.",
    "408": "The body did not arrive in time.",
    "413": "More than 512 KB or 500 events.",
    "415": "Neither JSON nor plain text, or packed with anything but gzip.",
    "422": "No event can be kept; a batch still has `results`.",
    "429": "Too many events for now.",
    "503": "Busy, or the database is away; send the same events again.",
}


def openapi_path() -> dict[str, Any]:
    """Return the path item of ``POST /v1/events``, to be merged into ``paths``."""
    return {
        "/v1/events": {
            "post": {
                "tags": ["events"],
                "operationId": "postEvents",
                "summary": "Send one event or up to 500",
                "description": (
                    "Answers after the events are durable, with one outcome per event in the order sent. "
                    "Sending the same event again is safe for ever. "
                    "Beacons may put a write key into the body as `write_key` and send `text/plain`."
                ),
                "security": [{"bearer": []}, {"apiKey": []}, {"basic": []}, {}],
                "requestBody": _request_body(),
                "responses": {"202": _accepted(), **{status: _refused(status, text) for status, text in _PROBLEMS.items()}},
            }
        }
    }


def openapi_schemas() -> dict[str, Any]:
    """Return the named schemas of the door, to be merged into ``components.schemas``."""
    return {
        "Event": _event(),
        "EventBatch": _batch(),
        "EventsReceipt": _receipt(),
        "EventOutcome": _outcome(),
        "EventProblem": _event_problem(),
        "FieldError": _field_error(),
        "Problem": _problem(),
    }


def openapi_security_schemes() -> dict[str, Any]:
    """Return the schemes that the framework's own routes do not declare, for ``components.securitySchemes``."""
    return {"basic": {"type": "http", "scheme": "basic", "description": "The key as user name, no password."}}


def _request_body() -> dict[str, Any]:
    schema = {"oneOf": [{"$ref": f"{_REF}Event"}, {"$ref": f"{_REF}EventBatch"}]}
    example = {"type": "page.viewed", "anonymous_id": "v-1", "context": {"page": {"url": "https://shop.example/pricing"}}}
    return {
        "required": True,
        "content": {"application/json": {"schema": schema, "example": example}, "text/plain": {"schema": {"type": "string"}}},
    }


def _accepted() -> dict[str, Any]:
    description = "At least one event is durable, or was dropped as its browser asks for; each has its outcome."
    return {"description": description, "content": {"application/json": {"schema": {"$ref": f"{_REF}EventsReceipt"}}}}


def _refused(status: str, description: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": f"{_REF}Problem"}}}
    headers = {"headers": _RETRY} if status in {"429", "503"} else {}
    return {"description": description, "content": content, **headers}


def _event() -> dict[str, Any]:
    return {
        "type": "object",
        "description": (
            "A fact about one person, named by at least one of anonymous_id, user_id, traits.email, traits.phone, crm_ids, "
            "lead_id. Fields that are not listed are ignored."
        ),
        "required": ["type"],
        "properties": {
            "event_id": {
                "type": ["string", "null"],
                "pattern": "^[A-Za-z0-9_.:-]{1,128}$",
                "description": "Yours; given if absent.",
            },
            "type": {"type": "string", "pattern": "^[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$", "maxLength": 64},
            "anonymous_id": _TEXT_OR_NULL,
            "user_id": _TEXT_OR_NULL,
            "crm_ids": {**_OBJECT, "description": "CRM name → id there. Needs a secret key."},
            "lead_id": {**_TEXT_OR_NULL, "description": "Needs a secret key."},
            "occurred_at": _TIME,
            "sent_at": {**_TIME, "description": "By the same clock as occurred_at, to correct it."},
            "properties": _OBJECT,
            "traits": _OBJECT,
            "context": _OBJECT,
            "author": {**_TEXT_OR_NULL, "description": "Who did it. Needs a secret key."},
        },
    }


def _batch() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["events"],
        "properties": {
            "events": {"type": "array", "minItems": 1, "maxItems": 500, "items": {"$ref": f"{_REF}Event"}},
            "write_key": {"type": "string", "description": "For beacons only; never stored."},
        },
    }


def _receipt() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["position", "results"],
        "properties": {
            "position": {
                "type": ["integer", "null"],
                "description": "The highest position of the results; ask reads for `?after=` it. Null when all were dropped.",
            },
            "results": {"type": "array", "items": {"$ref": f"{_REF}EventOutcome"}},
        },
    }


def _outcome() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["outcome"],
        "properties": {
            "event_id": {"type": "string"},
            "outcome": {"type": "string", "enum": ["created", "duplicate", "quarantined", "rejected", "dropped"]},
            "reason": {"type": "string", "description": "Why it was dropped: `privacy_signal`."},
            "position": {"type": "integer", "description": "Its own, or that of the event that had the id first."},
            "problem": {"$ref": f"{_REF}EventProblem"},
        },
    }


def _event_problem() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["code", "message", "pointer", "errors"],
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string"},
            "pointer": {"type": "string", "description": "JSON pointer into the request, such as /events/3/traits/email."},
            "errors": {"type": "array", "items": {"$ref": f"{_REF}FieldError"}},
        },
    }


def _field_error() -> dict[str, Any]:
    properties = {"pointer": {"type": "string"}, "detail": {"type": "string"}}
    return {"type": "object", "required": ["pointer", "detail"], "properties": properties}


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "RFC 9457, with a code for machines.",
        "required": ["type", "title", "status", "detail", "code", "message"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string"},
            "message": {"type": "string"},
            "errors": {"type": "array", "items": {"$ref": f"{_REF}FieldError"}},
            "results": {"type": "array", "items": {"$ref": f"{_REF}EventOutcome"}},
            "id": {"type": "string", "description": "Names this failure in the server's log."},
        },
    }
