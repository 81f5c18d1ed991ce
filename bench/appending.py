"""Figure: append at store level beside a raw insert of the same rows into the same tables. The last one: it spoils the log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import NamedTuple

import orjson
from sqlalchemy import update

from bench.copies import Rows, copy, measure
from bench.databases import Database
from bench.posts import BATCH, Posts
from bench.table import Row, microseconds, per_second
from bench.world import World
from lead_events import clock
from lead_events.domain.wire import admit
from lead_events.store import log, schema
from lead_events.store.dialect import insert_rows
from lead_events.store.engine import writing
from lead_events.store.envelope import Arrival

_ASKED = 0.5
_SOURCE = 1
_NOTE = (
    "One transaction per batch of 500 demo-like events with random ids, one after the other, in alternating rounds; "
    "the limit inserts copies of the rows that the append before it made, under new ids, and seals, hashes and looks up nothing; "
    "the value does all but the validation, which is the door's."
)


class Speed(NamedTuple):
    """Events per second, and this process's processor seconds per event."""

    rate: float
    cpu: float


def run(given: World) -> list[Row]:
    """Measure append and its limit in alternating rounds."""
    return [_row(given, database) for database in given.databases.values()]


def _row(given: World, database: Database) -> Row:
    posts = Posts(database.write_key, seed=3)
    ours: list[Speed] = []
    raw: list[Speed] = []
    for _ in range(max(2, given.plan.rounds)):
        before = measure(database)
        ours.append(_append(database, _batches(posts, given.plan.append_batches)))
        raw.append(_insert(database, copy(database, before)))
    value, limit = (median(one.rate for one in some) for some in (ours, raw))
    cpu, raw_cpu = (median(one.cpu for one in some) for some in (ours, raw))
    given.say(f"{database.name}: append {per_second(value)}, raw {per_second(limit)}")
    return Row(
        figure=f"append at {given.positions[database.name]:,} events",
        database=database.name,
        value=per_second(value),
        limit=f"raw insert {per_second(limit)}",
        peer=f"eventsourcing {per_second(given.peers['append'])}" if "append" in given.peers else "not installed",
        ratio=f"{value / limit:.2f} of the limit",
        cpu=f"{microseconds(cpu)} an event; limit {microseconds(raw_cpu)}",
        asked="≥ 0.50 of the limit",
        reached=value / limit >= _ASKED,
        note=_NOTE,
        raw={"append": [one.rate for one in ours], "insert": [one.rate for one in raw], "cpu_seconds": [cpu, raw_cpu]},
    )


def _batches(posts: Posts, count: int) -> list[list[Arrival]]:
    return [[_admit(body) for body in posts.bodies(BATCH)] for _ in range(count)]


def _admit(body: bytes) -> Arrival:
    now = clock.now()
    event = admit(orjson.loads(body), arrival=now, trusted=False, phone_region=None, new_event_id=clock.new_event_id)
    return Arrival(_SOURCE, event, now)


def _append(database: Database, batches: Sequence[Sequence[Arrival]]) -> Speed:
    def append() -> None:
        for batch in batches:
            log.append(database.engine, database.vault, batch)

    return _time(append, len(batches) * BATCH)


def _insert(database: Database, batches: Sequence[Rows]) -> Speed:
    def insert() -> None:
        for batch in batches:
            with writing(database.engine) as connection:
                for table, rows in batch.items():
                    insert_rows(connection, table, rows)
                connection.execute(update(schema.head).values(position=schema.head.c.position + BATCH))

    return _time(insert, len(batches) * BATCH)


def _time(act: Callable[[], None], events: int) -> Speed:
    begun, cpu = time.perf_counter(), time.process_time()
    act()
    return Speed(events / (time.perf_counter() - begun), (time.process_time() - cpu) / events)
