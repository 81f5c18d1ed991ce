"""Figure: the door's p99 while a replay runs niced beside it, against the same minute without one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import orjson

from bench import world
from bench.client import Answers, Asking, after, paced, run_fast
from bench.databases import Database
from bench.posts import Posts, get, send
from bench.table import Row, milliseconds, per_second
from bench.world import World

_ASKED = 2.0
_RATE = 500
_HELD = 0.95
_CONNECTIONS = 16
_NOTE = (
    "Single posts at 500 events/s, latency counted from the instant a request was due; the replay is asked for over HTTP, "
    "built by the service's own worker on all cores and cancelled when the stretch is over; "
    "where the rate was not held, the machine was too busy for it and latencies are those of a queue."
)


def run(given: World) -> list[Row]:
    """Measure every service."""
    return [_row(given, name) for name in given.services]


def _row(given: World, name: str) -> Row:
    database = given.databases[name]
    posts = Posts(database.write_key, seed=19)
    with world.awake(given, name) as server:
        quiet, busy, seconds = run_fast(_measure(server.address, database, posts, given.plan.paced_seconds))
        server.drain(60)
    before, during = quiet.at(0.99), busy.at(0.99)
    given.say(f"{name}: p99 {before:.4f} s quiet, {during:.4f} s with a replay ({seconds:.1f} s of it)")
    return Row(
        figure="door p99 while a replay runs",
        database=name,
        value=f"p99 {milliseconds(during)}, p50 {milliseconds(busy.at(0.5))} at {per_second(busy.rate)}",
        limit=f"without: p99 {milliseconds(before)}, p50 {milliseconds(quiet.at(0.5))} at {per_second(quiet.rate)}",
        ratio=f"{during / before:.2f} × without",
        asked=f"< 2.00 × without, at {_RATE}/s",
        reached=during < _ASKED * before and busy.rate > _HELD * _RATE,
        note=_NOTE,
        raw={
            "quiet_p99": before,
            "busy_p99": during,
            "replay_seconds": seconds,
            "quiet_rate": quiet.rate,
            "busy_rate": busy.rate,
        },
    )


async def _measure(address: str, database: Database, posts: Posts, seconds: float) -> tuple[Answers, Answers, float]:
    quiet = await paced(address, posts.single, connections=_CONNECTIONS, rate=_RATE, until=after(seconds))
    asking = await Asking.open(address)
    generation = await _begin(asking, database)
    await _until_building(asking, database, generation)
    begun, ended = time.perf_counter(), asyncio.Event()
    watching = asyncio.create_task(_watch(asking, database, generation, ended))
    busy = await paced(address, posts.single, connections=_CONNECTIONS, rate=_RATE, until=_either(ended, after(seconds * 2)))
    taken = time.perf_counter() - begun
    ended.set()
    await watching
    await asking.ask(send(f"/v1/generations/{generation}/cancel", database.secret_key, b""))
    asking.close()
    return quiet, busy, taken


def _either(ended: asyncio.Event, over: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: ended.is_set() or over()


async def _begin(asking: Asking, database: Database) -> int:
    status, body = await asking.ask(send("/v1/generations", database.secret_key, b'{"model": 1}'))
    if status != 202:
        raise RuntimeError(body.decode())
    return int(orjson.loads(body)["generation_id"])


async def _until_building(asking: Asking, database: Database, generation: int) -> None:
    """Wait until a worker took the build up: it looks once a second."""
    over = after(15)
    while not over():
        found = await _ask(asking, database, generation)
        if found["status"] != "building" or (found.get("progress") or {}).get("parts_done", 0) > 0:
            return
        await asyncio.sleep(0.05)


async def _watch(asking: Asking, database: Database, generation: int, ended: asyncio.Event) -> None:
    while not ended.is_set():
        if (await _ask(asking, database, generation))["status"] != "building":
            ended.set()
        await asyncio.sleep(0.25)


async def _ask(asking: Asking, database: Database, generation: int) -> dict[str, Any]:
    _, body = await asking.ask(get(f"/v1/generations/{generation}", database.secret_key))
    found: dict[str, Any] = orjson.loads(body)
    return found
