"""A model that asks for the mail providers of leads, people who have some, and lists that say what providers are."""

from __future__ import annotations

from typing import Any

from lead_events import clock
from lead_events.store import lists
from lead_events.store.engine import writing
from tests.histories import MODEL, START, Said
from tests.world import World

DOCUMENT: dict[str, Any] = {
    **MODEL,
    "scores": {
        **MODEL["scores"],
        "address": {
            "floor": -100,
            "rules": [
                {"id": "business", "when": {"traits.email": {"mail": "business"}}, "points": 10},
                {"id": "free", "when": {"traits.email": {"mail": "free"}}, "points": -5},
                {"id": "form-by-free", "when": {"type": "form.submitted", "traits.email": {"mail": "free"}}, "points": 3},
            ],
        },
    },
    "definitions": {**MODEL["definitions"], "firm": {"traits.email": {"mail": "business"}}},
}


def forms(domains: list[str]) -> list[Said]:
    """Let somebody of each domain send a form."""
    return [
        Said(
            number,
            START + number * 1_000_000,
            {
                "type": "form.submitted",
                "anonymous_id": f"w{number}",
                "event_id": f"e{number}",
                "properties": {"form_id": "f"},
                "traits": {"email": f"p{number}@{domain}"},
            },
        )
        for number, domain in enumerate(domains)
    ]


def publish_lists(world: World, document: dict[str, Any]) -> int:
    """Publish lists and return their number."""
    with writing(world.engine) as connection:
        return lists.publish(connection, document, "test", "", clock.now())
