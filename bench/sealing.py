"""Figure: what sealing costs: the same events appended and folded with their personal parts and without them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import orjson

from bench import databases, world
from bench.databases import Database
from bench.posts import BATCH, Posts
from bench.table import Row, microseconds
from bench.world import World
from lead_events import clock
from lead_events.domain.wire import admit
from lead_events.projections import replay
from lead_events.projections.building import build_part
from lead_events.projections.projector import Models
from lead_events.store import generations, identity, log, parts
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival

_ASKED = 0.85
_NOTE = (
    "Processor time of this process for the same demo-like events with random ids, once as they are and once with their "
    "personal parts left out, appended 500 at a time to an empty log and then folded in this process; "
    "identifiers are pseudonyms in both."
)


def run(given: World) -> list[Row]:
    """Measure both ways on every kind of database."""
    rows = []
    for name in given.databases:
        events = _events(given.plan.sealing_events)
        bare = [arrival._replace(event=replace(arrival.event, personal={})) for arrival in events]
        with databases.opened([name], given.folder) as sealed, databases.opened([name], given.folder) as plain:
            appended = _append(sealed[name], events), _append(plain[name], bare)
            folded = _fold(sealed[name]), _fold(plain[name])
        rows += [_row("append with sealing", name, *appended), _row("replay with sealing", name, *folded)]
    return rows


def _events(count: int) -> list[Arrival]:
    found = []
    for body in Posts("none", seed=23).bodies(count):
        now = clock.now()
        event = admit(orjson.loads(body), arrival=now, trusted=False, phone_region=None, new_event_id=clock.new_event_id)
        found.append(Arrival(1, event, now))
    return found


def _append(database: Database, events: Sequence[Arrival]) -> float:
    begun = time.process_time()
    for start in range(0, len(events), BATCH):
        log.append(database.engine, database.vault, events[start : start + BATCH])
    return (time.process_time() - begun) / len(events)


def _fold(database: Database) -> float:
    world.skip_folding(database)
    generation_id = replay.begin(database.engine, 1)
    with reading(database.engine) as connection:
        generation = generations.load(connection, generation_id)
    identity.extend(database.engine, generation.base_position, 5_000)
    model = Models(database.engine).of(generation)
    begun = time.process_time()
    while True:
        with writing(database.engine) as connection:
            part = parts.take(connection, generation_id, clock.now())
        if part is None:
            return (time.process_time() - begun) / generation.base_position
        build_part(database.engine, database.vault, generation, model, part)


def _row(figure: str, name: str, sealed: float, plain: float) -> Row:
    ratio = plain / sealed
    return Row(
        figure=figure,
        database=name,
        value=f"{microseconds(sealed)} an event",
        limit=f"{microseconds(plain)} with nothing personal",
        ratio=f"{ratio:.2f} of the speed without",
        asked=f"≥ {_ASKED}",
        reached=ratio >= _ASKED,
        note=_NOTE,
        raw={"sealed_seconds": sealed, "plain_seconds": plain},
    )
