"""Replay: begin a build, work on it with every core, catch up, compare. Never speaks; survives kill -9 at any point."""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine

from lead_events import clock, cores
from lead_events.domain.errors import LeadEventsError, StaleGeneration
from lead_events.domain.lead import FOLD_REVISION
from lead_events.domain.times import Instant
from lead_events.projections import niced
from lead_events.projections.building import build_part
from lead_events.projections.comparing import Side, compare
from lead_events.projections.pages import Bound
from lead_events.projections.projector import PAGE_EVENTS, Models, step
from lead_events.store import engine as engines
from lead_events.store import generations, identity, lists, log, models, parts
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Generation, Status
from lead_events.store.vault import Vault

_PAUSE_SECONDS = 0.5
_REPORT_SECONDS = 0.25
_PART_POSITIONS = 1_000, 20_000
_PARTS = 16


class BuilderKilled(LeadEventsError):
    """A process that built generation {0} was killed (no memory?); go on with: ./lead-events replay --model {1} --processes 1."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What another process needs to open the same database.

    Attributes:
        url: SQLAlchemy URL.
        master_key: 32 bytes.
        find_masters: looks up every master key that is to be had at that moment; it travels to other processes.
    """

    url: str
    master_key: bytes
    find_masters: Callable[[], Sequence[bytes]] | None = None


def begin(engine: Engine, model_number: int, *, part_positions: int | None = None) -> int:
    """Create a generation to be built from the whole log with the newest lists, up to the live generation's checkpoint.

    Args:
        model_number: of a published model.
        part_positions: how many positions a part has; fewer in a short log when None, so that every core gets some.

    Returns:
        Its id.

    Raises:
        NotFound: no model has this number.
    """
    with reading(engine) as connection:  # counting may take a while, and nobody else can write meanwhile
        live = generations.load_live(connection)
        width = part_positions or _width(live.position)
        founded = parts.count_leads(connection, live.generation_id, width)
    with writing(engine) as connection:
        models.load(connection, model_number)
        live = generations.load_live(connection)
        generation_id = generations.create(
            connection,
            model_number=model_number,
            fold_revision=FOLD_REVISION,
            list_revision=lists.load_newest(connection),
            status=Status.BUILDING,
            created_at=clock.now(),
            base_position=live.position,
            base_clock=live.clock,
        )
        parts.create(connection, generation_id, live.position, width, founded)
    return generation_id


