"""Projectors are killed, stopped and raced while a writer appends: rows stay what the log says, the feed says all once."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from lead_events.store import log
from lead_events.store.engine import reading
from tests.crash.rounds import KILLS, Campaign, campaign

POINTS = (
    "identity-before-commit",
    "identity-extended",
    "folded",
    "between-checkpoint-and-rows",
    "before-changes",
    "step-before-commit",
    "step-after-commit",
)
_BACKLOG = 150
_SMALL_PAGES = {"LEAD_EVENTS_PAGE_EVENTS": "7"}


@contextmanager
def writer(begun: Campaign) -> Iterator[None]:
    """Append for the length of a block, never far ahead of the projector, for it is the one under test."""
    stop, draw = threading.Event(), random.Random(begun.random.randrange(2**32))
    pool = ThreadPoolExecutor(1)

    def append() -> None:
        while not stop.wait(0.005):
            with reading(begun.engine) as connection:
                head = log.read_head(connection).position
            if head - begun.position() < _BACKLOG:
                begun.append(20, draw)

    appending = pool.submit(append)
    try:
        yield
    finally:
        stop.set()
        appending.result()


def test_a_projector_killed_anywhere_skips_nothing_and_repeats_nothing(migrated_url: str, tmp_path: Path) -> None:
    """At every named point, and before any statement at random."""
    with campaign(migrated_url, tmp_path) as begun:
        with writer(begun):
            crashes = [f"{point}:{begun.random.randint(1, 3)}" for point in POINTS]
            crashes += [f"any-statement:{begun.random.randint(1, 250)}" for _ in range(KILLS)]
            for crash in crashes:
                assert begun.start("worker", crash=crash, **_SMALL_PAGES).end() == -signal.SIGKILL, crash
        assert begun.position() > 0
        assert begun.findings() == []


def test_racing_projectors_do_the_work_once(migrated_url: str, tmp_path: Path) -> None:
    """One is killed at random, the other is stopped for a while in the middle of whatever it does, and goes on."""
    with campaign(migrated_url, tmp_path) as begun:
        with writer(begun):
            steady = begun.start("worker", **_SMALL_PAGES)
            for _ in range(1 + KILLS):
                rival = begun.start("worker", crash=f"any-statement:{begun.random.randint(150, 500)}", **_SMALL_PAGES)
                steady.signal(signal.SIGSTOP)
                rival.process.join(1)
                steady.signal(signal.SIGCONT)
                assert rival.end() == -signal.SIGKILL
            steady.signal(signal.SIGTERM)
            assert steady.end() == 0, (tmp_path / "log").read_text()[-2_000:]
        assert begun.position() > 0
        assert begun.findings() == []
