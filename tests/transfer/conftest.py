"""Two databases on one engine: one to export from, another to import into."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from lead_events.store import schema
from tests import databases
from tests.databases import fresh_sqlite_url, temporary_postgres_database


@pytest.fixture
def first_engine(database_url: str) -> Iterator[Engine]:
    """An engine on a database whose log can be emptied."""
    yield from _emptiable(database_url)


@pytest.fixture
def second_engine(database: str, tmp_path: Path) -> Iterator[Engine]:
    """An engine on another database of the same kind."""
    if database == "sqlite":
        yield from _emptiable(fresh_sqlite_url(tmp_path))
        return
    with temporary_postgres_database() as url:
        yield from _emptiable(url)


def _emptiable(url: str) -> Iterator[Engine]:
    engine = databases.connect(url)
    schema.metadata.create_all(engine)
    yield engine
    engine.dispose()
