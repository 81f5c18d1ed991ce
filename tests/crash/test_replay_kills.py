"""Builds and promotions are killed at named points, and everything at random beside them."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select, update

from lead_events.domain.changes import ChangeKind
from lead_events.projections import replay
from lead_events.store import generations, schema
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Generation, Status
from tests.crash import consumer, dying
from tests.crash.clients import Load
from tests.crash.rounds import KILLS, OTHER_MODEL, Campaign, campaign

BUILD_POINTS = (
    "part-done:1@parent",
    "part-saved:2@parent",
    "part-before-save-commit:2",
    "part-taken:2@parent",
    "part-before-done:1",
    "before-ready:1",
)
_SHORT = {"sqlite": BUILD_POINTS[0:3:2], "postgresql": BUILD_POINTS[1:6:4]}
_PART_POSITIONS = 60


def test_a_killed_build_goes_on_where_it_stopped(migrated_url: str, tmp_path: Path) -> None:
    """Nothing is left running, what is done is not done again, and every column comes to what the live rows hold.

    A short run tries two of the points on each database.
    """
    with campaign(migrated_url, tmp_path) as begun:
        begun.append(360)
        begun.catch_up()
        generation_id = replay.begin(begun.engine, 1, part_positions=_PART_POSITIONS)
        for crash in BUILD_POINTS if KILLS > 2 else _SHORT[begun.engine.dialect.name]:
            done = read_done(begun, generation_id)
            build = begun.start("replay", "--model", "1", "--processes", "1", crash=crash, **{dying.SAVE_ROWS: "3"})
            assert build.end() in {-signal.SIGKILL, 1}, crash
            assert begun.end_all() == []
            assert done.items() <= read_done(begun, generation_id).items()
            let_leases_end(begun, generation_id)
            begun.append(20)
            begun.catch_up()
        assert load(begun, generation_id).status is Status.BUILDING
        done = read_done(begun, generation_id)
        assert begun.start("replay", "--model", "1", "--processes", "1").end() == 0, (tmp_path / "log").read_text()[-3_000:]
        assert done.items() <= read_done(begun, generation_id).items()
        assert len(generations_of(begun)) == 2
        begun.catch_up()
        assert begun.rows(generation_id) == begun.rows(1)
        assert begun.findings() == []


def read_done(begun: Campaign, generation_id: int) -> dict[int, tuple[Any, ...]]:
    """Return the finished parts with when they were last taken, which changes when a part is built again.

    When its leads were compared comes later, and says nothing of building.
    """
    table = schema.build_parts
    columns = [column for column in table.columns if column.name != "compared"]
    where = table.c.generation_id == generation_id, table.c.done
    with reading(begun.engine) as connection:
        return {row.part: tuple(row) for row in connection.execute(select(*columns).where(*where))}


def let_leases_end(begun: Campaign, generation_id: int) -> None:
    """Do as if the time had passed after which a silent builder's part is given to another."""
    table = schema.build_parts
    with writing(begun.engine) as connection:
        connection.execute(
            update(table).where(table.c.generation_id == generation_id, table.c.done.is_(False)).values(taken_until=0)
        )


def load(begun: Campaign, generation_id: int) -> Generation:
    """Return a generation."""
    with reading(begun.engine) as connection:
        return generations.load(connection, generation_id)


def generations_of(begun: Campaign) -> list[Generation]:
    """Return all of them."""
    with reading(begun.engine) as connection:
        return generations.load_all(connection)


def build_other(begun: Campaign) -> int:
    """Publish another model and build its generation."""
    generation_id = replay.begin(begun.engine, begun.publish(OTHER_MODEL))
    assert replay.build(begun.opening, begun.engine, begun.vault, generation_id, threading.Event(), processes=1)
    return generation_id


def count_promotions(begun: Campaign) -> tuple[int, int]:
    """Return how often the log, and how often the feed, speaks of a promotion."""
    events, said = schema.events, schema.changes
    with reading(begun.engine) as connection:
        logged = select(func.count()).select_from(events).where(events.c.type == "generation.promoted")
        told = select(func.count()).select_from(said).where(said.c.kind == ChangeKind.PROMOTED)
        return connection.execute(logged).scalar_one(), connection.execute(told).scalar_one()


def live_of(begun: Campaign) -> int:
    """Return the id of the live generation; there is exactly one."""
    (live,) = (each for each in generations_of(begun) if each.status is Status.LIVE)
    return live.generation_id


def test_everything_is_killed_while_two_models_stand_side_by_side(migrated_url: str, tmp_path: Path) -> None:
    """Door, projector and feed consumer die at random, promotions before and after their commit: none is half done.

    The consumer's own file ends with every change once, in order, with the content that the feed still shows.
    """
    with campaign(migrated_url, tmp_path) as begun:
        begun.append(100)
        begun.catch_up()
        other = build_other(begun)
        with Load(begun, threads=2) as clients:
            promote = ("promote", str(other), "--yes", "--announce", "all")
            for crash, live, promotions in (("promotion-before-commit:1", 1, 0), ("promotion-after-commit:1", other, 1)):
                kill_all_at_random(begun, clients)
                assert begun.start(*promote, crash=crash).end() == -signal.SIGKILL, (tmp_path / "log").read_text()[-3_000:]
                assert (live_of(begun), count_promotions(begun)) == (live, (promotions, promotions))
            for _ in range(KILLS // 2):
                kill_all_at_random(begun, clients)
            assert begun.start("rollback", "--yes").end() == 0
            assert (live_of(begun), count_promotions(begun)) == (1, (2, 2))
            server = begun.start("serve", "--port", "0", "--no-projector")
            address = server.read_address()
            clients.go_to(address)
            clients.finish()
        assert clients.refused == []
        assert begun.findings() == []
        check_consumer(begun, address)


def kill_all_at_random(begun: Campaign, clients: Load) -> None:
    """Run a door, a projector and a feed consumer, and kill each of them while the others go on."""
    worker = begun.start("worker", crash=f"any-statement:{begun.random.randint(80, 300)}", LEAD_EVENTS_PAGE_EVENTS="9")
    server = begun.start("serve", "--port", "0", "--no-projector")
    clients.go_to(server.read_address())
    follower = begun.fork(consumer.follow, server.read_address(), begun.key, begun.folder / "feed")
    assert begun.ledger.wait_for(begun.random.randint(5, 50))
    follower.kill()
    server.kill()
    assert [each.end() for each in (worker, server, follower)] == [-signal.SIGKILL] * 3


def check_consumer(begun: Campaign, address: str) -> None:
    """Let the consumer read to the end, and compare what it has with the feed read anew."""
    with httpx.Client(timeout=10, trust_env=False) as client:
        kept, anew = begun.folder / "feed", begun.folder / "feed-anew"
        for path in (kept, anew):
            with path.open("ab") as file:
                while consumer.pull(client, address, begun.key, path, file.fileno(), limit=1_000):
                    pass
    first, second = ([change for _, page in consumer.read_pages(path) for change in page] for path in (kept, anew))
    assert [change["seq"] for change in first] == list(range(1, len(first) + 1))
    assert first == second
