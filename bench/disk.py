"""Figure: bytes on disk per demo event, with indexes, table by table."""

from __future__ import annotations

from bench.databases import Database
from bench.table import Row
from bench.world import World, lead_rows
from lead_events.store import sizes

_NOTE = "Bytes are pages of tables with their indexes, divided by the events that the log holds; leads are one generation."


def run(given: World) -> list[Row]:
    """Measure every database as the history and one replay left it."""
    return [_row(given, database) for database in given.databases.values()]


def _row(given: World, database: Database) -> Row:
    counted = table_sizes(database)
    events = given.positions[database.name]
    each = {name: size / events for name, size in sorted(counted.items(), key=lambda item: -item[1])}
    log = sum(each.get(name, 0.0) for name in sizes.LOG)
    identity = sum(each.get(name, 0.0) for name in sizes.IDENTITY)
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
    """Return bytes per table, with its indexes; of an SQLite file whose pages nobody here can count, those of the file."""
    counted = sizes.measure(database.engine)
    if counted is None:
        return {"whole file": database.file.stat().st_size if database.file else 0}
    return dict(counted)
