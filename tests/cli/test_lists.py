"""``lists`` and ``models preview --lists``: what other lists change, on the command line."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import yaml
from sqlalchemy import Engine

from tests.api.mailing import CHANGE, DOCUMENT
from tests.api.service import Service, person
from tests.cli.running import environment, run


@pytest.fixture
def env(engine: Engine, migrated_url: str) -> dict[str, str]:
    """Anna and boris write from a firm, and anna has won a deal."""
    service = Service(engine, DOCUMENT)
    service.say(person("anna"), person("boris"))
    service.say({"type": "deal.won", "traits": {"email": "anna@firm.example"}, "properties": {"opportunity_id": "o"}})
    return environment(migrated_url)


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """The files of a model and of lists."""
    (tmp_path / "model.yaml").write_text(yaml.safe_dump(DOCUMENT, sort_keys=False))
    (tmp_path / "lists.yaml").write_text(yaml.safe_dump(CHANGE))
    return str(tmp_path / "model.yaml"), str(tmp_path / "lists.yaml")


def test_lists_are_published_listed_and_shown(env: dict[str, str], files: tuple[str, str], tmp_path: Path) -> None:
    """As models are; a mistake is named with its line, and a warning does not hold anything up."""
    assert "shipped" in run(env, "lists", "list").stdout
    done = run(env, "lists", "publish", files[1], "--author", "anna", "--note", "no firm")
    assert (done.returncode, done.stdout.startswith("Lists 2 are published."), done.stderr) == (0, True, "")
    assert "no firm" in run(env, "lists", "list").stdout
    assert orjson.loads(run(env, "lists", "show", "2").stdout) == CHANGE
    assert yaml.safe_load(run(env, "lists", "show", "2", "--yaml").stdout) == CHANGE
    assert run(env, "lists", "show", "1").stdout == "{}\n"
    assert run(env, "lists", "show", "3").returncode == 2
    (tmp_path / "wrong.yaml").write_text("free:\n  add:\n    - anna@firm.example\n  removed: []\n")
    wrong = run(env, "lists", "publish", str(tmp_path / "wrong.yaml"))
    assert wrong.returncode == 1
    assert "line 3: error: /free/add/0: write a domain" in wrong.stderr
    assert "line 4: error: /free/removed: there is no field 'removed' here" in wrong.stderr
    (tmp_path / "odd.yaml").write_text("free: {remove: [gmial.com]}\n")
    odd = run(env, "lists", "publish", str(tmp_path / "odd.yaml"))
    assert (odd.returncode, "did you mean gmail.com?" in odd.stderr) == (0, True)


def test_lists_are_previewed_and_tried(env: dict[str, str], files: tuple[str, str]) -> None:
    """With a model or for the live one; a back-test takes them too."""
    model, lists = files
    alone = run(env, "models", "preview", "--lists", lists)
    assert alone.returncode == 0, alone.stderr
    assert "Leads that come to another company, or to one, or to none: 2." in alone.stdout
    assert f"Publish it: ./lead-events lists publish {lists}\n" in alone.stdout
    both = run(env, "models", "preview", model, "--lists", lists, "--json")
    assert orjson.loads(both.stdout.splitlines()[-1])["definitions"]["firm"] == {"entered": 0, "left": 2}
    assert run(env, "models", "preview").returncode == 2
    tried = run(env, "models", "backtest", model, "--outcome", "deal.won", "--lists", lists)
    assert tried.returncode == 0, tried.stderr
    assert "never fire): " in tried.stdout
    assert "business" in tried.stdout.rpartition("never fire): ")[2]
