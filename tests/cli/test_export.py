"""``export`` as an operator uses it: the whole log or a part of it, in a file that only they can read."""

from __future__ import annotations

import stat
from pathlib import Path

import orjson
import pytest

from tests import builders
from tests.cli.running import environment, run


@pytest.fixture
def env(database_url: str, tmp_path: Path) -> dict[str, str]:
    """An environment whose log has two events of one source and one of another."""
    found = environment(database_url)
    assert run(found, "migrate").returncode == 0
    file = tmp_path / "given.jsonl"
    lines = [{**builders.page_viewed(event_id=f"e-{n}"), "source": source} for n, source in enumerate(("shop", "crm", "shop"))]
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    assert run(found, "import", str(file)).returncode == 0
    return found


def ids(path: Path) -> list[str]:
    """Return the event ids of an export."""
    return [orjson.loads(line)["event_id"] for line in path.read_bytes().splitlines()]


def test_the_whole_log_is_written_in_its_order(env: dict[str, str], tmp_path: Path) -> None:
    """Personal values are in it, so only its owner may read the file."""
    out = tmp_path / "all.jsonl"
    assert "3 events written" in run(env, "export", "--out", str(out)).stderr
    assert ids(out) == ["e-0", "e-1", "e-2"]
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_part_can_be_asked_for(env: dict[str, str], tmp_path: Path) -> None:
    """By source, or from a position on; an unknown source is one line."""
    out = tmp_path / "part.jsonl"
    run(env, "export", "--out", str(out), "--source", "shop", "--after", "1")
    assert ids(out) == ["e-2"]
    unknown = run(env, "export", "--out", str(tmp_path / "none"), "--source", "shopp")
    assert (unknown.returncode, unknown.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "none").exists()
