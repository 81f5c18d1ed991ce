"""The harness itself: what it lends is real, empty, apart, and gone afterwards."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import make_url

from tests import databases, postgres

HOLDER = "from tests import databases; print(databases.postgres_url(), flush=True); input()"


def test_a_database_answers_on_the_engine_it_is_named_after(database: str, database_url: str) -> None:
    """The parameter, the URL and the server that answers are one."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
        assert connection.dialect.name == database
    engine.dispose()


@pytest.mark.parametrize("turn", [1, 2])
def test_a_database_starts_empty(turn: int, database_url: str) -> None:
    """What one test wrote, the next does not see."""
    engine = create_engine(database_url)
    assert inspect(engine).get_table_names() == []
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (id integer)"))
    engine.dispose()


def test_a_copy_of_a_template_carries_its_rows(database: str, database_url: str, tmp_path: Path) -> None:
    """Migrating once and copying gives every test the same start."""
    _write_row(database_url)
    if database == "sqlite":
        assert _count_rows(databases.copy_sqlite(database_url, tmp_path)) == 1
        return
    with databases.temporary_postgres_database(make_url(database_url).database or "") as url:
        assert _count_rows(url) == 1


@pytest.mark.skipif(
    any(os.environ.get(f"LEAD_EVENTS_TEST_{name}") for name in ("POSTGRES_URL", "WITHOUT_POSTGRES")),
    reason="the server is not ours to stop",
)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_server_never_outlives_the_tests(how: signal.Signals) -> None:
    """Neither Ctrl-C nor a kill leaves a PostgreSQL running, nor its files beyond the next start."""
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        folder = make_url(holder.stdout.readline().decode().strip()).query["host"]
        servers = psutil.Process(holder.pid).children()
        assert [str(folder) in " ".join(server.cmdline()) for server in servers] == [True]
        holder.send_signal(how)
    _, alive = psutil.wait_procs(servers, timeout=20)
    assert alive == []
    postgres.stop(postgres.start())
    assert not Path(str(folder)).exists()


def _write_row(url: str) -> None:
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept (id integer)"))
        connection.execute(text("INSERT INTO kept VALUES (1)"))
    engine.dispose()


def _count_rows(url: str) -> int:
    engine = create_engine(url)
    with engine.connect() as connection:
        count: int = connection.execute(text("SELECT count(*) FROM kept")).scalar_one()
    engine.dispose()
    return count
