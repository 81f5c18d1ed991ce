"""Two projectors race on one generation while a writer appends: nothing is skipped, nothing is applied twice."""

from __future__ import annotations

import threading
from collections.abc import Callable

import orjson
import pytest
from sqlalchemy import Engine

from lead_events.projections import projector
from lead_events.store import generations, log
from lead_events.store.engine import reading
from tests.histories import say
from tests.world import World

LEADS = 5
EVENTS = 80


@pytest.fixture
def world(emptiable: Engine) -> World:
    """An empty log under the short model."""
    return World(emptiable)


def together(*works: Callable[[], None]) -> None:
    """Run works at once and raise what the first of them raised."""
    failures: list[BaseException] = []

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if failures:
        raise failures[0]


def write(world: World, done: threading.Event, first: int, count: int) -> None:
    """Append events in small batches, now and then late, now and then claiming a browser, with ticks between."""
    try:
        for start in range(first, first + count, 5):
            world.append([
                say(n, n * 20, anonymous_id=f"w{n % LEADS}", user_id=f"u{n % 7}" if n % 3 else None, late=(n % 4) * 300)
                for n in range(start, start + 5)
            ])  # fmt: skip
            if start % 20 == 0:
                world.tick(world.clock + 60_000_000)
    finally:
        done.set()


def project(world: World, done: threading.Event, page: int) -> None:
    """Step until the writers are done and the end is reached."""
    while True:
        finished = done.is_set()
        step = projector.step(world.engine, world.vault, world.live, world.model, page)
        if step is None and finished:
            with reading(world.engine) as connection:
                generation = generations.load(connection, world.live)
                head = log.read_head(connection)
            if (generation.position, generation.clock) == (head.position, head.received_at):
                return


def test_two_workers_and_a_writer(world: World) -> None:
    """After the race the rows are the fold of the log, to the last column."""
    done = threading.Event()
    together(
        lambda: write(world, done, 0, EVENTS),
        lambda: project(world, done, 3),
        lambda: project(world, done, 7),
    )
    live, known = world.rows(), world.identity()
    assert sum(orjson.loads(row["state"])["events"] for row in live) == EVENTS
    world.rebuild()
    assert world.rows() == live
    assert world.identity() == known


def test_two_writers_of_the_same_events(world: World) -> None:
    """Two processes that send the same at once add it once, with the same people."""
    first, second = threading.Event(), threading.Event()
    together(lambda: write(world, first, 0, 40), lambda: write(world, second, 0, 40))
    world.catch_up(6)
    live = world.rows()
    assert sum(orjson.loads(row["state"])["events"] for row in live) == 40
    with reading(world.engine) as connection:
        assert [row.position for row in log.read(connection, 0, 99)] == list(range(1, 41))
    world.rebuild()
    assert world.rows() == live


def test_a_retry_while_two_workers_step(world: World) -> None:
    """Folding leads again in the middle of the race disturbs nothing."""
    done = threading.Event()

    def retry() -> None:
        while not done.is_set():
            founded = [row["founding"] for row in world.rows()][:3]
            projector.refold(world.engine, world.vault, world.live, world.model, founded)

    together(lambda: write(world, done, 0, 40), lambda: project(world, done, 3), retry)
    world.catch_up()
    live = [{k: v for k, v in row.items() if k != "updated_at"} for row in world.rows()]
    world.rebuild()
    assert [{k: v for k, v in row.items() if k != "updated_at"} for row in world.rows()] == live


def test_the_loop_stops_when_told(world: World) -> None:
    """``run`` keeps the live generation current, ticks the idle log, and ends."""
    stop = threading.Event()
    seen: list[int] = []

    def report(step: projector.Step) -> None:
        seen.append(step.position)
        if step.position == 10:
            stop.set()

    together(
        lambda: projector.run(world.engine, world.vault, stop, page_events=4, report=report),
        lambda: write(world, threading.Event(), 0, 10),
    )
    assert seen[-1] == 10
    assert seen == sorted(seen)
