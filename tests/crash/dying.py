"""Runs the service's ordinary command line in a process that kills itself at a named point.

The points are SQLAlchemy's own events, so nothing in the service knows about them. The processes of a build's pool are
armed by ``site/sitecustomize.py``.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, Pool, event

CRASH = "LEAD_EVENTS_TEST_CRASH"
SAVE_ROWS = "LEAD_EVENTS_TEST_SAVE_ROWS"
SYNCHRONOUS = "LEAD_EVENTS_TEST_SYNCHRONOUS"


@dataclass(frozen=True)
class Point:
    """A place in the life of a transaction that ran a statement: before that statement, before or after its commit."""

    when: Literal["statement", "commit", "committed"]
    statement: str


_STEP = r"update generations set position"
_DONE = r"update build_parts set done"
_READY = r"update generations set status.*built_at.*difference"
_FLIP = r"update generations set status.*promoted_at"
POINTS = {
    "any-statement": Point("statement", ""),
    "before-insert": Point("statement", r"insert into events"),
    "before-commit": Point("commit", r"insert into events"),
    "after-commit": Point("committed", r"insert into events"),
    "identity-before-commit": Point("commit", r"update identity_head"),
    "identity-extended": Point("committed", r"update identity_head"),
    "folded": Point("statement", _STEP),
    "between-checkpoint-and-rows": Point("statement", r"insert into leads"),
    "before-changes": Point("statement", r"insert into changes"),
    "step-before-commit": Point("commit", _STEP),
    "step-after-commit": Point("committed", _STEP),
    "part-taken": Point("committed", r"update build_parts set taken_until"),
    "part-before-save-commit": Point("commit", r"insert into leads"),
    "part-saved": Point("committed", r"insert into leads"),
    "part-before-done": Point("commit", _DONE),
    "part-done": Point("committed", _DONE),
    "before-ready": Point("commit", _READY),
    "keys-before-commit": Point("commit", r"update keys set wrapped_key"),
    "keys-rewrapped": Point("committed", r"update keys set wrapped_key"),
    "promotion-before-commit": Point("commit", _FLIP),
    "promotion-after-commit": Point("committed", _FLIP),
}
"""Where a process may die, by name."""


def run(environment: Mapping[str, str], arguments: Sequence[str], log: Path, output: Pipe) -> None:
    """Run one command in this process, which was forked for it; what it prints goes to a pipe, its log to a file."""
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(output.fileno(), 1)
    with log.open("ab") as lines:
        os.dup2(lines.fileno(), 2)
    output.close()
    arm(environment)
    _run(arguments)


def _run(arguments: Sequence[str]) -> None:
    from lead_events.cli import main

    main(arguments)


def arm(environment: Mapping[str, str]) -> None:
    """Install what the environment asks for: ``name:n`` dies at the n-th time, ``name:n@parent`` takes the parent along."""
    if environment.get(SAVE_ROWS):
        from lead_events.projections import building

        building._SAVE_ROWS = int(environment[SAVE_ROWS])
    if environment.get(SYNCHRONOUS):
        event.listen(Engine, "begin", lambda connection: _weaken(connection, environment[SYNCHRONOUS]))
    if environment.get(CRASH):
        name, _, count = environment[CRASH].partition(":")
        times, _, victim = count.partition("@")
        _Trap(POINTS[name], int(times), victim == "parent").set()


def _weaken(connection: Connection, level: str) -> None:
    """Plant the bug that a test of durability must find."""
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        driver.execute(f"PRAGMA synchronous={level}")


class _Trap:
    """Counts passages of a point and kills at the last one."""

    def __init__(self, point: Point, times: int, takes_parent: bool) -> None:
        self._point = point
        self._left = times
        self._takes_parent = takes_parent
        self._lock = threading.Lock()

    def set(self) -> None:
        event.listen(Engine, "begin", self._begin)
        event.listen(Engine, "before_cursor_execute", self._execute)
        event.listen(Engine, "commit", self._commit)
        event.listen(Pool, "checkin", self._checkin)

    def _begin(self, connection: Connection) -> None:
        connection.info["matched"] = connection.info["committed"] = False

    def _execute(self, connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if re.search(self._point.statement, " ".join(statement.lower().replace('"', "").split())):
            connection.info["matched"] = True
            self._pass("statement")

    def _commit(self, connection: Connection) -> None:
        if connection.info.get("matched"):
            self._pass("commit")
            connection.info["committed"] = True

    def _checkin(self, _connection: Any, record: Any) -> None:
        if record.info.pop("committed", False):
            self._pass("committed")

    def _pass(self, when: str) -> None:
        if when != self._point.when:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self._die()

    def _die(self) -> None:
        parent = multiprocessing.parent_process()
        if self._takes_parent and parent is not None and parent.pid is not None:
            os.kill(parent.pid, signal.SIGKILL)
            threading.Event().wait()  # the orphan must end by itself
        os.kill(os.getpid(), signal.SIGKILL)
