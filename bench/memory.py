"""Memory of a process and of those it starts: the peak while it works, and what a running server holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

_SAMPLE_SECONDS = 0.1


@contextmanager
def watched(pid: int) -> Iterator[list[int]]:
    """Watch the memory of a process and its descendants while the block runs; the list's one number is the peak in bytes.

    Proportional set sizes are added up, so that what two processes share counts once.
    """
    peak, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], _proportional(pid))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def resident(pid: int) -> int:
    """Return the bytes that a process and its descendants hold now; cheap to ask, and shared pages count more than once."""
    return sum(_resident(process) for process in _family(pid))


def _resident(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0


def _proportional(pid: int) -> int:
    total = 0
    for process in _family(pid):
        with suppress(psutil.Error):
            total += getattr(process.memory_full_info(), "pss", 0) or process.memory_info().rss
    return total


def _family(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []
