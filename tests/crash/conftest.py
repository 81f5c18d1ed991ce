"""An SQLite database for the tests that ask one engine alone, and the end of the process that commands are forked from."""

from collections.abc import Iterator
from multiprocessing import forkserver
from pathlib import Path

import pytest

from tests import databases


@pytest.fixture
def sqlite_copy(_sqlite_template: str, tmp_path: Path) -> str:
    """URL of a migrated SQLite database that nobody else uses."""
    return databases.copy_sqlite(_sqlite_template, tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _nothing_left_running() -> Iterator[None]:
    """Wait for the forking process, which would end by itself, but only after this one."""
    yield
    forkserver._forkserver._stop()  # type: ignore[attr-defined]
