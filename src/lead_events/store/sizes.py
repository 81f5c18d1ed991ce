"""How many bytes each table takes on disk, with its indexes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import Engine, text

from lead_events.store import schema
from lead_events.store.engine import reading

LOG = ("events", "event_ids", "sealed", "keys", "refs", "quarantine")
IDENTITY = ("bindings", "visitors", "claims", "moves", "merges", "candidates")
LEDGER = ("activity_segments", "activity_signatures")

# Python's own SQLite can count pages where the service's cannot, in a process of its own: two SQLite libraries in one process
# take each other's locks away (https://sqlite.org/howtocorrupt.html).
_COUNT_PAGES = """
import json, sqlite3, sys
connection = sqlite3.connect(sys.argv[1] + "?mode=ro", uri=True)
query = "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_master USING (name) WHERE aggregate = TRUE GROUP BY tbl_name"
print(json.dumps(dict(connection.execute(query).fetchall())))
"""


def measure(engine: Engine) -> Mapping[str, int] | None:
    """Return the bytes of every table; None where this machine's SQLite counts no pages.

    Reads every page of an SQLite file.
    """
    if engine.dialect.name == "sqlite":
        return _count_pages(str(engine.url.database))
    with reading(engine) as connection:
        asked = text("SELECT pg_total_relation_size(cast(:name AS regclass))")
        return {name: int(connection.execute(asked, {"name": name}).scalar_one()) for name in schema.metadata.tables}


def _count_pages(file: str) -> Mapping[str, int] | None:
    command = [sys.executable, "-c", _COUNT_PAGES, Path(file).absolute().as_uri()]
    counted = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own code
    if counted.returncode:
        return None
    found: dict[str, int] = json.loads(counted.stdout)
    return found
