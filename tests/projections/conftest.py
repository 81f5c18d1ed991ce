"""Databases that a test may empty again and again: the schema without the triggers that make a log append-only."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from lead_events.store import schema
from tests import databases


@pytest.fixture
def emptiable(database: str, _emptiable_engines: dict[str, Engine], tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The service's own engine on a database that ``World`` empties; one for all tests, for most of them need many logs."""
    if database not in _emptiable_engines:
        directory: Path = tmp_path_factory.mktemp("emptiable")
        url = databases.fresh_sqlite_url(directory) if database == "sqlite" else databases.fresh_postgres_database()
        engine = databases.connect(url)
        schema.metadata.create_all(engine)
        _emptiable_engines[database] = engine
    return _emptiable_engines[database]


@pytest.fixture
def beside(_emptiable_engines: dict[str, Engine], tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """A second database, always SQLite, to compare with."""
    if "beside" not in _emptiable_engines:
        engine = databases.connect(databases.fresh_sqlite_url(tmp_path_factory.mktemp("beside")))
        schema.metadata.create_all(engine)
        _emptiable_engines["beside"] = engine
    return _emptiable_engines["beside"]


@pytest.fixture(scope="session")
def _emptiable_engines() -> Iterator[dict[str, Engine]]:
    engines: dict[str, Engine] = {}
    yield engines
    for name, engine in engines.items():
        url = engine.url.render_as_string(hide_password=False)
        engine.dispose()
        if name == "postgresql":
            databases.drop_postgres_database(url)
