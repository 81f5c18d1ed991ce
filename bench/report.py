"""The result as files: JSON of the latest run of each size, and the page of the docs."""

from __future__ import annotations

import json
import platform
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from bench.databases import Database
from bench.plan import read_size
from bench.table import Row, as_json, as_markdown
from lead_events.store.engine import reading, safe_sqlite

_LIBRARIES = ("fastapi", "pydantic", "uvicorn", "uvloop", "httptools", "SQLAlchemy", "psycopg", "orjson")

_ASKED_SIZE = 1_000_000

_LIMITS = Path(__file__).parent / "limits.md"
_HEAD = """\
# Benchmark

<!-- Written by `make bench`; do not edit. -->

One run of `{command}`, {day} UTC, {minutes:.0f} minutes, on {machine}.

Absolute figures of a shared machine are noise: judge the ratios, each of two things measured in the same minutes.
Client, server, projector and database share the same cores, so a figure of the service is also a figure of what stands beside it.
The load average was {load} before the run and {load_after} at its end, of which the run itself makes about 2.
A figure that was missed says so.
{caveats}
{table}

## How to read it

- The limit is what this machine and this language can do at best when they leave out what makes the service a service.
- The peer is somebody else's software, doing as much of the same job as it can.
- A ratio is the value divided by the limit or the peer.
- Processor time says what one event or request costs a core, whoever else used the machine meanwhile.
- Every number behind the table, round by round, is in [`bench/results/{size}.json`](../bench/results/{size}.json).
- `make bench SIZE=10M` gives the same table for a log of ten million events.

{limits}"""


def describe_machine(databases: Sequence[Database]) -> dict[str, Any]:
    """Say what the run was on, without names of hosts or paths."""
    found: dict[str, Any] = {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
        "sqlite": safe_sqlite().sqlite_version,
        "python_sqlite": sqlite3.sqlite_version,
        "libraries": {name: version(name) for name in _LIBRARIES},
        "load_average_at_start": _load(),
    }
    for database in databases:
        if database.name == "postgresql":
            with reading(database.engine) as connection:
                found["postgresql"] = connection.execute(text("SHOW server_version")).scalar_one().split()[0]
    return found


def write(
    results: Path, page: Path | None, size: str, rows: Sequence[Row], machine: dict[str, Any], seconds: float, note: str = ""
) -> None:
    """Write the JSON, and the page of the docs if one is named.

    Args:
        seconds: that the whole run took.
        note: a sentence about the circumstances of this run.
    """
    now = datetime.now(UTC)
    results.mkdir(parents=True, exist_ok=True)
    content = {
        "size": size,
        "at": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": round(seconds, 1),
        "command": f"make bench SIZE={size}",
        "note": note,
        "machine": {**machine, "load_average_at_end": _load()},
        "rows": as_json(rows),
    }
    (results / f"{size}.json").write_text(json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
    if page is not None:
        page.write_text(as_page(content), encoding="utf-8")


def as_page(content: dict[str, Any]) -> str:
    """Return the page of the docs for what a run wrote as JSON."""
    machine, rows = content["machine"], [Row(**row) for row in content["rows"]]
    words = (
        f"{machine['cores']} virtual cores of {machine['processor']}, {machine['memory_gb']} GB, {machine['system']}, "
        f"Python {machine['python']}, SQLite {machine['sqlite']}"
    )
    if "postgresql" in machine:
        words += f", PostgreSQL {machine['postgresql']}"
    caveats = [content["note"]] if content["note"] else []
    if read_size(content["size"]) < _ASKED_SIZE:
        caveats.append("What is asked is asked at 1M: a yes at this smaller size is not yet one.")
    return _HEAD.format(
        size=content["size"],
        command=content["command"],
        day=content["at"].replace("T", " ").removesuffix("Z"),
        minutes=content["seconds"] / 60,
        machine=words,
        load=machine["load_average_at_start"][0],
        load_after=machine["load_average_at_end"][0],
        caveats="".join(f"{caveat}\n" for caveat in caveats),
        table=as_markdown(rows),
        limits=_LIMITS.read_text(encoding="utf-8"),
    )


def _load() -> list[float]:
    return [round(each, 2) for each in psutil.getloadavg()]


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()
