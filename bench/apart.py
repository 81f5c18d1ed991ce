"""One measurement in a process of its own, which prints JSON: its memory can be told, and it ends when the run's time does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from bench import memory, service
from bench.databases import Database
from bench.world import World


def run(given: World, database: Database, name: str, arguments: Sequence[str]) -> dict[str, Any]:
    """Run a module on a database and return what it says, with the peak of its memory.

    Args:
        name: of its log and of its profile.
        arguments: of Python, such as ``-m`` and a module.

    Raises:
        RuntimeError: it failed.
        TimeoutError: the run has no more time for it.
    """
    env = service.environment(database.url, given.samples(f"{name}-{database.name}"))
    told = given.folder / f"{name}-{database.name}.log"
    with told.open("w") as lines:
        process = subprocess.Popen([sys.executable, *arguments], env=env, stdout=subprocess.PIPE, stderr=lines, text=True)
        with memory.watched(process.pid) as peak:
            printed = _wait(process, given.budget.left())
    if process.returncode:
        raise RuntimeError(_last_words(told))
    found: dict[str, Any] = json.loads(printed.splitlines()[-1])
    return {**found, "peak": max(peak[0], found.get("peak", 0))}


def preview(given: World, database: Database, kind: str) -> dict[str, Any]:
    """Do what ``previewed`` does, and return what it says.

    Args:
        kind: of change of the model, ``naive`` or ``ledger``.

    Raises:
        RuntimeError, TimeoutError: as ``run`` does.
    """
    given.say(f"{database.name}: {kind} …")
    return run(given, database, f"preview-{kind}", ["-m", "bench.previewed", kind, str(given.plan.fold_events)])


def _wait(process: subprocess.Popen[str], seconds: float | None) -> str:
    try:
        return process.communicate(timeout=seconds)[0]
    except subprocess.TimeoutExpired:
        _end(process)
        raise TimeoutError("the time of the run was over before it ended") from None


def _end(process: subprocess.Popen[str]) -> None:
    with suppress(psutil.Error):
        for child in psutil.Process(process.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    process.kill()
    process.wait()


def _last_words(told: Path) -> str:
    return told.read_text(encoding="utf-8")[-2000:]
