"""Servers as processes of their own: the real ``serve`` with its projector, and the peers. Idle ones are stopped in place."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench import memory
from bench.databases import MASTER_KEY, Database

ROOT = Path(__file__).resolve().parent.parent
_ADDRESS = re.compile(r"serves (http://\S+)")
_END_SECONDS = 30.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    address: str

    def pause(self) -> None:
        """Stop its processes where they are, so that they take nothing from what is measured now."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def cpu_seconds(self) -> tuple[float, float]:
        """Return the processor time that the server, and the processes it started, have used so far."""
        root = psutil.Process(self.process.pid)
        return _cpu_seconds([root]), _cpu_seconds(root.children(recursive=True))

    def memory(self) -> int:
        """Return the bytes that the server and the processes it started hold now; pages that they share count more than once."""
        return memory.resident(self.process.pid)

    def lag(self) -> int:
        """Return how many events are accepted and not folded."""
        text = httpx.get(f"{self.address}/metrics", timeout=30).text
        found = re.search(r"^lead_events_projector_lag_events (\S+)$", text, re.MULTILINE)
        return int(float(found[1])) if found else -1

    def drain(self, seconds: float) -> float | None:
        """Wait until everything is folded and return the seconds; None when they were not enough."""
        begun = time.perf_counter()
        while (passed := time.perf_counter() - begun) < seconds:
            if self.lag() == 0:
                return passed
            time.sleep(_POLL_SECONDS)
        return None

    def _signal(self, number: signal.Signals) -> None:
        root = psutil.Process(self.process.pid)
        for process in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)


def _cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in processes:
        with suppress(psutil.Error):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def environment(url: str | None = None, sampled: Path | None = None) -> dict[str, str]:
    """Return the environment of a child.

    Args:
        url: of its database.
        sampled: folder for profiles of every process; None for none.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEAD_EVENTS_")}
    paths = [str(ROOT / "src"), str(ROOT)]
    env = {**kept, "PYTHONPATH": os.pathsep.join(paths)}
    if sampled is not None:
        sampler = str(Path(__file__).parent / "sampler")
        env |= {"PYTHONPATH": os.pathsep.join([sampler, *paths]), "BENCH_SAMPLES": str(sampled)}
    if url is not None:
        env |= {"LEAD_EVENTS_DATABASE_URL": url, "LEAD_EVENTS_MASTER_KEY": MASTER_KEY.hex()}
        # One address and one key send everything here; the buckets are still kept and asked.
        env |= {f"LEAD_EVENTS_{name}": "1000000000" for name in ("ADDRESS_BURST", "KEY_BURST", "ADDRESS_RATE", "KEY_RATE")}
    return env


@contextmanager
def serving(database: Database, folder: Path, sampled: Path | None = None) -> Iterator[Server]:
    """Run ``serve`` on a database; its log goes to a file."""
    arguments = ["-m", "lead_events", "serve", "--port", "0"]
    with _running(arguments, environment(database.url, sampled), folder / f"serve-{database.name}.log") as server:
        yield server


@contextmanager
def peer(name: str, folder: Path) -> Iterator[Server]:
    """Run one of the servers of ``peers``."""
    with _running(["-m", "bench.peers", name], environment(), folder / f"{name}.log") as server:
        yield server


@contextmanager
def only(running: Server, others: Sequence[Server]) -> Iterator[Server]:
    """Let one server run while the others stand still."""
    with ExitStack() as stack:
        for other in others:
            if other is not running:
                other.pause()
                stack.callback(other.resume)
        yield running


@contextmanager
def _running(arguments: Sequence[str], env: dict[str, str], log: Path) -> Iterator[Server]:
    command = [sys.executable, *arguments]
    with log.open("w") as lines, subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=lines, text=True) as process:
        try:
            server = Server(process, _read_address(process, log))
            threading.Thread(target=_swallow, args=[process], daemon=True).start()
            yield server
        finally:
            _end(process)


def _read_address(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        found = _ADDRESS.search(line)
        if found:
            return found[1]
    raise RuntimeError(f"{process.args!r} ended: {log.read_text()[-2000:]}")


def _swallow(process: subprocess.Popen[str]) -> None:
    if process.stdout is not None:
        for _ in process.stdout:
            pass


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        for each in (root, *root.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                each.send_signal(signal.SIGCONT)
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
