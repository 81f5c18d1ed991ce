"""Fresh databases of both kinds, durable as in production, each with a founded log and two keys."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from lead_events import app
from lead_events.projections.replay import Opening
from lead_events.store import api_keys, log, migrate
from lead_events.store import engine as engines
from lead_events.store.api_keys import KeyKind
from lead_events.store.engine import reading, writing
from lead_events.store.vault import Vault
from tests import databases, postgres

NAMES = ("sqlite", "postgresql")
MASTER_KEY = bytes(range(32))
SOURCE = "bench"

# The tests' server waits for no disk; this one promises what production promises.
_DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "4GB",
    "autovacuum_naptime": "60s",
}


@dataclass(frozen=True, slots=True)
class Database:
    """One database under measurement."""

    name: str
    url: str
    engine: Engine
    vault: Vault
    write_key: str
    secret_key: str

    @property
    def opening(self) -> Opening:
        """Say how other processes open it."""
        return Opening(self.url, MASTER_KEY)

    @property
    def file(self) -> Path | None:
        """Return the file of an SQLite database."""
        path = self.engine.url.database
        return Path(path) if self.name == "sqlite" and path else None


@contextmanager
def opened(names: Sequence[str], folder: Path) -> Iterator[dict[str, Database]]:
    """Lend founded databases for the length of a block."""
    postgres.SETTINGS.update(_DURABLE)
    given = {name: _create(name, databases.migrate(_fresh(name, folder))) for name in names}
    try:
        yield given
    finally:
        for database in given.values():
            database.engine.dispose()
            if database.name == "postgresql":
                databases.drop_postgres_database(database.url)


def _fresh(name: str, folder: Path) -> str:
    return databases.fresh_sqlite_url(folder) if name == "sqlite" else databases.fresh_postgres_database()


def _create(name: str, url: str) -> Database:
    engine = engines.create(url)
    migrate.found(engine, MASTER_KEY, app.default_model())
    with writing(engine) as connection:
        _, write_key = api_keys.create(connection, KeyKind.WRITE, SOURCE)
        _, secret_key = api_keys.create(connection, KeyKind.SECRET, SOURCE)
    with reading(engine) as connection:
        vault = log.open_vault(connection, MASTER_KEY)
    return Database(name, url, engine, vault, write_key, secret_key)
