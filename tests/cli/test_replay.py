"""``replay``, ``generations``, ``promote`` and ``rollback``; and a build that is killed in the middle."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from lead_events import clock
from lead_events.projections import replay
from lead_events.projections.replay import BuilderKilled, Opening
from lead_events.store import generations, models, parts, schema
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Status
from tests import databases
from tests.api.replaying import with_points
from tests.api.service import MASTER_KEY, Service, person, visitor
from tests.cli.running import environment, run

Row = tuple[Any, ...]
PEOPLE = 60

_BUILD = """
import sys, threading
from lead_events.projections import replay
from lead_events.store import engine as engines, log
from lead_events.store.engine import reading
if __name__ == "__main__":
    url, generation_id = sys.argv[1], int(sys.argv[2])
    engine, key = engines.create(url), bytes(range(32))
    with reading(engine) as connection:
        vault = log.open_vault(connection, key)
    replay.build(replay.Opening(url, key), engine, vault, generation_id, threading.Event(), processes=2,
                 report=lambda progress: progress.done and print(progress.done, flush=True))
"""


@pytest.fixture
def service(engine: Engine) -> Service:
    """Some people with a few events each."""
    service = Service(engine)
    for number in range(PEOPLE):
        name = f"p{number}"
        service.append(visitor(name), person(name, anonymous_id=name), person(name, "file.downloaded"))
    service.catch_up()
    return service


@pytest.fixture
def env(service: Service, migrated_url: str) -> dict[str, str]:
    """The environment of the service's database."""
    return environment(migrated_url)


def publish(service: Service, points: float) -> int:
    """Publish the service's model with other points for downloads."""
    with writing(service.engine) as connection:
        return models.publish(connection, with_points("price", points), "test", "", clock.now())


def rows(engine: Engine, generation_id: int) -> list[Row]:
    """Return every column of every lead of a generation but the generation itself."""
    columns = [column for column in schema.leads.columns if column.name != "generation_id"]
    with reading(engine) as connection:
        where = schema.leads.c.generation_id == generation_id
        return [tuple(row) for row in connection.execute(select(*columns).where(where).order_by(schema.leads.c.founding))]


def test_replay_shows_the_difference_and_promote_and_rollback_switch(service: Service, env: dict[str, str]) -> None:
    """The whole way in a terminal: build, report, list, promote, list, roll back."""
    number = publish(service, 10)
    replayed = run(env, "replay", "--model", str(number), "--processes", "2")
    assert replayed.returncode == 0, replayed.stderr
    assert f"{PEOPLE} of {PEOPLE} leads differ" in " ".join(replayed.stdout.split())
    assert "promote 2" in replayed.stdout
    for part in ("Definitions", "Stages", "Temperatures", "Who moves most", "price -20"):
        assert part in replayed.stdout
    printed = run(env, "generations")
    listed = [line.split("\t") for line in printed.stdout.splitlines()]
    assert re.search(r"On disk, with indexes: [1-9][\d,]* bytes per event", printed.stderr)
    assert re.search(r"Generations on disk: 1 [\d.]+ MB, 2 [\d.]+ MB", printed.stderr)
    assert [each[:3] for each in listed] == [["1", "live", "1"], ["2", "ready", "2"]]
    assert [each[6] for each in listed] == [str(PEOPLE)] * 2
    promoted = run(env, "promote", "2", "--announce", "changed-stage", "--yes")
    assert f"{PEOPLE} leads announced" in promoted.stdout
    assert [line.split("\t")[1] for line in run(env, "generations").stdout.splitlines()] == ["retired", "live"]
    assert "Generation 1 is live" in run(env, "rollback", "--yes").stdout
    assert "price -20" in run(env, "generations", "show", "2").stdout


def test_without_a_yes_nothing_is_promoted(service: Service, env: dict[str, str]) -> None:
    """Unknown and live generations are refused in one line."""
    assert run(env, "promote", "1", "--yes").returncode == 2
    assert run(env, "promote", "7", "--yes").returncode == 2
    assert run(env, "rollback", "--yes").returncode == 2
    assert run(env, "replay", "--model", "9").returncode == 2


