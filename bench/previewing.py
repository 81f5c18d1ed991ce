"""Figures: what a preview of a model costs over the whole history, beside the naive loop and what columns can do at best."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import numpy as np
from sqlalchemy import select

from bench import disk, service
from bench.databases import Database
from bench.table import Row, microseconds, per_second
from bench.world import World
from lead_events.store import schema
from lead_events.store.engine import reading

_FEW, _ANY = 1_000_000, 400_000
_FIGURES = {
    "points": ("preview of other points", _FEW),
    "threshold": ("preview of another threshold", _FEW),
    "other": ("preview of another model", _ANY),
}
_MEMORY = 1_500 << 20
_LIMIT_SECONDS = 0.5
_LEDGER = ("activity_head", "activity_segments", "activity_signatures", "activity_demoted")
_NOTE = (
    "From the question to the exact report, in a process of its own without a service beside it; the rate is the length of the "
    "log by that time, and memory is that process's peak; the limit sums points by subject in columns of integers that are in "
    "memory already; the naive loop opens every event and folds it in log order by the live fold, one model instead of two."
)
_LEDGER_NOTE = (
    "The ledger is written behind the log by the process that keeps house, never at the door; "
    "microseconds are its processor time, bytes are its tables with their indexes."
)


def run(given: World) -> list[Row]:
    """Measure every database; its live generation must hold the history."""
    return [row for database in given.databases.values() for row in _rows(given, database)]


def _rows(given: World, database: Database) -> list[Row]:
    ledger = _ask(given, database, "ledger")
    rows = [] if ledger["missing"] else [_ledger_row(database, ledger)]
    naive = _ask(given, database, "naive")
    limit = _group_by(database)
    for kind, (figure, asked) in _FIGURES.items():
        found = _ask(given, database, kind)
        rate = found["position"] / found["seconds"]
        given.say(f"{database.name}: {figure}: {per_second(rate)}, exact after {found['seconds']:.1f} s")
        rows.append(_row(given, database.name, figure, asked, found, naive["position"] / naive["seconds"], limit))
    return rows


def _ask(given: World, database: Database, kind: str) -> dict[str, Any]:
    """Do one thing in another process and return what it says."""
    given.say(f"{database.name}: {kind} …")
    command = [sys.executable, "-m", "bench.previewed", kind, str(given.plan.fold_events)]
    env = service.environment(database.url, given.samples(f"preview-{kind}-{database.name}"))
    ended = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise RuntimeError(ended.stderr[-2000:])
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _group_by(database: Database) -> float:
    """Count and sum by subject in columns that are in memory; return events per second."""
    table = schema.events
    with reading(database.engine) as connection:
        numbers: dict[bytes, int] = {}
        listed = [numbers.setdefault(subject, len(numbers)) for subject in connection.execute(select(table.c.subject)).scalars()]
    subjects = np.array(listed, dtype=np.int64)
    points = (subjects * 7) % 31
    done, begun = 0, time.perf_counter()
    while (passed := time.perf_counter() - begun) < _LIMIT_SECONDS:
        np.bincount(subjects)
        np.bincount(subjects, weights=points)
        done += len(subjects)
    return done / passed


def _row(given: World, name: str, figure: str, asked: int, found: dict[str, Any], naive: float, limit: float) -> Row:
    rate = found["position"] / found["seconds"]
    fold = given.peers.get("fold")
    return Row(
        figure=figure,
        database=name,
        value=f"{per_second(rate)}, {_share(found)}peak {found['peak'] >> 20} MB",
        limit=f"columns {per_second(limit)}",
        peer=f"naive loop {per_second(naive)}" + (f"; eventsourcing {per_second(fold)}" if fold else ""),
        ratio=f"{rate / limit:.3f} of the limit, {rate / naive:.0f} × the naive loop",
        cpu=f"{microseconds(found['cpu_seconds'] / found['position'])} an event",
        asked=f"≥ {asked:,}/s, < 1.5 GB",
        reached=rate >= asked and found["peak"] < _MEMORY,
        note=_NOTE,
        raw={**found, "events_per_second": rate, "naive": naive, "limit": limit},
    )


def _share(found: dict[str, Any]) -> str:
    """Say which share of the log mattered, as far as the report tells."""
    folded = (found.get("read") or {}).get("folded")
    return "" if folded is None else f"{folded / max(1, found['position']):.1%} of events matter, "


def _ledger_row(database: Database, found: dict[str, Any]) -> Row:
    sizes = disk.table_sizes(database)
    size = sum(sizes.get(name, 0) for name in _LEDGER)
    return Row(
        figure="activity ledger",
        database=database.name,
        value=f"{size / found['position']:.1f} bytes an event",
        cpu=f"{microseconds(found['cpu_seconds'] / found['position'])} an event",
        asked="printed",
        note=_LEDGER_NOTE,
        raw={**found, "bytes": size},
    )
