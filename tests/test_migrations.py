"""Migrations: from empty to exactly the tables of ``store/schema``, once, whoever asks at the same time."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from lead_events.domain.errors import OlderSchema
from lead_events.store import migrate
from lead_events.store.engine import reading, writing
from lead_events.store.schema import metadata
from tests import databases

SQLITE_SCHEMA = (
    "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('table', 'index') AND tbl_name <> 'alembic_version'"
)
POSTGRESQL_SCHEMA = """
SELECT table_name || ' ' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '')
FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'
UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND conrelid <> 'alembic_version'::regclass
"""


@pytest.fixture
def empty(database_url: str) -> Iterator[Engine]:
    """The service's engine on an empty database."""
    engine = databases.connect(database_url)
    yield engine
    engine.dispose()


def describe(connection: Connection) -> list[str]:
    """Return every table, column, index and constraint in the database's own words, sorted."""
    query = SQLITE_SCHEMA if connection.dialect.name == "sqlite" else POSTGRESQL_SCHEMA
    return sorted(re.sub(r"\s+", " ", sql) for sql in connection.execute(text(query)).scalars())


def test_upgrading_an_empty_database_gives_the_schema_of_the_code(empty: Engine) -> None:
    """What migrations make is what ``metadata`` declares, down to partial indexes, checks and WITHOUT ROWID."""
    migrate.upgrade(empty)
    with reading(empty) as connection:
        migrated = describe(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    with writing(empty) as connection:
        metadata.drop_all(connection)
        metadata.create_all(connection)
        assert migrated == describe(connection)
    assert len(migrated) >= len(metadata.tables)


def test_tables_found_by_their_key_alone_have_no_rowid_on_sqlite(tmp_path: Path) -> None:
    """Exactly the tables that the schema declares so are clustered by their key."""
    engine = databases.connect(databases.migrate(databases.fresh_sqlite_url(tmp_path)))
    declared = {name for name, table in metadata.tables.items() if table.dialect_options["sqlite"]["with_rowid"] is False}
    with reading(engine) as connection:
        rows = connection.execute(text("SELECT name FROM pragma_table_list WHERE type = 'table' AND wr = 1")).scalars()
        assert set(rows) == declared
    engine.dispose()


def test_an_older_schema_is_refused_with_the_command(empty: Engine) -> None:
    """The operator reads what to run."""
    with pytest.raises(OlderSchema, match=r"\./lead-events migrate"):
        migrate.refuse(empty)
    migrate.upgrade(empty)
    migrate.refuse(empty)
    assert migrate.current(empty) == migrate.needed()


def test_a_newer_schema_is_refused(empty: Engine) -> None:
    """An old program never touches what a new one made."""
    migrate.upgrade(empty)
    with writing(empty) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(migrate.NewerSchema):
        migrate.refuse(empty)
    with pytest.raises(migrate.NewerSchema):
        migrate.upgrade(empty)


def test_a_part_that_an_older_version_finished_counts_as_folded(empty: Engine) -> None:
    """A build that was under way during the upgrade goes on with the progress it had."""
    configuration = migrate._configuration()
    with writing(empty) as connection:
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0002")
        for part, done in ((0, "true"), (1, "false")):
            connection.execute(text(f"INSERT INTO build_parts VALUES (2, {part}, 0, 9, 0, {done}, 7, 3)"))
    migrate.upgrade(empty)
    with reading(empty) as connection:
        rows = connection.execute(text("SELECT folded, worked, compared FROM build_parts ORDER BY part")).all()
    assert [tuple(row) for row in rows] == [(7, 0, 0), (0, 0, 0)]


def test_two_who_upgrade_at_once_upgrade_once(empty: Engine, database_url: str) -> None:
    """Whoever comes second waits, finds nothing to do and fails in nothing."""
    outcomes: list[bool | BaseException] = []
    barrier = threading.Barrier(4)

    def upgrade() -> None:
        engine = databases.connect(database_url)
        barrier.wait()
        try:
            outcomes.append(migrate.upgrade(engine))
        except BaseException as error:  # noqa: BLE001 - the test judges it
            outcomes.append(error)
        engine.dispose()

    threads = [threading.Thread(target=upgrade) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["False", "False", "False", "True"]


@pytest.mark.parametrize("table", ["events", "event_ids"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET position = position + 1", "DELETE FROM {}"])
def test_the_database_refuses_to_change_the_log(engine: Engine, table: str, statement: str) -> None:
    """No statement outside ``append`` can rewrite history by accident."""
    with writing(engine) as connection:
        insert_one(connection)
    with pytest.raises(DBAPIError, match="append-only"), writing(engine) as connection:
        connection.execute(text(statement.format(table)))
    with reading(engine) as connection:
        assert connection.execute(text(f"SELECT position FROM {table}")).scalars().all() == [1]


def insert_one(connection: Connection) -> None:
    """Write one event and its id by hand."""
    connection.execute(
        text(
            "INSERT INTO events (position, subject, at, received_at, source_id, event_id, type, version, refs, body, row_hash)"
            " VALUES (1, :b, 1, 1, 1, 'e', 't.x', 1, :b, '{}', :b)"
        ),
        {"b": b"x"},
    )
    connection.execute(text("INSERT INTO event_ids (source_id, event_id, position, tag) VALUES (1, 'e', 1, :b)"), {"b": b"x"})
