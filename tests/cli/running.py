"""Runs the command line as an operator does: its settings in the environment, ``serve`` in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from threading import Timer
from typing import NamedTuple
from unittest.mock import patch

import httpx

from lead_events.cli import main

MASTER_KEY = bytes(range(32)).hex()
SOURCES = Path(__file__).resolve().parents[2] / "src"
SECONDS = 60
GUARD_SECONDS = 600
_ADDRESS = re.compile(r"serves (http://\S+)")


def environment(url: str, **settings: str) -> dict[str, str]:
    """Return a clean environment that names a database and a master key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEAD_EVENTS_")}
    given = {"LEAD_EVENTS_DATABASE_URL": url, "LEAD_EVENTS_MASTER_KEY": MASTER_KEY, **settings}
    return {**kept, "PYTHONPATH": str(SOURCES), **{name: value for name, value in given.items() if value}}


class Ended(NamedTuple):
    """How a command ended and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def run(env: dict[str, str], *arguments: str) -> Ended:
    """Run one command to its end, in this process: starting one costs more than any of them."""
    out, err = StringIO(), StringIO()
    with patch.dict(os.environ, env, clear=True), redirect_stdout(out), redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            return Ended(int(end.code or 0), out.getvalue(), err.getvalue())
    return Ended(0, out.getvalue(), err.getvalue())


def catch_up(env: dict[str, str]) -> None:
    """Fold what was imported, as a worker would."""
    from lead_events import app, settings
    from lead_events.projections import projector
    from lead_events.store import generations
    from lead_events.store.engine import reading

    found = settings.load(env)
    engine = app.open_database(found)
    vault = app.open_vault(found, engine)
    with reading(engine) as connection:
        live = generations.load_live(connection)
    model = projector.Models(engine).of(live)
    while projector.step(engine, vault, live.generation_id, model, 2_000) is not None:
        pass
    engine.dispose()


class Serving:
    """A running `serve`: what it printed, where it listens."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.printed = ""
        self.address = self._read_until(_ADDRESS)

    def read_greeting(self) -> str:
        """Return everything printed up to the third line to paste, or the reasons why there is none."""
        self._read_until(re.compile(r"/score .*\n|Not ready yet:\n.+\n"))
        return self.printed

    def get(self, path: str, **headers: str) -> httpx.Response:
        """Ask the service."""
        return httpx.get(self.address + path, headers=headers, timeout=10)

    def end(self, how: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(SECONDS)

    def _read_until(self, pattern: re.Pattern[str]) -> str:
        assert self.process.stdout is not None
        while not (match := pattern.search(self.printed)):
            line = self.process.stdout.readline()
            assert line, f"it ended with {self.process.wait()}: {self.printed}"
            self.printed += line
        return match[1] if match.groups() else match[0]


@contextmanager
def serving(env: dict[str, str], *arguments: str, log: Path, cwd: Path | None = None) -> Iterator[Serving]:
    """Run `serve` on a free port for the length of a block; its log lines go to a file."""
    command = [sys.executable, "-m", "lead_events", "serve", "--port", "0", *arguments]
    with (
        log.open("w") as lines,
        subprocess.Popen(command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=lines, text=True) as process,
    ):
        guard = Timer(GUARD_SECONDS, process.kill)
        guard.start()
        try:
            yield Serving(process)
        finally:
            guard.cancel()
            process.kill()
