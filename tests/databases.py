"""Fresh databases for tests, empty or migrated, on SQLite and on PostgreSQL.

Everything is given as a URL; each PostgreSQL database is a copy of a template, which costs a few milliseconds.
"""

import atexit
import functools
import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

from tests import postgres

_numbers = itertools.count(1)


@functools.cache
def postgres_url() -> str:
    """Return the URL of a PostgreSQL server that lives as long as this process.

    LEAD_EVENTS_TEST_POSTGRES_URL names one; otherwise one is started on first use and stopped at exit.

    Raises:
        PostgresUnavailableError: if none can be started.
    """
    given = os.environ.get("LEAD_EVENTS_TEST_POSTGRES_URL")
    if given:
        return _text(make_url(given).set(drivername="postgresql+psycopg"))
    server = postgres.start()
    atexit.register(postgres.stop, server)
    return _text(server.url)


def fresh_postgres_database(template: str = "template0") -> str:
    """Create a database and return its URL.

    Args:
        template: name of the database to copy; nobody may be connected to it.
    """
    name = f"lead_events_test_{os.getpid()}_{next(_numbers)}"
    _administer(f'CREATE DATABASE "{name}" TEMPLATE "{template}"{_by_files()}')
    return _text(make_url(postgres_url()).set(database=name))


def drop_postgres_database(url: str) -> None:
    """Drop a database made by `fresh_postgres_database`, with whoever is still connected."""
    _administer(f'DROP DATABASE IF EXISTS "{make_url(url).database}" WITH (FORCE)')


@contextmanager
def temporary_postgres_database(template: str = "template0") -> Iterator[str]:
    """Lend a database for the length of a block."""
    url = fresh_postgres_database(template)
    try:
        yield url
    finally:
        drop_postgres_database(url)


def fresh_sqlite_url(tmp_path: Path) -> str:
    """Return the URL of an SQLite file that does not exist yet, inside `tmp_path`."""
    return _text(URL.create("sqlite", database=str(tmp_path / f"lead-events-{next(_numbers)}.db")))


def copy_sqlite(template: str, tmp_path: Path) -> str:
    """Copy a closed SQLite database, with the journal it may have left, and return the copy's URL."""
    source, url = Path(make_url(template).database or ""), fresh_sqlite_url(tmp_path)
    target = Path(make_url(url).database or "")
    for suffix in ("", "-wal"):
        if source.with_name(source.name + suffix).exists():
            shutil.copyfile(source.with_name(source.name + suffix), target.with_name(target.name + suffix))
    return url


def migrate(url: str) -> str:
    """Bring the empty database at `url` to the current schema and return `url`, with every connection closed."""
    from lead_events.store import migrate as migrations

    engine = connect(url)
    migrations.upgrade(engine)
    engine.dispose()
    return url


def connect(url: str) -> Engine:
    """Return the engine that the service itself would use for `url`."""
    from lead_events.store import engine

    return engine.create(url)


@functools.cache
def _administrator() -> Engine:
    return create_engine(postgres_url(), isolation_level="AUTOCOMMIT", poolclass=NullPool)


@functools.cache
def _by_files() -> str:
    """Return how a server that can copy a template in two ways does it with the least work; older ones know this way alone."""
    with _administrator().connect() as connection:
        version = connection.connection.driver_connection.info.server_version  # type: ignore[union-attr]
    return " STRATEGY FILE_COPY" if version >= 150_000 else ""


def _administer(statement: str) -> None:
    with _administrator().connect() as connection:
        connection.execute(text(statement))


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
