"""The generated pages of the reference are what the code says, and name everything there is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lead_events.app import asgi
from lead_events.cli import commands, pages
from lead_events.domain.event_types import TYPES
from lead_events.settings import Settings, variable
from tests.cli.running import environment, run


def test_the_committed_pages_are_current() -> None:
    """Whoever changes a setting, command, metric, type or error commits the new page."""
    # A process of its own: what other tests declare or load must not stand on a page.
    command = [sys.executable, "-m", "lead_events", "docs", "--check"]
    checked = subprocess.run(command, env=environment(""), capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_pages_name_everything() -> None:
    """No setting, event type or metric is left out."""
    rendered = pages.render_all(commands, asgi.describe_api())
    assert all(f"`{variable(name)}`" in rendered["settings.md"] for name in Settings.model_fields)
    assert all(f"## {name}\n" in rendered["events.md"] for name in TYPES)
    assert "`lead_events_projector_lag_seconds`" in rendered["metrics.md"]
    assert "`lead_events_events_total`" in rendered["metrics.md"]
    assert "## verify log" in rendered["cli.md"]
    assert all(f"`{code}` | 503" in rendered["errors.md"] for code in ("queue_full", "access_log_full", "undecided"))
    assert "| 500 |" not in rendered["errors.md"]


def test_a_stale_page_is_found(tmp_path: Path) -> None:
    """The check fails on a difference, and writing mends it."""
    (tmp_path / "docs").mkdir()
    env = environment("")
    assert run(env, "docs", "--check", "--root", str(tmp_path)).returncode == 1
    assert run(env, "docs", "--root", str(tmp_path)).returncode == 0
    assert run(env, "docs", "--check", "--root", str(tmp_path)).returncode == 0
