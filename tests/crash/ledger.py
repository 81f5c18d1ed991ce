"""What clients sent and what they were promised, written down and synced before it counts; and what must then be true.

The check compares the ledger with a database: acknowledged ⊆ stored ⊆ sent, every id once, positions without gaps.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from lead_events.store import schema
from lead_events.store.engine import snapshot

SERVICE_SOURCE = 0
"""The source of the service's own events, which no client sent."""


class Ledger:
    """An append-only file of ids; any thread may write to it."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR)
        self._changed = threading.Condition()
        self._acknowledged = 0
        self.path = path

    def sent(self, ids: Iterable[str]) -> None:
        """Write ids down; send them after this returned."""
        self._write([f"sent {event_id}" for event_id in ids])

    def acked(self, results: Iterable[Mapping[str, Any]]) -> None:
        """Write down what the service promised."""
        lines = [f"acked {each['event_id']} {each['position']} {each['outcome']}" for each in results]
        self._write(lines)
        with self._changed:
            self._acknowledged += len(lines)
            self._changed.notify_all()

    def wait_for(self, more: int) -> bool:
        """Wait until so many more events were acknowledged; say whether they were."""
        with self._changed:
            goal = self._acknowledged + more
            return self._changed.wait_for(lambda: self._acknowledged >= goal, timeout=30)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, lines: list[str]) -> None:
        os.write(self._file, "".join(line + "\n" for line in lines).encode())
        os.fdatasync(self._file)


def check(engine: Engine, path: Path) -> list[str]:
    """Return everything that is not as promised; empty when all is well."""
    sent, promises = _read(path)
    stored, numbers, head, quarantined = _read_log(engine)
    position_of = {event_id: position for position, event_id in stored}
    acked = {event_id for event_id, _, _ in promises}
    created = Counter(event_id for event_id, _, outcome in promises if outcome == "created")
    times = Counter(event_id for _, event_id in stored)
    findings = [f"acknowledged and not stored: {event_id}" for event_id in sorted(acked - position_of.keys())]
    findings += [f"stored and never sent: {event_id}" for event_id in sorted(position_of.keys() - sent)]
    findings += [f"stored {n} times: {event_id}" for event_id, n in sorted(times.items()) if n > 1]
    findings += [f"created {n} times: {event_id}" for event_id, n in sorted(created.items()) if n > 1]
    findings += [
        f"acknowledged at {position}, stored at {position_of[event_id]}: {event_id}"
        for event_id, position, _ in promises
        if position_of.get(event_id, position) != position
    ]
    findings += [f"promised {outcome}: {event_id}" for event_id, _, outcome in promises if outcome not in _GOOD]
    if numbers != list(range(1, len(numbers) + 1)):
        findings.append(f"positions have gaps or repeats: {len(numbers)} events up to {max(numbers)}")
    if head != len(numbers):
        findings.append(f"the head is at {head}, and there are {len(numbers)} events")
    return findings + ([f"{quarantined} events are in quarantine"] if quarantined else [])


_GOOD = {"created", "duplicate"}


def count(path: Path) -> tuple[int, int]:
    """Return how many ids were sent and how many were acknowledged."""
    sent, promises = _read(path)
    return len(sent), len({event_id for event_id, _, _ in promises})


def _read(path: Path) -> tuple[set[str], list[tuple[str, int, str]]]:
    words = [line.split() for line in path.read_text().splitlines()]
    sent = {line[1] for line in words if line[0] == "sent"}
    return sent, [(line[1], int(line[2]), line[3]) for line in words if line[0] == "acked"]


def _read_log(engine: Engine) -> tuple[list[tuple[int, str]], list[int], int, int]:
    table = schema.events
    columns = table.c.position, table.c.event_id, table.c.source_id
    with snapshot(engine) as connection:
        rows = connection.execute(select(*columns).order_by(table.c.position)).all()
        head = connection.execute(select(schema.head.c.position)).scalar_one()
        quarantined = connection.execute(select(func.count()).select_from(schema.quarantine)).scalar_one()
    stored = [(position, event_id) for position, event_id, source_id in rows if source_id != SERVICE_SOURCE]
    return stored, [row.position for row in rows], head, quarantined
