"""Generations built as workers build them, and the states of leads in them and in a preview, to be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lead_events import clock
from lead_events.domain import state
from lead_events.projections import replay
from lead_events.projections.pairing import Portion
from lead_events.projections.projector import Models
from lead_events.store import models
from lead_events.store.engine import writing
from tests.building import build_parts, complete
from tests.world import World

States = dict[int, str]

SAME = ("empty", "leads", "different", "definitions", "stages", "temperatures", "scores", "top_movers", "as_of")
"""What a preview and the difference of a built generation both say."""


def states(pairs: Iterable[Portion]) -> tuple[States, States]:
    """Return every lead's state under both models, each lead once."""
    found = [pair for portion in pairs for pair in portion.pairs]
    before = {pair.before.lead.founding: state.dump(pair.before.lead) for pair in found}
    after = {pair.after.lead.founding: state.dump(pair.after.lead) for pair in found}
    assert len(before) == len(after) == len(found)
    return before, after


def rows(world: World, generation_id: int) -> States:
    """Return every lead's state in a generation."""
    return {row["founding"]: row["state"] for row in world.rows(generation_id)}


def publish(world: World, document: dict[str, Any]) -> int:
    """Publish a model and return its number."""
    with writing(world.engine) as connection:
        return models.publish(connection, document, "test", "", clock.now())


def build(world: World, number: int) -> int:
    """Build a generation of a published model with the newest lists."""
    generation_id = replay.begin(world.engine, number, part_positions=5)
    build_parts(world.engine, world.vault, Models(world.engine), generation_id)
    assert complete(world.engine, world.vault, generation_id)
    return generation_id
