"""``demo`` as a newcomer uses it: the same history into a file or into the log, where it looks as if it had just happened."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from lead_events.demo.generate import generate
from lead_events.domain.times import format_instant
from tests.cli.running import Ended, environment, run

SIZE = 2_000
COUNTS = re.compile(
    r"([\d,]+) events: ([\d,]+) added, ([\d,]+) already there, ([\d,]+) quarantined, ([\d,]+) (?:refused|rejected)"
)


@pytest.fixture
def env(database_url: str) -> dict[str, str]:
    """An environment whose database is migrated and founded."""
    found = environment(database_url)
    assert run(found, "migrate").returncode == 0
    return found


def counts(ended: Ended) -> list[int]:
    """Return how many events there were, were added, there already, quarantined, refused."""
    found = COUNTS.search(ended.stdout)
    assert found, ended
    return [int(number.replace(",", "")) for number in found.groups()]


def exported(env: dict[str, str], folder: Path) -> list[dict[str, Any]]:
    """Return the whole log as an export writes it."""
    out = folder / "all.jsonl"
    run(env, "export", "--out", str(out))
    return [orjson.loads(line) for line in out.read_bytes().splitlines()]


def test_a_loaded_history_arrived_when_it_says(env: dict[str, str], tmp_path: Path) -> None:
    """Receipts are the arrivals of the history, malformed ones are refused, second sendings change nothing."""
    total, added, again, quarantined, refused = counts(run(env, "demo", "--events", str(SIZE), "--seed", "7", "--load"))
    assert (total, quarantined) == (SIZE, 0)
    assert (again, refused) == (SIZE // 50, SIZE // 100)
    lines = exported(env, tmp_path)
    assert len(lines) == added
    arrivals = {each["event"]["event_id"]: each["received_at"] for each in reversed(list(generate(SIZE, 7)))}
    late = [line for line in lines if line["received_at"][:19] != format_instant(arrivals[line["event_id"]])[:19]]
    assert late == []
    assert set(Counter(line["source"] for line in lines)) == {"demo-site", "demo-crm"}
    assert {line["trusted"] for line in lines if line["source"] == "demo-site"} == {False}


def test_a_written_history_is_the_one_that_is_loaded(env: dict[str, str], tmp_path: Path) -> None:
    """What the file holds is already there after loading it, event by event."""
    out = str(tmp_path / "demo.jsonl")
    written = run(env, "demo", "--events", "500", "--out", out)
    assert f"./lead-events import {out}" in written.stdout
    _, added, again, _, refused = counts(run(env, "demo", "--events", "500", "--load"))
    assert counts(run(env, "import", out)) == [500, 0, added + again, 0, refused]


def test_large_histories_are_judged_by_another_process(env: dict[str, str], tmp_path: Path) -> None:
    """It makes the same events in the same order as this one would."""
    total, added, *_ = counts(run(env, "demo", "--events", "10000", "--load"))
    assert total == 10_000
    first = {each["event"].get("event_id"): None for each in generate(10_000, 1)}
    ids = [line["event_id"] for line in exported(env, tmp_path)]
    assert len(ids) == added
    kept = set(ids)
    assert ids == [event_id for event_id in first if event_id in kept]


def test_made_up_events_do_not_slip_into_a_log_in_use(env: dict[str, str]) -> None:
    """A log never forgets, so a second history needs a word."""
    run(env, "demo", "--events", "100", "--load")
    refused = run(env, "demo", "--events", "100", "--seed", "2", "--load")
    assert (refused.returncode, "--anyway" in refused.stderr) == (2, True)
    assert counts(run(env, "demo", "--events", "100", "--seed", "2", "--load", "--anyway"))[0] == 100


def test_it_must_be_told_where_to(env: dict[str, str]) -> None:
    """Neither or both is one line."""
    assert run(env, "demo", "--events", "10").returncode == 2
    assert run(env, "demo", "--events", "10", "--load", "--out", "x").returncode == 2
