"""A model that asks whose address is a firm's, and lists that say that one is not."""

from __future__ import annotations

from typing import Any

from tests.api.service import MODEL

DOCUMENT: dict[str, Any] = {
    **MODEL,
    "scores": {
        **MODEL["scores"],
        "address": {"rules": [{"id": "business", "when": {"traits.email": {"mail": "business"}}, "points": 10}]},
    },
    "definitions": {**MODEL["definitions"], "firm": {"traits.email": {"mail": "business"}}},
}
CHANGE = {"free": {"add": ["firm.example"]}}