def test_no_wait_leaves_the_build_to_a_worker_and_replay_joins_it(service: Service, env: dict[str, str]) -> None:
    """One build of a model at a time."""
    number = publish(service, 10)
    assert "will be built by a worker" in run(env, "replay", "--model", str(number), "--no-wait").stdout
    assert run(env, "generations").stdout.splitlines()[1].split("\t")[1] == "building"
    joined = run(env, "replay", "--model", str(number), "--processes", "1")
    assert "this joins in" in joined.stderr
    assert run(env, "generations").stdout.splitlines()[1].split("\t")[1] == "ready"


def test_a_killed_build_goes_on_where_it_was(service: Service, migrated_url: str, tmp_path: Path) -> None:
    """After kill -9 the parts that were done stay done, are not built again, and the result is as if nothing had happened."""
    generation_id = replay.begin(service.engine, publish(service, 30), part_positions=6)
    script = tmp_path / "build.py"
    script.write_text(_BUILD)
    command = [sys.executable, str(script), migrated_url, str(generation_id)]
    with subprocess.Popen(command, env=environment(migrated_url), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    with reading(service.engine) as connection:
        before = parts.read_progress(connection, generation_id)
        generation = generations.load(connection, generation_id)
    assert 0 < before.done < before.parts
    assert generation.status is Status.BUILDING
    done = _done(service.engine, generation_id)
    service.append(person("p1"), person("late"))
    service.catch_up()
    _let_leases_end(service.engine)
    opening = Opening(migrated_url, MASTER_KEY)
    assert replay.build(opening, service.engine, service.vault, generation_id, threading.Event(), processes=2)
    after = _done(service.engine, generation_id)
    assert {part: after[part] for part in done} == done
    assert rows(service.engine, generation_id) == rows(service.engine, 1)


def test_a_builder_that_is_killed_is_an_error_that_says_how_to_go_on(service: Service, migrated_url: str) -> None:
    """As the kernel does for want of memory: the command ends in one line, and the same command goes on."""
    number = publish(service, 30)
    generation_id = replay.begin(service.engine, number, part_positions=6)
    opening, never = Opening(migrated_url, MASTER_KEY), threading.Event()

    def kill(progress: parts.Progress) -> None:
        for builder in multiprocessing.active_children() if progress.done else ():
            os.kill(builder.pid or 0, signal.SIGKILL)

    with pytest.raises(BuilderKilled, match=f"replay --model {number}"):
        replay.build(opening, service.engine, service.vault, generation_id, never, processes=1, report=kill)
    with reading(service.engine) as connection:
        assert generations.load(connection, generation_id).status is Status.BUILDING
    _let_leases_end(service.engine)
    assert replay.build(opening, service.engine, service.vault, generation_id, never, processes=1)


def _done(engine: Engine, generation_id: int) -> dict[int, int]:
    """Return the parts that are done, with the lease under which each was built."""
    table = schema.build_parts
    with reading(engine) as connection:
        where = table.c.generation_id == generation_id, table.c.done
        return {part: until for part, until in connection.execute(select(table.c.part, table.c.taken_until).where(*where))}


def _let_leases_end(engine: Engine) -> None:
    """Let the time of the dead builders be over, without waiting for it; those that are done keep theirs."""
    table = schema.build_parts
    with writing(engine) as connection:
        connection.execute(table.update().where(table.c.done.is_(False)).values(taken_until=0))


def test_builders_side_by_side_share_the_work(service: Service, migrated_url: str) -> None:
    """A worker and a command line that build the same generation come to the same rows, once."""
    generation_id = replay.begin(service.engine, publish(service, 30), part_positions=6)
    engines = [databases.connect(migrated_url) for _ in range(2)]
    opening = Opening(migrated_url, MASTER_KEY)
    ready: list[bool] = []
    threads = [
        threading.Thread(
            target=lambda engine=engine: ready.append(
                replay.build(opening, engine, service.vault, generation_id, threading.Event(), processes=1)
            )
        )
        for engine in engines
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for engine in engines:
        engine.dispose()
    assert any(ready)
    assert rows(service.engine, generation_id) == rows(service.engine, 1)
    with reading(service.engine) as connection:
        assert parts.read_progress(connection, generation_id).events == 3 * PEOPLE
