"""The erasure ledger: a file outside the database, so that restoring an old backup brings nobody back.

One line of JSON per erasure, on disk before the database knows of it. Keyed hashes and positions only; nothing personal.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from lead_events.domain.errors import Misconfigured
from lead_events.domain.times import Instant
from lead_events.store.disk import sync
from lead_events.store.erased import Stretch


class UnreadableLedger(Misconfigured):
    """Line {1} of the erasure ledger '{0}' cannot be read; restore the file before opening the service."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure.

    Attributes:
        log_id: of the log it was made in; a ledger may be shared by several.
        erased_at: microseconds UTC.
        source_id, author: who asked for it.
        foundings: the leads of the person.
        stretches: the person's names, as keyed hashes, and when they were theirs.
    """

    log_id: bytes
    erasure_id: str
    erased_at: Instant
    source_id: int
    author: str
    foundings: tuple[int, ...]
    stretches: tuple[Stretch, ...]


class Ledger:
    """Entries in a file that only grows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, entry: Entry) -> None:
        """Add an entry; when this returns, it is on disk."""
        is_new = not self.path.exists()
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(descriptor, _dump(entry))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if is_new:
            sync(self.path.parent)

    def read(self, log_id: bytes) -> Sequence[Entry]:
        """Return the entries of one log, oldest first; a last line that a crash cut short never counted.

        Raises:
            UnreadableLedger: another line is damaged.
        """
        if not self.path.exists():
            return []
        *lines, rest = self.path.read_bytes().split(b"\n")
        entries = [self._load(number, line) for number, line in enumerate(lines, 1) if line]
        if rest:
            _end_line(self.path)
        return [entry for entry in entries if entry.log_id == log_id]

    def _load(self, number: int, line: bytes) -> Entry:
        try:
            said = orjson.loads(line)
            stretches = tuple(Stretch(bytes.fromhex(name), low, high) for name, low, high in said["stretches"])
            return Entry(
                bytes.fromhex(said["log_id"]),
                said["erasure_id"],
                said["erased_at"],
                said["source_id"],
                said["author"],
                tuple(said["foundings"]),
                stretches,
            )
        except (ValueError, KeyError, TypeError):
            raise UnreadableLedger(str(self.path), number) from None


def _dump(entry: Entry) -> bytes:
    return (
        orjson.dumps(
            {
                "log_id": entry.log_id.hex(),
                "erasure_id": entry.erasure_id,
                "erased_at": entry.erased_at,
                "source_id": entry.source_id,
                "author": entry.author,
                "foundings": entry.foundings,
                "stretches": [[each.name.hex(), each.low, each.high] for each in entry.stretches],
            }
        )
        + b"\n"
    )


def _end_line(path: Path) -> None:
    """Cut off a line that a crash left unfinished, so that the next one begins at its beginning."""
    content = path.read_bytes()
    os.truncate(path, content.rfind(b"\n") + 1)
