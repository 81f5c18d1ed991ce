"""What every test may ask for: a fresh database on each engine, and Hypothesis that always tries the same examples."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import Engine, make_url

from tests import databases, memory

if (_in_memory := memory.folder()) is not None:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_in_memory))

pytest_plugins = ["tests.report"]
_COLLECT_EVERY = 20_000
"""Objects, as the service itself has it."""

gc.disable()  # until every test is collected: nothing of that is garbage

settings.register_profile(
    "ci",
    max_examples=50,
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("search", settings.get_profile("ci"), max_examples=2000, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Collect garbage again, and never walk the tests and all that they import, which stay."""
    gc.freeze()
    gc.set_threshold(_COLLECT_EVERY, 20, 50)
    gc.enable()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    """Name of the engine under test; a test that asks for it, or for what follows, runs once on each."""
    name: str = request.param
    if name == "postgresql":
        request.getfixturevalue("_postgresql_server")
    return name


@pytest.fixture(scope="session")
def _postgresql_server() -> None:
    """Start PostgreSQL once; without it, every test that needs it fails with the reason."""
    if os.environ.get("LEAD_EVENTS_TEST_WITHOUT_POSTGRES") == "1":
        pytest.skip("LEAD_EVENTS_TEST_WITHOUT_POSTGRES=1: asked to leave PostgreSQL out")
    databases.postgres_url()


@pytest.fixture
def database_url(database: str, tmp_path: Path) -> Iterator[str]:
    """URL of an empty database."""
    if database == "sqlite":
        yield databases.fresh_sqlite_url(tmp_path)
        return
    with databases.temporary_postgres_database() as url:
        yield url


@pytest.fixture
def migrated_url(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a database at the current schema, copied from one that was migrated once in the session."""
    template: str = request.getfixturevalue(f"_{database}_template")
    if database == "sqlite":
        yield databases.copy_sqlite(template, tmp_path)
        return
    with databases.temporary_postgres_database(make_url(template).database or "") as url:
        yield url


@pytest.fixture
def engine(migrated_url: str) -> Iterator[Engine]:
    """The service's own engine on a migrated database that nobody else uses."""
    engine = databases.connect(migrated_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> str:
    return databases.migrate(databases.fresh_sqlite_url(tmp_path_factory.mktemp("template")))


@pytest.fixture(scope="session")
def _postgresql_template() -> Iterator[str]:
    with databases.temporary_postgres_database() as url:
        yield databases.migrate(url)