def _width(upto: int) -> int:
    least, most = _PART_POSITIONS
    return min(most, max(least, upto // _PARTS))


def build(
    opening: Opening,
    engine: Engine,
    vault: Vault,
    generation_id: int,
    stop: threading.Event,
    *,
    processes: int | None = None,
    report: Callable[[parts.Progress], None] | None = None,
) -> bool:
    """Work on a build until it is ready.

    Args:
        stop: set it to give up after the parts under way; what is done stays done.
        processes: how many to use; one per core when None.
        report: told now and then how far it is.

    Returns:
        Whether the generation is ready now.

    Raises:
        BuilderKilled: one of the processes was; what is done stays done.
    """
    with reading(engine) as connection:
        generation = generations.load(connection, generation_id)
    identity.extend(engine, generation.base_position, PAGE_EVENTS)
    try:
        while not stop.is_set() and _is_unbuilt(engine, generation_id):
            with reading(engine) as connection:
                free = parts.is_any_free(connection, generation_id, clock.now())
            if free:
                _build_parts(opening, engine, generation, stop, processes or cores.count_usable(), report)
            else:  # another builder has the rest; it may die
                stop.wait(_PAUSE_SECONDS)
        return not stop.is_set() and _complete(engine, vault, generation_id, stop)
    except BrokenProcessPool:
        if stop.is_set():  # Ctrl-C reached a process that was just starting
            return False
        raise BuilderKilled(generation_id, generation.model_number) from None
    except LeadEventsError as error:
        with writing(engine) as connection:
            generations.fail(connection, generation_id, str(error))
        raise


def _build_parts(
    opening: Opening,
    engine: Engine,
    generation: Generation,
    stop: threading.Event,
    processes: int,
    report: Callable[[parts.Progress], None] | None,
) -> None:
    spawn = multiprocessing.get_context("spawn")
    start = pickle.dumps((_start_worker, (opening, generation.generation_id)))
    pool = ProcessPoolExecutor(processes, spawn, niced.begin, (start,))
    try:
        running: set[Future[bool]] = {pool.submit(_work_on_next) for _ in range(processes)}
        while running:
            done, running = wait(running, _REPORT_SECONDS if report else None, FIRST_COMPLETED)
            more = sum(future.result() for future in done)
            running |= {pool.submit(_work_on_next) for _ in range(0 if stop.is_set() else more)}
            if report is not None:
                with reading(engine) as connection:
                    report(parts.read_progress(connection, generation.generation_id))
    finally:
        pool.shutdown(wait=False)  # niced processes take their time to end, and nothing that follows needs them


class _Worker:
    """What a worker process holds between parts."""

    engine: Engine
    vault: Vault
    generation: Generation
    compiled: Models
    free_since: Instant | None = None


def _start_worker(opening: Opening, generation_id: int) -> None:
    # Events form no cycles, and looking for some took a third of a build (148 µs an event with, 100 without);
    # each part cleans up behind itself.
    gc.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the builder says when to stop
    threading.Thread(target=die_with_parent, daemon=True).start()
    # Who holds SQLite's one write lock while the disk turns holds up the door, and what is lost with the machine is built again.
    _Worker.engine = engines.create(opening.url, pool_size=2, flushed=False)
    with reading(_Worker.engine) as connection:
        _Worker.vault = log.open_vault(connection, opening.master_key, opening.find_masters)
        _Worker.generation = generations.load(connection, generation_id)
    _Worker.compiled = Models(_Worker.engine)
    gc.freeze()


def die_with_parent() -> None:
    """End with the process that started this one, also when it was killed: nobody else would take the results."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work_on_next() -> bool:
    """Build one part; say whether there was one."""
    generation = _Worker.generation
    with writing(_Worker.engine) as connection:
        part = parts.take(connection, generation.generation_id, clock.now(), _Worker.free_since)
    if part is None:
        return False
    with suppress(StaleGeneration):  # another builder thought this one dead, or the build was given up
        build_part(_Worker.engine, _Worker.vault, generation, _Worker.compiled.of(generation), part)
    _Worker.free_since = clock.now()
    gc.collect()
    # What outlived it are modules and caches: looking through them again took 100 ms a part, 30 µs an event of a short log.
    gc.freeze()
    return True


def _is_unbuilt(engine: Engine, generation_id: int) -> bool:
    with reading(engine) as connection:
        progress = parts.read_progress(connection, generation_id)
        return progress.done < progress.parts and generations.load(connection, generation_id).status is Status.BUILDING


def _complete(engine: Engine, vault: Vault, generation_id: int, stop: threading.Event) -> bool:
    with reading(engine) as connection:
        generation = generations.load(connection, generation_id)
        progress = parts.read_progress(connection, generation_id)
    if progress.done < progress.parts or generation.status is not Status.BUILDING:
        return False
    with writing(engine) as connection:
        generations.begin_at(connection, generation)
    compiled = Models(engine)
    catch_up(engine, vault, generation_id, compiled, stop)
    if stop.is_set():
        return False
    report = difference(engine, vault, generation_id, compiled, lambda upto: _say_compared(engine, generation_id, upto))
    with writing(engine) as connection:
        generations.finish(connection, generation_id, orjson.dumps(report).decode(), clock.now())
        return generations.load(connection, generation_id).status is Status.READY


def catch_up(engine: Engine, vault: Vault, generation_id: int, compiled: Models, stop: threading.Event) -> None:
    """Step a generation until it stands where the live one stood a moment ago."""
    while not stop.is_set():
        with reading(engine) as connection:
            live = generations.load_live(connection)
            generation = generations.load(connection, generation_id)
        bound = Bound(live.position, live.clock)
        if (generation.position, generation.clock) == (bound.position, bound.clock):
            return
        if step(engine, vault, generation_id, compiled.of(generation), PAGE_EVENTS, bound) is None:
            return


def _say_compared(engine: Engine, generation_id: int, upto: int) -> None:
    with writing(engine) as connection:
        parts.say_compared(connection, generation_id, upto, clock.now())


def difference(
    engine: Engine, vault: Vault, generation_id: int, compiled: Models, report: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Compare a generation with the live one.

    Args:
        engine: of the log.
        vault: of the log.
        generation_id: the one to be compared.
        compiled: the models.
        report: told now and then up to which founding position leads are compared.
    """
    with reading(engine) as connection:
        live = generations.load_live(connection)
        new = generations.load(connection, generation_id)
        old_side = Side(live, compiled.of(live))
        return compare(connection, vault, old_side, Side(new, compiled.of(new)), report)
