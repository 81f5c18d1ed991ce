"""Long reads in a process of their own, so that whoever serves the door keeps the interpreter for it.

The process is niced, and ends when it is told to, when nobody takes what it says, and when it is orphaned.
"""

from __future__ import annotations

import gc
import multiprocessing
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy import Engine

from lead_events.domain.errors import Unavailable
from lead_events.projections import niced
from lead_events.projections.replay import Opening, die_with_parent
from lead_events.store import engine as engines
from lead_events.store import log
from lead_events.store.engine import reading
from lead_events.store.vault import Vault

_PATIENCE_SECONDS = 0.1
_DONE = "done"

Say = Callable[[Any], None]
Work = Callable[[Engine, Vault, Say], None]
"""What is to be done, with whatever it says on the way; it travels to the other process, and so does what it says."""


class WorkKilled(Unavailable):
    """The process that worked on this was killed (no memory?); ask again, or run the same from the command line."""


def run_aside(opening: Opening, work: Work, stop: threading.Event) -> Generator[Any]:
    """Do something in a process of its own and yield what it says.

    Args:
        opening: of the database.
        work: a function of a module, or a ``partial`` of one.
        stop: set it to end at once; nothing more is yielded then.

    Raises:
        WorkKilled: it ended without a word.
        Exception: whatever the work raised.
    """
    context = multiprocessing.get_context("spawn")
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=niced.begin, args=(pickle.dumps((_work, (opening, work))), writer), daemon=True)
    process.start()
    writer.close()
    try:
        yield from _hear(reader, stop)
    finally:
        process.terminate()  # what it may be writing, such as whose events are whose, is done again by whoever comes next
        process.join()
        reader.close()


def _hear(reader: Connection[Any, Any], stop: threading.Event) -> Iterator[Any]:
    while not stop.is_set():
        if not reader.poll(_PATIENCE_SECONDS):
            continue
        try:
            kind, said = reader.recv()
        except EOFError:
            raise WorkKilled from None
        if kind == _DONE:
            return
        if isinstance(said, Exception):
            raise said
        if not stop.is_set():
            yield said


def _work(opening: Opening, work: Work, writer: Connection[Any, Any]) -> None:
    gc.disable()  # a fold makes no cycles, and looking for some took a fifth of a preview of 145 000 events
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; whoever asked says when to stop
    threading.Thread(target=die_with_parent, daemon=True).start()
    try:
        engine = engines.create(opening.url, pool_size=2)
        with reading(engine) as connection:
            vault = log.open_vault(connection, opening.master_key, opening.find_masters)
        work(engine, vault, lambda said: writer.send(("", said)))
    except Exception as error:  # noqa: BLE001 - whoever asked raises it again, whatever it is
        writer.send(("", error))
    writer.send((_DONE, None))
