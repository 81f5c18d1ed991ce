"""Figure: importing a file of JSON lines into an empty log, judged in other processes as the command does it."""

from __future__ import annotations

import time
from pathlib import Path

from bench import databases
from bench.table import Row, per_second
from bench.world import SEED, World
from lead_events.cli.demo_lines import write_lines
from lead_events.transfer.files import open_source
from lead_events.transfer.importing import Importer

_ASKED = 20_000
_NOTE = (
    "A file of demo events, read, judged in one process less than there are cores, and appended in this one, "
    "everything from opening the file to the last commit; the log is empty before."
)


def run(given: World) -> list[Row]:
    """Import the same file into a fresh database of every kind."""
    path = given.folder / "import.jsonl"
    with path.open("wb") as file:
        file.writelines(write_lines(given.plan.import_events, SEED))
    rows = []
    for name in given.databases:
        with databases.opened([name], given.folder) as fresh:
            rows.append(_row(given, name, *_import(fresh[name], path)))
    return rows


def _import(database: databases.Database, path: Path) -> tuple[int, float]:
    begun = time.perf_counter()
    importer = Importer(database.engine, database.vault)
    for verdict in open_source(path, None, phone_region=None).verdicts():
        importer.take(verdict.judged)
    importer.finish()
    return importer.counts.total, time.perf_counter() - begun


def _row(given: World, name: str, events: int, seconds: float) -> Row:
    rate = events / seconds
    given.say(f"{name}: imported {events:,} events at {per_second(rate)}")
    return Row(
        figure=f"import of {events:,} events",
        database=name,
        value=per_second(rate),
        ratio=f"{rate / _ASKED:.2f} of what is asked",
        asked=f"≥ {_ASKED:,}/s",
        reached=rate >= _ASKED,
        note=_NOTE,
        raw={"events_per_second": rate, "seconds": seconds},
    )
