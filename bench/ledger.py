"""Figure: what the activity ledger costs that previews read, in bytes and beside what an event costs at the door."""

from __future__ import annotations

from typing import Any

from bench import apart, disk
from bench.databases import Database
from bench.table import Row, microseconds
from bench.world import World

_TABLES = ("activity_head", "activity_segments", "activity_signatures", "activity_demoted")
_NOTE = (
    "The ledger is written behind the log by the process that keeps house, never at the door; "
    "microseconds are its processor time, bytes are its tables with their indexes; "
    "shares are of the server's processor time without the projector's, in this run."
)


def keep(given: World, database: Database) -> None:
    """Bring the ledger up to the log and note what that cost; nothing where this version keeps none."""
    found = apart.preview(given, database, "ledger")
    if found["missing"]:
        return
    sizes = disk.table_sizes(database)
    given.cpu["ledger", database.name] = found["cpu_seconds"] / found["position"]
    given.ledgers[database.name] = {**found, "bytes": sum(sizes.get(name, 0) for name in _TABLES)}


def run(given: World) -> list[Row]:
    """Tell what was noted, once it is known what an event costs at the door."""
    return [_row(given, name, found) for name, found in given.ledgers.items()]


def _row(given: World, name: str, found: dict[str, Any]) -> Row:
    each = given.cpu["ledger", name]
    return Row(
        figure="activity ledger",
        database=name,
        value=f"{found['bytes'] / found['position']:.1f} bytes an event, peak {found['peak'] >> 20} MB",
        ratio=_shares(given, name, each),
        cpu=f"{microseconds(each)} an event",
        asked="printed",
        note=_NOTE,
        raw={**found, "cpu_seconds_per_event": each},
    )


def _shares(given: World, name: str, each: float) -> str:
    doors = (("door", "a single post"), ("batches", "an event of a batch"))
    shares = [
        f"{each / given.cpu[kind, name]:.2f} of {what}'s {microseconds(given.cpu[kind, name])}"
        for kind, what in doors
        if (kind, name) in given.cpu
    ]
    return ", ".join(shares) or "the door was not measured"
