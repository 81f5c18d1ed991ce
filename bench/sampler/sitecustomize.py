"""Samples every thread of the process it is imported into, by CPU time, and writes what it saw as JSON now and then.

Imported by Python itself, because this folder stands first on the path of processes that are to be profiled.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

_EVERY_SECONDS = 0.005
_WRITE_SECONDS = 1.0


def _clock(thread: int) -> float:
    try:
        return time.clock_gettime(time.pthread_getcpuclockid(thread))
    except OSError:
        return 0.0


class _Sampler:
    """Seconds of CPU by function: its own, and with everything below it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"{os.getpid()}.json"
        self._own: dict[str, float] = {}
        self._with: dict[str, float] = {}
        self._lines: dict[str, float] = {}
        self._clocks: dict[int, float] = {}
        self._me = 0

    def run(self) -> None:
        """Sample for as long as the process lives."""
        self._me = threading.get_ident()
        # A sample is taken when another thread lets go; without this, calls that let go by themselves would look guilty.
        sys.setswitchinterval(0.0002)
        written = time.monotonic()
        while True:
            time.sleep(_EVERY_SECONDS)
            self._sample()
            if time.monotonic() - written > _WRITE_SECONDS:
                self.write()
                written = time.monotonic()

    def _sample(self) -> None:
        for thread, frame in sys._current_frames().items():  # noqa: SLF001 - documented, and all there is
            now = _clock(thread)
            spent = now - self._clocks.get(thread, now)
            self._clocks[thread] = now
            if thread == self._me or spent <= 0:
                continue
            _add(self._own, _name(frame), spent)
            _add(self._lines, f"{_name(frame)}:{frame.f_lineno}", spent)
            for name in {_name(each) for each in _stack(frame)}:
                _add(self._with, name, spent)

    def write(self) -> None:
        """Write what was seen so far."""
        found = {
            "command": sys.argv[:4],
            "cpu_seconds": sum(self._own.values()),
            "own": _largest(self._own, 60),
            "with_calls": _largest(self._with, 120),
            "lines": _largest(self._lines, 40),
        }
        # A process may be killed at any moment; what it wrote must be whole.
        unfinished = self._file.with_suffix(".part")
        unfinished.write_text(json.dumps(found, indent=1))
        unfinished.replace(self._file)


def _add(counted: dict[str, float], name: str, spent: float) -> None:
    counted[name] = counted.get(name, 0.0) + spent


def _largest(counted: dict[str, float], count: int) -> dict[str, float]:
    return dict(sorted(counted.items(), key=lambda item: -item[1])[:count])


def _stack(frame: FrameType) -> Iterator[FrameType]:
    """Yield a frame and everybody who called it."""
    above: FrameType | None = frame
    while above is not None:
        yield above
        above = above.f_back


def _name(frame: FrameType) -> str:
    code = frame.f_code
    path = code.co_filename.split("/site-packages/")[-1].split("/src/")[-1].split("/lib/python")[-1]
    return f"{path} {code.co_qualname if hasattr(code, 'co_qualname') else code.co_name}"


if os.environ.get("BENCH_SAMPLES"):
    _sampler = _Sampler(Path(os.environ["BENCH_SAMPLES"]))
    threading.Thread(target=_sampler.run, name="sampler", daemon=True).start()
    atexit.register(_sampler.write)
