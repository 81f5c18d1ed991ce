"""Consistent copies of a database in use: one SQLite file, or one archive that ``pg_restore`` reads.

A copy appears under its name only when it is whole. The master key is never part of it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from lead_events.domain.errors import Conflict, LeadEventsError, Misconfigured
from lead_events.store import log
from lead_events.store.disk import sync
from lead_events.store.engine import reading

_PASSED_ON = {"host": "PGHOST", "port": "PGPORT", "username": "PGUSER", "password": "PGPASSWORD", "database": "PGDATABASE"}
_QUERY = {"sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT", "sslkey": "PGSSLKEY"}


class NoPgDump(Misconfigured):
    """There is no program '{0}'; install the PostgreSQL client programs, or name pg_dump with --pg-dump."""


class BackupFailed(LeadEventsError):
    """The backup failed and left nothing behind: {0}"""  # noqa: D415 - the message


def back_up(engine: Engine, target: Path, pg_dump: str = "pg_dump") -> int:
    """Copy the whole database as it is at one instant, while others go on reading and writing.

    Args:
        target: a file that does not exist yet; only its owner may read it.
        pg_dump: the program that copies PostgreSQL.

    Returns:
        A position of the log that the copy reaches at least: everything acknowledged before the call is in it.

    Raises:
        Conflict: the file exists.
        NoPgDump: the database is PostgreSQL and the program is missing.
        BackupFailed: the copy could not be made.
    """
    with reading(engine) as connection:
        position = log.read_head(connection).position
    with _whole(target) as unfinished:
        if engine.dialect.name == "sqlite":
            _copy_sqlite(engine, unfinished)
        else:
            _dump_postgresql(engine.url, unfinished, pg_dump)
    return position


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """Lend a file that becomes ``target`` when it is whole and on disk, and vanishes otherwise."""
    if target.exists():
        raise Conflict(f"{target} exists; a backup never replaces a file.")
    unfinished = target.with_name(f"{target.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    os.close(os.open(unfinished, os.O_CREAT | os.O_WRONLY, 0o600))
    try:
        yield unfinished
        sync(unfinished)
        unfinished.rename(target)
        sync(target.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _copy_sqlite(engine: Engine, target: Path) -> None:
    """Write a compact copy from one read transaction: no writer waits, and no deleted page goes along.

    https://sqlite.org/lang_vacuum.html, "VACUUM INTO"
    """
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("VACUUM INTO ?", (str(target),))
    except engine.dialect.loaded_dbapi.Error as error:
        raise BackupFailed(error) from None
    finally:
        connection.close()


def _dump_postgresql(url: URL, target: Path, pg_dump: str) -> None:
    """Let ``pg_dump`` copy one snapshot; the password goes through the environment, where no list of processes shows it."""
    program = shutil.which(pg_dump)
    if program is None:
        raise NoPgDump(pg_dump)
    command = [program, "--format=custom", "--no-owner", "--no-privileges", f"--file={target}"]
    done = subprocess.run(command, env={**os.environ, **_environment(url)}, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise BackupFailed(done.stderr.decode(errors="replace").strip() or f"pg_dump ended with {done.returncode}")


def _environment(url: URL) -> dict[str, str]:
    """Say in the words of libpq what an SQLAlchemy URL says."""
    given = {variable: getattr(url, name) for name, variable in _PASSED_ON.items()}
    given |= {variable: url.query.get(name) for name, variable in _QUERY.items()}
    given |= {_PASSED_ON[name]: url.query[name] for name in ("host", "port") if name in url.query}
    return {variable: str(value) for variable, value in given.items() if value}
