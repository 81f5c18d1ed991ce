"""Figures: the door's p99 while a replay runs niced beside it, against the same minute without one, and that replay's rate."""

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
_REPLAY = 80_000
_WATCH_SECONDS = 0.25
_LOOK_EVERY = 4
_NOTE = (
    "Single posts at 500 events/s, latency counted from the instant a request was due; the replay is asked for over HTTP, "
    "built by the service's own worker on all cores and cancelled when the stretch is over; "
    "where the rate was not held, the machine was too busy for it and latencies are those of a queue."
)

_BUILD_NOTE = (
    "Events folded by the builders as the service tells its progress, from the first word of it to the last, "
    "until the stretch is over or the build is ready; "
    "memory is the resident sets of the service, its projector and its builders, where shared pages count more than once."
)


class Build:
    """What a build said of itself while posts came in.

    Attributes:
        said: seconds since it was watched, and events folded by then.
        ended: set it, or it is set, when there is nothing more to watch.
        peak: most bytes that the service held, with the builders it started.
    """

    def __init__(self, memory: Callable[[], int]) -> None:
        """Watch a build.

        Args:
            memory: returns the bytes that the service and its builders hold.
        """
        self.said: list[tuple[float, int]] = []
        self.ended = asyncio.Event()
        self.peak = 0
        self._memory = memory
        self._begun = time.perf_counter()

    def note(self, found: dict[str, Any]) -> None:
        """Take in what the service says of the build."""
        progress = found.get("progress") or {}
        if found["status"] == "building" and "events" in progress:
            self.said.append((time.perf_counter() - self._begun, progress["events"]))
        elif found["status"] != "building":
            self.said.append((time.perf_counter() - self._begun, found["position"]))
            self.ended.set()
        if len(self.said) % _LOOK_EVERY == 1:
            # Asking the system holds up the client, so seldom: one look in a second is no hundredth of the requests.
            self.peak = max(self.peak, self._memory())

    @property
    def rate(self) -> float:
        """Return events per second from the first thing said to the last."""
        if not self.said:
            return 0.0
        (begun, before), (ended, after) = self.said[0], self.said[-1]
        return (after - before) / (ended - begun) if ended > begun else 0.0


def run(given: World) -> list[Row]:
    """Measure every service."""
    return [row for name in given.services for row in _rows(given, name)]


def _rows(given: World, name: str) -> list[Row]:
    database = given.databases[name]
    posts = Posts(database.write_key, seed=19)
    with world.awake(given, name) as server:
        build = Build(server.memory)
        quiet, busy = run_fast(_measure(server.address, database, posts, given.plan.paced_seconds, build))
        server.drain(60)
    given.say(f"{name}: p99 {quiet.at(0.99):.4f} s quiet, {busy.at(0.99):.4f} s with a replay at {per_second(build.rate)}")
    return [_door_row(name, quiet, busy), _build_row(name, quiet, busy, build)]


def _door_row(name: str, quiet: Answers, busy: Answers) -> Row:
    before, during = quiet.at(0.99), busy.at(0.99)
    return Row(
        figure="door p99 while a replay runs",
        database=name,
        value=f"p99 {milliseconds(during)}, p50 {milliseconds(busy.at(0.5))} at {per_second(busy.rate)}",
        limit=f"without: p99 {milliseconds(before)}, p50 {milliseconds(quiet.at(0.5))} at {per_second(quiet.rate)}",
        ratio=f"{during / before:.2f} × without",
        asked=f"< {_ASKED:.2f} × without, at {_RATE}/s",
        reached=during < _ASKED * before and busy.rate > _HELD * _RATE,
        note=_NOTE,
        raw={"quiet_p99": before, "busy_p99": during, "quiet_rate": quiet.rate, "busy_rate": busy.rate},
    )


def _build_row(name: str, quiet: Answers, busy: Answers, build: Build) -> Row:
    rate, times = build.rate, busy.at(0.99) / quiet.at(0.99)
    return Row(
        figure="that replay beside the door",
        database=name,
        value=f"{per_second(rate)}, peak {build.peak >> 20} MB with the service",
        ratio=f"{rate / _REPLAY:.2f} of what is asked; door p99 {times:.2f} × without",
        asked=f"≥ {_REPLAY:,}/s, door p99 < {_ASKED:.2f} × without",
        reached=rate >= _REPLAY and times < _ASKED and busy.rate > _HELD * _RATE,
        note=_BUILD_NOTE,
        raw={"events_per_second": rate, "seconds_and_events": build.said, "peak": build.peak},
    )


async def _measure(address: str, database: Database, posts: Posts, seconds: float, build: Build) -> tuple[Answers, Answers]:
    quiet = await paced(address, posts.single, connections=_CONNECTIONS, rate=_RATE, until=after(seconds))
    asking = await Asking.open(address)
    generation = await _begin(asking, database)
    await _until_building(asking, database, generation)
    watching = asyncio.create_task(_watch(asking, database, generation, build))
    busy = await paced(
        address, posts.single, connections=_CONNECTIONS, rate=_RATE, until=_either(build.ended, after(seconds * 2))
    )
    build.ended.set()
    await watching
    await asking.ask(send(f"/v1/generations/{generation}/cancel", database.secret_key, b""))
    asking.close()
    return quiet, busy


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


async def _watch(asking: Asking, database: Database, generation: int, build: Build) -> None:
    while True:
        build.note(await _ask(asking, database, generation))
        if build.ended.is_set():
            return
        await asyncio.sleep(_WATCH_SECONDS)


async def _ask(asking: Asking, database: Database, generation: int) -> dict[str, Any]:
    _, body = await asking.ask(get(f"/v1/generations/{generation}", database.secret_key))
    found: dict[str, Any] = orjson.loads(body)
    return found
