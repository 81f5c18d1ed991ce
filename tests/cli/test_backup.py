"""The drill: back up while somebody writes, restore elsewhere, and find everything that was acknowledged before."""

from __future__ import annotations

import shutil
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine, make_url

from lead_events.store import log
from lead_events.store.engine import reading
from lead_events.store.vault import Vault
from lead_events.store.verify import verify_log
from tests import databases, logs, postgres
from tests.cli.running import environment, run
from tests.databases import connect, temporary_postgres_database


def program(name: str) -> str:
    """Return a PostgreSQL client program at least as new as the server: from where the server itself came, or the system."""
    with psycopg.connect(make_url(databases.postgres_url()).set(drivername="postgresql").render_as_string(False)) as server:
        major = server.info.server_version // 10_000
    on_path = shutil.which(name)
    candidates = [folder / name for folder in postgres._candidates()] + ([Path(on_path)] if on_path else [])
    for each in filter(Path.exists, candidates):
        version = subprocess.run([each, "--version"], capture_output=True, text=True, check=False).stdout
        if version and int(version.split()[2].split(".")[0]) >= major:
            return str(each)
    pytest.skip(f"there is no {name} of PostgreSQL {major} or newer beside the server or on PATH")


@contextmanager
def somebody_writes(engine: Engine, vault: Vault) -> Iterator[threading.Event]:
    """Append batches from another thread for the length of a block; the event is set when two of them are on disk."""
    stop, began = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            log.append(engine, vault, logs.named(*(f"later-{number}-{n}" for n in range(20))))
            number += 1
            if number == 2:
                began.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield began
    finally:
        stop.set()
        writer.join()


@pytest.fixture
def env(migrated_url: str) -> dict[str, str]:
    """An environment whose database is migrated and founded."""
    found = environment(migrated_url)
    assert run(found, "migrate").returncode == 0
    return found


@contextmanager
def restored(database: str, copy: Path, folder: Path) -> Iterator[str]:
    """Restore a backup as the guide says, and lend the URL of what came of it."""
    if database == "sqlite":
        url = databases.fresh_sqlite_url(folder)
        shutil.copyfile(copy, make_url(url).database or "")
        yield url
        return
    with temporary_postgres_database() as url:
        libpq = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        command = [program("pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={libpq}", str(copy)]
        subprocess.run(command, check=True, capture_output=True)
        yield url


def test_a_backup_taken_while_writing_can_be_restored(database: str, env: dict[str, str], tmp_path: Path) -> None:
    """The copy verifies clean, holds everything acknowledged before, and goes on as a log."""
    options = [] if database == "sqlite" else ["--pg-dump", program("pg_dump")]
    engine = connect(env["LEAD_EVENTS_DATABASE_URL"])
    vault = open_vault(engine)
    log.append(engine, vault, logs.named(*(f"before-{n}" for n in range(500))))
    copy = tmp_path / "copy"
    with somebody_writes(engine, vault) as began:
        assert began.wait(30)
        acknowledged = logs.stored(engine)
        made = run(env, "backup", str(copy), *options)
    engine.dispose()
    assert (made.returncode, "master key is not in it" in made.stderr) == (0, True), made
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with restored(database, copy, tmp_path) as url:
        check_restored(url, acknowledged)
        assert run(environment(url), "verify", "log").returncode == 0


def check_restored(url: str, acknowledged: list[tuple[int, str]]) -> None:
    """Look into a restored database."""
    engine = connect(url)
    vault = open_vault(engine)
    assert verify_log(engine, vault) == []
    stored = logs.stored(engine)
    assert stored[: len(acknowledged)] == acknowledged
    assert log.append(engine, vault, logs.named("before-1", "after"))[1].position == len(stored) + 1
    engine.dispose()


def open_vault(engine: Engine) -> Vault:
    """Open a log with the key that the environment names."""
    with reading(engine) as connection:
        return log.open_vault(connection, bytes(range(32)))


def test_a_backup_replaces_nothing(env: dict[str, str], tmp_path: Path) -> None:
    """A file of that name stays as it is."""
    copy = tmp_path / "copy"
    copy.write_text("precious")
    refused = run(env, "backup", str(copy))
    assert (refused.returncode, copy.read_text()) == (2, "precious")


def test_without_pg_dump_the_message_says_what_to_do(tmp_path: Path) -> None:
    """One line, no file."""
    with temporary_postgres_database() as url:
        env = environment(url)
        run(env, "migrate")
        refused = run(env, "backup", str(tmp_path / "copy"), "--pg-dump", "no-such-pg-dump")
    assert (refused.returncode, "--pg-dump" in refused.stderr, list(tmp_path.iterdir())) == (3, True, [])
