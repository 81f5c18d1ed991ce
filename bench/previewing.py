"""Figures: what a preview of a model costs over the whole history, beside the naive loop and what columns can do at best."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from sqlalchemy import select

from bench import apart, ledger
from bench.databases import Database
from bench.table import Row, microseconds, per_second
from bench.world import World
from lead_events.store import schema
from lead_events.store.engine import reading

_FEW, _ANY = 1_000_000, 400_000
FIGURES = {
    "points": ("preview of other points", _FEW),
    "threshold": ("preview of another threshold", _FEW),
    "other": ("preview of another model", _ANY),
}
"""What is previewed, with what is asked of it in events a second; ``previewed`` knows how."""

_MEMORY = 1_500 << 20
_LIMIT_SECONDS = 0.5
_ROWS = 100_000
_NOTE = (
    "From the question to the exact report, in a process of its own without a service beside it; the rate is the length of the "
    "log by that time, and memory is that process's peak; the limit sums points by subject in columns of integers that are in "
    "memory already; the naive loop opens every event and folds it in log order by the live fold, one model instead of two, "
    "up to a number of events; eventsourcing is its fold of the replay above."
)


def run(given: World) -> list[Row]:
    """Measure every database; its live generation must hold the history."""
    return [row for database in given.databases.values() for row in _rows(given, database)]


def _rows(given: World, database: Database) -> list[Row]:
    ledger.keep(given, database)
    naive = apart.preview(given, database, "naive")
    limit = _group_by(database)
    return [_measure(given, database, kind, naive, limit) for kind in FIGURES]


def _measure(given: World, database: Database, kind: str, naive: dict[str, Any], limit: float) -> Row:
    figure, asked = FIGURES[kind]
    try:
        found = apart.preview(given, database, kind)
    except TimeoutError as error:
        return Row(figure, database.name, f"left out: {error}", asked=f"≥ {asked:,}/s", reached=False)
    given.cpu[kind, database.name] = cost(found)
    given.say(f"{database.name}: {figure}: {found['position']:,} events, exact after {found['seconds']:.1f} s")
    return _row(given, database.name, figure, asked, found, naive, limit)


def cost(found: dict[str, Any]) -> float:
    """Return the processor seconds of an event behind the first report: that one is of a sample, and costs what it may."""
    sampled = found["first_cpu_seconds"] if found["reports"] > 1 else 0.0
    spent: float = found["cpu_seconds"] - sampled
    return spent / float(found["position"])


def _group_by(database: Database) -> float:
    """Count and sum by subject in columns that are in memory; return events per second."""
    table = schema.events
    with reading(database.engine) as connection:
        numbers: dict[bytes, int] = {}
        # Piece by piece: ten million of them at once are gigabytes of objects.
        found = connection.execution_options(yield_per=_ROWS).execute(select(table.c.subject)).scalars()
        subjects = np.fromiter((numbers.setdefault(subject, len(numbers)) for subject in found), dtype=np.int64)
    points = (subjects * 7) % 31
    done, begun = 0, time.perf_counter()
    while (passed := time.perf_counter() - begun) < _LIMIT_SECONDS:
        np.bincount(subjects)
        np.bincount(subjects, weights=points)
        done += len(subjects)
    return done / passed


def _row(given: World, name: str, figure: str, asked: int, found: dict[str, Any], naive: dict[str, Any], limit: float) -> Row:
    rate, slow = (each["position"] / each["seconds"] for each in (found, naive))
    fold = given.peers.get("fold")
    return Row(
        figure=figure,
        database=name,
        value=f"{per_second(rate)}, {_share(found)}peak {found['peak'] >> 20} MB",
        limit=f"columns {per_second(limit)}",
        peer=f"naive loop {per_second(slow)}, peak {naive['peak'] >> 20} MB; "
        + (f"eventsourcing {per_second(fold)}" if fold else "eventsourcing not installed"),
        ratio=f"{rate / limit:.3f} of the limit, {rate / slow:.0f} × the naive loop",
        cpu=f"{microseconds(found['cpu_seconds'] / found['position'])} an event",
        asked=f"≥ {asked:,}/s, < 1.5 GB",
        reached=rate >= asked and found["peak"] < _MEMORY,
        note=_NOTE,
        raw={**found, "events_per_second": rate, "naive": slow, "naive_events": naive["position"], "limit": limit},
    )


def _share(found: dict[str, Any]) -> str:
    """Say which share of the log mattered, as far as the report tells."""
    read = found.get("read") or {}
    matter = read.get("folded", 0) + read.get("added_up", 0)
    return f"{matter / max(1, found['position']):.1%} of events matter, " if read else ""
