"""The door is killed at named points and at random, under load: whatever was acknowledged is kept, once."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.crash import ledger
from tests.crash.clients import Load
from tests.crash.rounds import KILLS, campaign

POINTS = ("before-insert", "before-commit", "after-commit")


def test_killed_doors_lose_nothing_that_they_acknowledged(migrated_url: str, tmp_path: Path) -> None:
    """Acknowledged ⊆ stored ⊆ sent, no id twice, positions without gaps, and the rows are what the log says."""
    with campaign(migrated_url, tmp_path) as begun, Load(begun) as load:
        worker = begun.start("worker")
        for point in POINTS:
            crash = f"{point}:{begun.random.randint(2, 30)}"
            server = begun.start("serve", "--port", "0", "--no-projector", crash=crash)
            load.go_to(server.read_address())
            assert server.end() == -signal.SIGKILL, crash
        for _ in range(KILLS):
            server = begun.start("serve", "--port", "0", "--no-projector")
            load.go_to(server.read_address())
            assert begun.ledger.wait_for(begun.random.randint(1, 60))
            server.kill()
            assert server.end() == -signal.SIGKILL
        server = begun.start("serve", "--port", "0", "--no-projector")
        load.go_to(server.read_address())
        assert begun.ledger.wait_for(10)
        load.finish()
        server.kill()
        worker.kill()
        sent, acked = ledger.count(begun.ledger.path)
        assert sent == acked > 50  # every client persisted until it was answered
        assert load.refused == []
        assert begun.findings() == []


@pytest.mark.parametrize("point", POINTS)
def test_every_point_of_the_door_is_reached(sqlite_copy: str, tmp_path: Path, point: str) -> None:
    """The points are where their names say: what is in the log after dying there is nothing, nothing, everything."""
    with campaign(sqlite_copy, tmp_path) as begun:
        server = begun.start("serve", "--port", "0", "--no-projector", crash=f"{point}:1")
        with Load(begun, threads=1) as load:
            load.go_to(server.read_address())
            assert server.end() == -signal.SIGKILL
            with begun.engine.connect() as connection:
                stored = connection.exec_driver_sql("SELECT count(*) FROM events").scalar_one()
            assert (stored > 0) == (point == "after-commit")
            assert ledger.count(begun.ledger.path)[1] == 0
            server = begun.start("serve", "--port", "0", "--no-projector")
            load.go_to(server.read_address())
            assert begun.ledger.wait_for(1)
            load.finish()
        server.kill()
        assert begun.findings() == []
