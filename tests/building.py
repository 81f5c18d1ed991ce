"""Builds of generations in this process, as ``replay.build`` does them with several."""

from __future__ import annotations

import threading

from sqlalchemy import Engine

from lead_events import clock
from lead_events.projections import replay
from lead_events.projections.building import build_part
from lead_events.projections.projector import Models
from lead_events.store import generations, parts
from lead_events.store.engine import reading, writing
from lead_events.store.vault import Vault


def build_parts(engine: Engine, vault: Vault, compiled: Models, generation_id: int, most: int = 1_000) -> None:
    """Build the parts that are left, or some of them."""
    with reading(engine) as connection:
        generation = generations.load(connection, generation_id)
    for _ in range(most):
        with writing(engine) as connection:
            part = parts.take(connection, generation_id, clock.now())
        if part is None:
            return
        build_part(engine, vault, generation, compiled.of(generation), part)


def complete(engine: Engine, vault: Vault, generation_id: int) -> bool:
    """Let a generation whose parts are all built catch up and be compared; say whether it is ready."""
    return replay._complete(engine, vault, generation_id, threading.Event())
