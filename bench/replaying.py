"""Figure: replay of the whole history with sealing on, its memory, and two things to hold it against."""

from __future__ import annotations

import time
from importlib import import_module
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import select

from bench import apart, world
from bench.databases import Database
from bench.table import Row, microseconds, per_second
from bench.world import World
from lead_events.store import schema
from lead_events.store.engine import reading

ASKED = 100_000
_MEMORY = 1 << 30
_NOTE = (
    "Replay is everything from begin to ready, starting two processes and comparing with a generation without rows included; "
    "they are niced, so whoever else is busy on the machine shows in this figure first; "
    "memory is the proportional set size of the builder and its children, without the database server, and so is processor time; "
    "the limit is a Python dict fold with JSON decoding over rows already in memory on one core, which stores nothing; "
    "the peer folds its own simpler events, read from SQLite, into a dict and stores nothing."
)


def measure_peers(given: World) -> None:
    """Measure ``eventsourcing`` once, and say why not if it is not installed."""
    try:
        peer: Any = import_module("bench.peer_eventsourcing")
    except ImportError as error:
        given.say(f"eventsourcing is left out: {error}; make bench installs it")
        return
    given.peers |= peer.measure(given.folder, given.plan.fold_events, given.plan.projected_events)
    given.say(f"eventsourcing: {', '.join(f'{name} {per_second(rate)}' for name, rate in given.peers.items())}")


def run(given: World) -> list[Row]:
    """Build a generation on every database; it stays, ready to be promoted."""
    rows = []
    for database in given.databases.values():
        world.skip_folding(database)
        found = rebuild(given, database)
        given.say(f"{database.name}: replayed {found['position']:,} events in {found['seconds']:.1f} s, {found['peak'] >> 20} MB")
        rows.append(_row(given, database, found, fold_in_memory(database, given.plan.fold_events)))
    return rows


def rebuild(given: World, database: Database) -> dict[str, Any]:
    """Replay in another process and return what it says, with the peak of its memory."""
    found = apart.run(given, database, "replay", ["-m", "bench.rebuild"])
    given.rebuilt[database.name] = found["position"], found["seconds"]
    return found


def fold_in_memory(database: Database, events: int) -> float:
    """Fold stored bodies that are in memory already into a dict of counts and scores; return events per second."""
    table = schema.events
    with reading(database.engine) as connection:
        columns = select(table.c.subject, table.c.at, table.c.type, table.c.body).order_by(table.c.position).limit(events)
        rows = [tuple(row) for row in connection.execute(columns)]
    leads: dict[bytes, list[Any]] = {}
    begun = time.perf_counter()
    for subject, at, kind, body in islice(rows, None):
        fields = orjson.loads(body)
        lead = leads.get(subject)
        if lead is None:
            lead = leads[subject] = [at, at, 0, 0, {}]
        lead[1] = at
        lead[2] += 1
        lead[3] += 5 if "context" in fields else 1
        lead[4][kind] = lead[4].get(kind, 0) + 1
    return len(rows) / (time.perf_counter() - begun)


def _row(given: World, database: Database, found: dict[str, Any], limit: float) -> Row:
    rate = found["position"] / found["seconds"]
    peer = given.peers.get("fold")
    stored = given.peers.get("projection")
    ratio = f"{rate / limit:.2f} of the limit"
    if peer and stored:
        ratio += f", {rate / peer:.2f} × its fold, {rate / stored:.0f} × its stored projection"
    return Row(
        figure=f"replay of {found['position']:,} events",
        database=database.name,
        value=f"{per_second(rate)}, peak {found['peak'] >> 20} MB",
        limit=f"in memory {per_second(limit)}",
        peer=f"eventsourcing {per_second(peer)}; stored {per_second(stored)}" if peer and stored else "not installed",
        ratio=ratio,
        cpu=f"{microseconds(found['cpu_seconds'] / found['position'])} an event",
        asked=f"≥ {ASKED:,}/s, < 1 GB",
        reached=rate >= ASKED and found["peak"] < _MEMORY,
        note=_NOTE,
        raw={**found, "events_per_second": rate, "parts_per_second": found["position"] / found["parts_seconds"],
             "limit": limit, "peers": dict(given.peers)},
    )  # fmt: skip
