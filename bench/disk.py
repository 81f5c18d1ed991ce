"""Figure: bytes on disk per demo event, with indexes, table by table."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

from sqlalchemy import text

from bench.databases import Database
from bench.table import Row
from bench.world import World, lead_rows
from lead_events.store import schema
from lead_events.store.engine import reading

_LOG = ("events", "event_ids", "sealed", "keys", "refs", "quarantine")
_IDENTITY = ("bindings", "visitors", "claims", "moves", "merges", "candidates")
_NOTE = "Bytes are pages of tables with their indexes, divided by the events that the log holds; leads are one generation."


def run(given: World) -> list[Row]:
    """Measure every database as the history and one replay left it."""
    return [_row(given, database) for database in given.databases.values()]


def _row(given: World, database: Database) -> Row:
    sizes = table_sizes(database)
    events = given.positions[database.name]
    each = {name: size / events for name, size in sorted(sizes.items(), key=lambda item: -item[1])}
    log = sum(each.get(name, 0.0) for name in _LOG)
    identity = sum(each.get(name, 0.0) for name in _IDENTITY)
    whole = sum(each.values())
    largest = ", ".join(f"{name} {size:,.0f}" for name, size in each.items() if size >= 1)
    return Row(
        figure="disk per demo event",
        database=database.name,
        value=f"{whole:,.0f} bytes",
        ratio=f"log {log:,.0f}, identity {identity:,.0f}, leads {each.get('leads', 0.0):,.0f}",
        asked="printed",
        note=f"{_NOTE} {database.name}: {largest}.",
        raw={"events": events, "rows_of_leads": lead_rows(database), "bytes_per_event": each},
    )


def table_sizes(database: Database) -> dict[str, int]:
    """Return bytes per table, with its indexes."""
    return _sqlite_sizes(database.file) if database.file else _postgresql_sizes(database)


def _sqlite_sizes(file: Path) -> dict[str, int]:
    """Return bytes per table, counted by Python's own SQLite, which can count pages where the service's cannot.

    In a process of its own: two SQLite libraries in one process take each other's locks away (https://sqlite.org/howtocorrupt.html).
    """
    counted = subprocess.run([sys.executable, "-m", "bench.disk", str(file)], capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(counted.stdout)
    return found


def _count_pages(file: Path) -> dict[str, int]:
    sizes: Counter[str] = Counter()
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        owners = {name: table for name, table in connection.execute("SELECT name, tbl_name FROM sqlite_master")}
        for name, size in connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name"):
            sizes[owners.get(name, name)] += size
    except sqlite3.OperationalError:  # this SQLite counts no pages either
        return {"whole file": file.stat().st_size}
    finally:
        connection.close()
    return dict(sizes)


def _postgresql_sizes(database: Database) -> dict[str, int]:
    with reading(database.engine) as connection:
        asked = text("SELECT pg_total_relation_size(cast(:name AS regclass))")
        return {name: int(connection.execute(asked, {"name": name}).scalar_one()) for name in schema.metadata.tables}


if __name__ == "__main__":
    print(json.dumps(_count_pages(Path(sys.argv[1]))))
