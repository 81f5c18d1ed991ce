"""``models`` on the command line: what an engineer sees between an idea and its number."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.running import environment, run


@pytest.fixture
def env(migrated_url: str) -> dict[str, str]:
    """An environment whose database is founded with the shipped model."""
    from lead_events import app
    from lead_events.store import migrate
    from tests import databases
    from tests.cli.running import MASTER_KEY

    engine = databases.connect(migrated_url)
    migrate.found(engine, bytes.fromhex(MASTER_KEY), app.default_model())
    engine.dispose()
    return environment(migrated_url)


def shipped(env: dict[str, str], tmp_path: Path) -> Path:
    """Write the shipped model to a file, as whoever changes a copy does."""
    path = tmp_path / "model.yaml"
    path.write_text(run(env, "models", "show", "1", "--yaml").stdout, encoding="utf-8")
    return path


def test_a_copy_is_changed_linted_compared_and_published(env: dict[str, str], tmp_path: Path) -> None:
    """The whole way, with every number and name that the next command needs."""
    path = shipped(env, tmp_path)
    assert run(env, "models", "lint", str(path)).stdout == "It can be published.\n"
    assert run(env, "models", "diff", "1", str(path)).stdout == "They say the same.\n"
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    document["scores"]["behaviour"]["half_life"] = "14d"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    assert run(env, "models", "diff", "1", str(path)).stdout == "score behaviour half-life: 30d → 14d\n"
    published = run(env, "models", "publish", str(path), "--author", "anna", "--note", "interest fades sooner")
    assert (published.returncode, "replay --model 2" in published.stdout) == (0, True)
    assert run(env, "models", "diff", "1", "2").stdout == "score behaviour half-life: 30d → 14d\n"
    last = run(env, "models", "list").stdout.splitlines()[-1].split("\t")
    assert last[:4] == ["2", "shipped", "anna", "interest fades sooner"]


def test_a_mistake_is_shown_with_its_line_and_nothing_is_published(env: dict[str, str], tmp_path: Path) -> None:
    """Exit code 1, one line for each mistake."""
    path = shipped(env, tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("at_least: 50", "atleast: 50"), encoding="utf-8")
    line = next(n for n, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if "atleast" in text)
    for command in ("lint", "publish"):
        ended = run(env, "models", command, str(path))
        assert ended.returncode == 1
        assert f"line {line}: error:" in ended.stderr
        assert "did you mean at_least?" in ended.stderr
    assert len(run(env, "models", "list").stdout.splitlines()) == 1


def test_what_is_not_there_is_said_in_one_line(env: dict[str, str], tmp_path: Path) -> None:
    """No traceback, whatever is named."""
    broken = tmp_path / "broken.yaml"
    broken.write_text("scores: [\n", encoding="utf-8")
    assert run(env, "models", "lint", str(broken)).stderr.startswith("line 2: error:")
    assert run(env, "models", "show", "9").returncode == 2
    assert run(env, "models", "diff", "1", "nowhere.yaml").returncode == 2
