"""``retention`` as an operator runs it: shown first, then forgotten for good."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import catch_up, environment, run


@pytest.fixture
def env(migrated_url: str, tmp_path: Path) -> dict[str, str]:
    """A database with one person and one visitor of long ago, and one person of today."""
    found = environment(migrated_url)
    assert run(found, "migrate").returncode == 0
    form = {"type": "form.submitted", "properties": {"form_id": "f"}}
    lines = [
        {**form, "event_id": "1", "occurred_at": "2011-03-04T00:00:00Z", "traits": {"email": "old@firm.example"}},
        {"type": "page.viewed", "event_id": "2", "occurred_at": "2012-05-06T00:00:00Z", "anonymous_id": "old"},
        {**form, "event_id": "3", "traits": {"email": "new@firm.example"}},
    ]
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    assert run(found, "import", str(file)).returncode == 0
    assert run(found, "verify", "leads").returncode == 0
    catch_up(found)
    return found


def shown(text: str) -> dict[str, tuple[str, ...]]:
    """Return the table's lines by class."""
    return {line.split("\t")[0]: tuple(line.split("\t")[1:]) for line in text.splitlines()}


def test_a_dry_run_shows_what_would_go_and_changes_nothing(env: dict[str, str]) -> None:
    """By class, with its period, how many, and since when."""
    first, second = (run(env, "retention", "--dry-run") for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert shown(first.stdout) == {
        "visitor": ("13 months", "1", "2012-05-06"),
        "unqualified": ("24 months", "1", "2011-03-04"),
        "prospect": ("36 months", "0", ""),
        "quarantine": ("30 days", "0", ""),
        "access lines": ("24 months", "0", ""),
    }
    assert first.stdout == second.stdout
    assert "nothing was changed" in first.stderr


def test_periods_are_settings(env: dict[str, str]) -> None:
    """Zero keeps for ever."""
    kept = {"LEAD_EVENTS_RETENTION_VISITOR_MONTHS": "0", "LEAD_EVENTS_RETENTION_UNQUALIFIED_MONTHS": "600"}
    found = shown(run({**env, **kept}, "retention", "--dry-run").stdout)
    assert (found["visitor"], found["unqualified"]) == (("for ever", "0", ""), ("600 months", "0", ""))


def test_a_run_forgets_them_and_the_next_finds_nothing(env: dict[str, str], tmp_path: Path) -> None:
    """Who is inside the period stays, and the log still verifies."""
    done = run(env, "retention")
    assert done.returncode == 0, done.stderr
    assert "2 leads are forgotten" in done.stderr
    catch_up(env)
    assert "0 leads would be forgotten" in run(env, "retention", "--dry-run").stderr
    out = tmp_path / "all.jsonl"
    assert run(env, "export", "--out", str(out)).returncode == 0
    exported = out.read_text(encoding="utf-8")
    assert ("new@firm.example" in exported, "old@firm.example" in exported) == (True, False)
    assert run(env, "verify").returncode == 0
