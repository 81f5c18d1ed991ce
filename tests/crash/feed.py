"""What must be true of the changes feed whatever died: gapless, nothing twice, each ``old`` the previous ``new``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Engine, Row, select

from lead_events.domain.changes import ChangeKind
from lead_events.store import changes, schema
from lead_events.store.engine import snapshot


def check(engine: Engine) -> list[str]:
    """Return everything that a consumer of the feed could complain about; empty when all is well."""
    with snapshot(engine) as connection:
        head = changes.read_head(connection)
        rows = connection.execute(select(schema.changes).order_by(schema.changes.c.seq)).all()
    seqs = [row.seq for row in rows]
    findings = [] if seqs == list(range(1, head + 1)) else [f"seq has gaps: {len(seqs)} changes up to {head}"]
    said = Counter(_content(row) for row in rows)
    findings += [f"said {times} times: {content}" for content, times in said.items() if times > 1]
    return findings + _broken_chains(rows)


def _content(row: Row[Any]) -> tuple[Any, ...]:
    return row.founding, row.kind, row.old, row.new, row.detail, row.cause, row.at


def _broken_chains(rows: Sequence[Row[Any]]) -> list[str]:
    """A lead is created once; what it was is what was said of it before, unless a promotion lies between."""
    findings, last, created = [], dict[int, Any](), set[int]()
    for row in rows:
        if row.kind == ChangeKind.PROMOTED:
            last.clear()
            continue
        if row.kind == ChangeKind.CREATED and row.founding in created:
            findings.append(f"lead {row.founding} is created again at {row.seq}")
        created.add(row.founding)
        old, new = (None if text is None else orjson.loads(text) for text in (row.old, row.new))
        if row.founding in last and last[row.founding] != old:
            findings.append(
                f"change {row.seq} of lead {row.founding} begins at {old}, and the last ended at {last[row.founding]}"
            )
        last[row.founding] = new
    return findings
