"""Reads what strace saw of a server with one client: was each 202 sent after the write-ahead log was on disk?"""

from __future__ import annotations

import re
from collections.abc import Iterable

ACCEPTED = '"HTTP/1.1 202'
_CALL = re.compile(r"^(\d+) +(\w+)\(\d+<(.*?)>")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (?:fdatasync|fsync) resumed>.*= 0$")


class _Disk:
    """What is known to be on the disk of the write-ahead log."""

    def __init__(self) -> None:
        self.is_dirty = False
        self.synced = False
        self._syncing: dict[str, bool] = {}

    def write(self) -> None:
        """Note a write; a sync that began earlier says nothing about it."""
        self.is_dirty = True
        self._syncing = dict.fromkeys(self._syncing, True)

    def begin_sync(self, thread: str) -> None:
        """Note a sync that has yet to end."""
        self._syncing[thread] = False

    def end_sync(self, thread: str) -> None:
        """Note the end of a sync: what was written before its beginning is safe."""
        if thread in self._syncing:
            self.is_dirty, self.synced = self._syncing.pop(thread), True


def find_unsafe(lines: Iterable[str]) -> list[str]:
    """Return every 202 before which its events were not synced; a line is one system call or half of one."""
    unsafe, disk = [], _Disk()
    for line in lines:
        if resumed := _RESUMED.match(line):
            disk.end_sync(resumed[1])
        elif call := _CALL.match(line):
            if call[3].endswith("-wal"):
                _note(disk, call[1], call[2], line)
            elif ACCEPTED in line:
                unsafe += [line] if disk.is_dirty or not disk.synced else []
                disk.synced = False
    return unsafe


def _note(disk: _Disk, thread: str, name: str, line: str) -> None:
    if name == "pwrite64":
        disk.write()
    elif name in {"fdatasync", "fsync"}:
        disk.begin_sync(thread)
        if line.endswith("= 0"):
            disk.end_sync(thread)
