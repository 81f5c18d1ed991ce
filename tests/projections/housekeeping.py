"""Housekeeping as a worker does it, and what is there afterwards."""

from __future__ import annotations

import threading

from lead_events.projections import worker
from lead_events.projections.replay import Opening
from lead_events.store import generations
from lead_events.store.engine import reading
from lead_events.store.generations import Generation
from tests.world import MASTER_KEY, World


def keep_house(world: World) -> None:
    """Let a worker do its housekeeping once."""
    url = world.engine.url.render_as_string(hide_password=False)
    worker.keep_house(Opening(url, MASTER_KEY), world.engine, world.vault, threading.Event())


def load_all(world: World) -> list[Generation]:
    """Return the generations, oldest first."""
    with reading(world.engine) as connection:
        return generations.load_all(connection)
