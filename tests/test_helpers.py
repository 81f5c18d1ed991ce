"""What several tests use stands in a module that is named for it, so that no test file has to be read to understand another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent


def borrowed(source: str) -> Iterator[str]:
    """Give the test files that a module takes something from."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.startswith("tests.") and name.rpartition(".")[2].startswith("test_"))


def test_no_test_file_takes_anything_from_another() -> None:
    """A helper that two files use is moved out of both."""
    files = sorted(TESTS.rglob("*.py"))
    assert len(files) > 100
    found = {str(file.relative_to(TESTS)): list(borrowed(file.read_text(encoding="utf-8"))) for file in files}
    assert {file: names for file, names in found.items() if names} == {}


def test_what_is_borrowed_is_found() -> None:
    """However it is imported."""
    assert list(borrowed("from tests.api.test_leads import crowd")) == ["tests.api.test_leads"]
    assert list(borrowed("from tests.api import service, test_leads")) == ["tests.api.test_leads"]
    assert list(borrowed("import tests.api.test_leads")) == ["tests.api.test_leads"]
