"""Opens a database with the durability that an acknowledgement promises, and the two kinds of transaction.

SQLite: WAL, ``synchronous=FULL``, ``BEGIN IMMEDIATE`` for writers. PostgreSQL: ``synchronous_commit=on``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from lead_events.domain.errors import UnsafeSqlite
from lead_events.store import arrays
from lead_events.store.dialect import begin

_WRITES = "lead_events_writes"
_LOCK_WAIT_SECONDS = 30
_WAL_PAUSE_SECONDS = 0.01
_RESTED = "rested"
_TRUSTED_SECONDS = 1.0
_SQLITE_FLUSHES = {True: "FULL", False: "NORMAL"}
_POSTGRESQL_FLUSHES = {True: "on", False: "off"}


def create(url: str, *, pool_size: int = 5, flushed: bool = True) -> Engine:
    """Open the database named by an SQLAlchemy URL (``sqlite:///file`` or ``postgresql+psycopg://…``).

    Args:
        pool_size: how many connections are kept.
        flushed: whether a commit waits until it is on the disk. What can be made again need not: a killed process loses
            nothing of it, a lost machine only the last commits, and those before the next flushed commit of anybody stay.

    Raises:
        UnsafeSqlite: the SQLite library at hand can lose committed data.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _create_sqlite(url, pool_size, _SQLITE_FLUSHES[flushed])
    engine = create_engine(url, pool_size=pool_size, max_overflow=5, isolation_level="READ COMMITTED", hide_parameters=True)
    event.listen(engine, "connect", partial(_prepare_postgresql, _POSTGRESQL_FLUSHES[flushed]))
    event.listen(engine, "checkin", _note_rest)
    event.listen(engine, "checkout", partial(_ping_rested, engine))
    return engine


def _note_rest(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info[_RESTED] = time.monotonic()


def _ping_rested(engine: Engine, connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Ask a connection that was not used for a while whether it still lives; asking at every commit cost a tenth of it.

    Raises:
        DisconnectionError: it does not, which lets the pool take another.
    """
    if time.monotonic() - record.info.get(_RESTED, -inf) < _TRUSTED_SECONDS:
        return
    try:
        engine.dialect.do_ping(connection)
    except engine.dialect.loaded_dbapi.Error as error:
        raise DisconnectionError from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that only reads."""
    with engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes; it commits at the end of the block, or rolls back on an error."""
    with engine.connect().execution_options(**{_WRITES: True}) as connection, connection.begin():
        yield connection


@contextmanager
def snapshot(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that only reads and sees one moment of the database throughout."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901 - the same one
        yield connection


def _create_sqlite(url: str, pool_size: int, synchronous: str) -> Engine:
    module = safe_sqlite()
    engine = create_engine(
        url,
        module=module,
        pool_size=pool_size,
        max_overflow=5,
        connect_args={"check_same_thread": False},
        hide_parameters=True,
    )
    event.listen(engine, "connect", partial(_prepare_sqlite, synchronous))
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def safe_sqlite() -> ModuleType:
    """Return an SQLite module whose library is free of the WAL-reset race.

    Fixed in 3.51.3 and back-ported to 3.50.7 and 3.44.6 (https://sqlite.org/wal.html).
    """
    version: tuple[int, ...] = (0, 0, 0)
    for module in _sqlite_modules():
        version = module.sqlite_version_info
        if is_safe(version):
            return module
    raise UnsafeSqlite(".".join(map(str, version)))


def is_safe(version: tuple[int, ...]) -> bool:
    """Say whether an SQLite of this version is free of the WAL-reset race; see ``safe_sqlite`` for where it was fixed."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def _sqlite_modules() -> Iterator[ModuleType]:
    try:
        from pysqlite3 import dbapi2  # noqa: PLC0415 - absent where no wheel exists
    except ImportError:
        pass
    else:
        yield dbapi2
    import sqlite3  # noqa: PLC0415 - the last resort, and refused when it is unsafe

    yield sqlite3


def _prepare_sqlite(synchronous: str, connection: Any, _record: object) -> None:
    connection.isolation_level = None  # SQLAlchemy's "begin" event says which kind of transaction starts
    connection.execute(f"PRAGMA busy_timeout={_LOCK_WAIT_SECONDS * 1000}")
    _switch_to_wal(connection)
    for pragma in (
        f"synchronous={synchronous}",
        "foreign_keys=ON",
        "secure_delete=ON",
        "cache_size=-65536",
        "mmap_size=268435456",
        # 32 MB instead of 4: ids and refs are random, so that a page is often written again before it is copied back.
        "wal_autocheckpoint=8000",
        "journal_size_limit=67108864",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: Any) -> None:
    """Let a new file have a write-ahead log; SQLite does not wait for others who do the same at that moment, so this does."""
    until = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except Exception as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_WAL_PAUSE_SECONDS)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    begin(connection, "BEGIN IMMEDIATE" if writes else "BEGIN")


def _prepare_postgresql(synchronous: str, connection: Any, _record: object) -> None:
    arrays.teach(connection)
    with connection.cursor() as cursor:
        cursor.execute(f"SET synchronous_commit = {synchronous}")
        cursor.execute(f"SET lock_timeout = '{_LOCK_WAIT_SECONDS}s'")
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()
