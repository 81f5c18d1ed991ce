"""Leaves a line for every lead whose personal values a command shows."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Engine

from lead_events import clock
from lead_events.store import reads
from lead_events.store.engine import writing
from lead_events.store.reads import COMMAND_LINE, ReadKind, ReadLine


def note_reads(engine: Engine, what: ReadKind, foundings: Collection[int]) -> None:
    """Write down, before anything is shown, that the command line shows these leads."""
    if not foundings:
        return
    at = clock.now()
    with writing(engine) as connection:
        reads.save(connection, [ReadLine(founding, at, COMMAND_LINE, what.value) for founding in foundings])
