"""What an acknowledgement rests on: a safe SQLite, and settings that flush every commit."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, text

from lead_events.store.engine import create, is_safe, reading


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_versions_with_the_wal_reset_race_are_refused(version: tuple[int, ...], safe: bool) -> None:
    """Fixed in 3.51.3, and back-ported to 3.50.7 and 3.44.6."""
    assert is_safe(version) is safe


def test_a_commit_is_flushed_before_it_is_acknowledged(engine: Engine) -> None:
    """The settings are read back from the connection that writes."""
    with reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            assert connection.execute(text("SHOW synchronous_commit")).scalar_one() == "on"
            return
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2
        version = connection.execute(text("SELECT sqlite_version()")).scalar_one()
        assert is_safe(tuple(int(part) for part in version.split(".")))


def test_what_can_be_made_again_waits_for_no_disk(engine: Engine) -> None:
    """A builder's connection says so itself; nobody else's is touched by it."""
    builder = create(engine.url.render_as_string(hide_password=False), flushed=False)
    asked = "SHOW synchronous_commit" if engine.dialect.name == "postgresql" else "PRAGMA synchronous"
    with reading(builder) as its, reading(engine) as connection:
        found = [each.execute(text(asked)).scalar_one() for each in (its, connection)]
    builder.dispose()
    assert found == (["off", "on"] if engine.dialect.name == "postgresql" else [1, 2])


def test_a_connection_that_died_while_it_rested_is_replaced(engine: Engine) -> None:
    """One that was used a moment ago is trusted; one that rested is asked first."""
    if engine.dialect.name != "postgresql":
        with reading(engine) as connection:  # there is no server that could hang up
            assert connection.execute(text("SELECT 1")).scalar_one() == 1
        return
    with reading(engine) as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        record = connection.connection._connection_record
    assert record is not None
    record.info["rested"] = 0.0
    with create(engine.url.render_as_string(hide_password=False)).begin() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
    with reading(engine) as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() != pid
