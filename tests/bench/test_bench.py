"""The benchmark runs: at a tiny size, for the figures that reach furthest, so that it cannot rot unseen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench import ledger, niced, previewing
from bench.__main__ import FIGURES
from bench.budget import Budget
from bench.plan import expected_seconds, plan, read_size
from bench.table import Row, as_markdown, percentile
from bench.world import World
from tests import databases

ROOT = Path(__file__).resolve().parents[2]


def test_door_is_measured_beside_its_peers(tmp_path: Path) -> None:
    """From demo events over a replay and a promotion to a real service under load."""
    (row,) = _measure(tmp_path, "door", "sqlite")
    rates = row["raw"]["rates"]
    assert set(rates) == {"fastapi", "bare", "sqlite"}
    assert all(rate > 0 for some in rates.values() for rate in some)
    assert row["reached"] is (min(rates["sqlite"]) >= min(rates["fastapi"]))


def test_append_is_measured_beside_a_raw_insert(tmp_path: Path, database: str) -> None:
    """Both go into the same tables, in alternating rounds."""
    (row,) = _measure(tmp_path, "append", database)
    assert row["database"] == database
    assert min(*row["raw"]["append"], *row["raw"]["insert"]) > 0


def test_a_size_is_a_number_with_a_unit() -> None:
    """What ``SIZE=`` takes."""
    assert [read_size(text) for text in ("2K", "1M", "10M", "1500")] == [2_000, 1_000_000, 10_000_000, 1_500]
    assert plan(read_size("10M")).leads == 1_000_000


def test_a_run_leaves_out_what_does_not_fit_into_its_time() -> None:
    """A machine that took three times as long for one phase is trusted to take as long for the next."""
    budget = Budget(seconds=100.0, expected={"import": 10.0, "door": 40.0})
    assert budget.allows("door")
    budget.planned, budget.taken = 10.0, 30.0
    assert (budget.estimate("door"), budget.allows("door"), budget.allows("import")) == (120.0, False, True)
    assert Budget(expected={"door": 1e9}).allows("door")


def test_every_figure_has_a_length_and_all_fit_into_ten_minutes() -> None:
    """A figure without one would never be left out; at the default size a fifth is to spare."""
    expected = expected_seconds(plan(read_size("200K")), databases=2)
    assert set(FIGURES) <= set(expected)
    assert sum(expected.values()) < 480


def test_a_figure_without_time_is_a_row_that_says_so(tmp_path: Path) -> None:
    """Never silently: whoever reads the table sees what is missing and why."""
    rows = _measure(tmp_path, "append", "sqlite", "--minutes", "0")
    assert ["left out" in row["value"] for row in rows] == [True, True]
    assert [row["reached"] for row in rows] == [False, False]


def test_a_missed_figure_says_so() -> None:
    """Nothing is rounded up in the page of the docs."""
    missed = Row("door", "sqlite", "1/s", asked="≥ 2/s", reached=False, note="Slow.")
    assert "| door (1) | sqlite | 1/s | – | – | – | – | ≥ 2/s | **no** |\n\n1. Slow." in as_markdown([missed])


def test_percentile_is_a_value_that_was_measured() -> None:
    """Nearest rank: nothing is interpolated."""
    values = list(map(float, range(100, 0, -1)))
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile([7.0], 0.99)) == (51.0, 100.0, 7.0)


def test_a_preview_is_measured_beside_the_naive_loop_and_a_tenth_of_the_log(tmp_path: Path) -> None:
    """Three changes of the model, each to its exact report; then the same where a tenth happened."""
    measured = _measure(tmp_path, "preview,growth", "sqlite")
    rows = [row for row in measured if row["figure"].startswith("preview of")]
    assert len(rows) == 3
    assert all(row["raw"]["position"] > 0 and row["raw"]["naive"] > 0 for row in rows)
    (growth,) = [row for row in measured if row["figure"].startswith("preview's cost")]
    pairs = growth["raw"]["seconds_before_and_after"].values()
    assert growth["reached"] is (max(after / before for before, after in pairs) <= 1.25)


def test_a_ledger_is_told_beside_the_door(tmp_path: Path) -> None:
    """Its cost is a share of what an event costs at the door, once both are known."""
    given = World(plan(2_000), tmp_path, {}, ledgers={"sqlite": {"bytes": 1_000, "position": 10, "peak": 1 << 20}})
    given.cpu = {("ledger", "sqlite"): 50e-6, ("batches", "sqlite"): 200e-6}
    (row,) = ledger.run(given)
    assert (row.value, row.ratio) == ("100.0 bytes an event, peak 1 MB", "0.25 of an event of a batch's 200 µs")


def test_the_sample_of_a_preview_is_not_counted_as_the_cost_of_an_event() -> None:
    """It takes as long for a small log as for a large one; where it already was exact, it is all there is."""
    found = {"first_cpu_seconds": 1.0, "cpu_seconds": 3.0, "position": 1_000}
    assert [previewing.cost({**found, "reports": reports}) for reports in (2, 1)] == [0.002, 0.003]


def test_a_replay_beside_the_door_is_as_fast_as_it_says() -> None:
    """From the first word about its progress to the last one; one that is ready has folded the log."""
    build = niced.Build(memory=lambda: 0)
    build.said = [(-2.0, 500), (-1.0, 900)]
    build.note({"status": "ready", "position": 4_500, "progress": None})
    (begun, _), *_, (ended, events) = build.said
    assert build.rate == (4_500 - 500) / (ended - begun)
    assert (build.ended.is_set(), events) == (True, 4_500)


def test_a_run_without_time_for_its_history_ends_and_says_what_it_left_out(tmp_path: Path) -> None:
    """Loading is most of a long run, so it is left out as any other phase is."""
    rows = _measure(tmp_path, "replay,preview,door", "sqlite", "--minutes", "0")
    told = {row["figure"]: row["value"] for row in rows}
    assert all("loading the history" in told[name] for name in ("replay", "preview", "door"))


def _measure(folder: Path, figure: str, database: str, *more: str) -> list[dict[str, Any]]:
    arguments = ["--size", "2K", "--only", figure, "--database", database, "--results", str(folder), *more]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
    if database == "postgresql":
        env["LEAD_EVENTS_TEST_POSTGRES_URL"] = databases.postgres_url()
    ended = subprocess.run(
        [sys.executable, "-m", "bench", *arguments], env=env, cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr
    found: list[dict[str, Any]] = json.loads((folder / "2K.json").read_text())["rows"]
    return found
