"""Lines of who read whom: written in the background, never lost in silence, never in the way."""

from __future__ import annotations

import threading
import time

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError

from lead_events.store import reads
from lead_events.store.engine import reading, writing
from lead_events.store.reads import AccessLogFull, ReadLine, ReadLog
from tests.logs import count


def test_a_line_is_written_within_a_second(engine: Engine) -> None:
    """Nobody waits for it, and nobody has to ask."""
    log = ReadLog(engine)
    log.start()
    since = time.monotonic()
    log.note("0a1b2c3d", "lead", [1, 2, 2])
    noted = time.monotonic() - since
    while count(engine, "reads_of_leads") < 2:
        assert time.monotonic() - since < 10
    assert noted < reads.FLUSH_SECONDS / 2
    assert log.drain(10) == 0


def test_the_end_of_the_service_writes_what_waits(engine: Engine) -> None:
    """Nothing that was shown is forgotten by a shutdown."""
    log = ReadLog(engine)
    log.start()
    log.note("0a1b2c3d", "list", range(1, 3_001))
    assert (log.drain(30), count(engine, "reads_of_leads")) == (0, 3_000)


def test_a_read_waits_for_room_and_is_refused_in_the_end(engine: Engine) -> None:
    """While the database takes nothing, no data are shown without their line; afterwards nothing is missing."""
    log = ReadLog(engine, waiting_lines=10, patience_seconds=0.05)
    refuse = Refusing(engine)
    with refuse:
        log.start()
        log.note("k", "list", range(10))
        with pytest.raises(AccessLogFull):
            log.note("k", "lead", [99])
    log.flush()
    log.note("k", "lead", [99])
    assert (log.drain(30), count(engine, "reads_of_leads")) == (0, 11)


def test_a_read_that_waits_goes_on_when_there_is_room(engine: Engine) -> None:
    """It is slower, not lost."""
    log = ReadLog(engine, waiting_lines=5, patience_seconds=30)
    log.note("k", "list", range(5))
    waiting = threading.Thread(target=log.note, args=("k", "list", range(5, 9)))
    waiting.start()
    log.flush()
    waiting.join(30)
    log.flush()
    assert count(engine, "reads_of_leads") == 9


def test_more_leads_than_may_wait_are_noted_when_nothing_else_waits(engine: Engine) -> None:
    """One long list cannot be refused for ever."""
    log = ReadLog(engine, waiting_lines=5, patience_seconds=0.05)
    log.note("k", "list", range(20))
    log.flush()
    assert count(engine, "reads_of_leads") == 20


def test_lines_that_could_not_be_written_are_counted_at_the_end(engine: Engine) -> None:
    """The log of the service says how many."""
    log = ReadLog(engine)
    with Refusing(engine):
        log.start()
        log.note("k", "list", range(4))
        assert log.drain(10) == 4


def test_old_lines_are_forgotten_and_young_ones_stay(engine: Engine) -> None:
    """In pieces, oldest first."""
    with writing(engine) as connection:
        reads.save(connection, [ReadLine(1, at, "k", "lead") for at in range(100)])
    with writing(engine) as connection:
        assert reads.count_older(connection, 60) == (60, 0)
        assert [reads.forget_older(connection, 60, 25) for _ in range(4)] == [25, 25, 10, 0]
    with reading(engine) as connection:
        assert [line.at for line in reads.read(connection, [1], None, 1_000)] == list(range(99, 59, -1))


class Refusing:
    """While it is entered, the database takes no commit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        event.listen(self._engine, "commit", self._refuse)

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "commit", self._refuse)

    @staticmethod
    def _refuse(_connection: Connection) -> None:
        raise OperationalError("COMMIT", {}, Exception("the disk is full"))
