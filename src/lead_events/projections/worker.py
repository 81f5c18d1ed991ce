"""A worker process: the projector's loop, and beside it the housekeeping of generations and, if asked for, retention.

Housekeeping builds what operators asked for, rebuilds after an upgrade that changed folding and after other lists were
published, and drops what nobody can ask for any more, in small steps.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import orjson
from sqlalchemy import Connection, Engine

from lead_events import clock
from lead_events.domain.lead import FOLD_REVISION
from lead_events.domain.retention import Periods
from lead_events.projections import projector, promotion, replay, retention
from lead_events.projections.activity import Keeper
from lead_events.projections.projector import Models, Step
from lead_events.projections.replay import Opening
from lead_events.store import erasure_receipts, generations, lists, log, scrubbing
from lead_events.store.engine import reading, writing
from lead_events.store.erasure_ledger import Ledger
from lead_events.store.generations import Generation, Status
from lead_events.store.vault import Vault

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS = 1.0
_DROPPED_AT_ONCE = 500
_SEGMENTS_AT_ONCE = 4


def run(
    opening: Opening,
    engine: Engine,
    vault: Vault,
    stop: threading.Event,
    *,
    page_events: int = projector.PAGE_EVENTS,
    report: Callable[[Step], None] | None = None,
    periods: Periods | None = None,
    ledger: Ledger | None = None,
) -> None:
    """Work until told to stop: keep generations current, build, drop.

    Args:
        opening: how the processes of a build open the same database.
        stop: set it to end after the step under way.
        report: told of every step of the live generation that did something.
        periods: how long whose data stay; None forgets nobody.
        ledger: where erasures are written outside the database, if anywhere.
    """
    beside = [threading.Thread(target=_keep_on, args=(opening, engine, vault, stop), name="housekeeping")]
    if periods is not None:
        arguments = engine, vault, periods, ledger, stop
        beside.append(threading.Thread(target=retention.run_daily, args=arguments, name="retention"))
    for thread in beside:
        thread.start()
    try:
        projector.run(engine, vault, stop, page_events=page_events, report=report)
    finally:
        stop.set()
        for thread in beside:
            thread.join()


def keep_house(opening: Opening, engine: Engine, vault: Vault, stop: threading.Event) -> None:
    """Do once what is to be done about generations: rebuild when folding or lists changed, build, promote that, drop rows."""
    _rebuild_outdated(engine)
    _build(opening, engine, vault, stop)
    _promote_rebuilt(engine, vault)
    _drop(engine)


def _keep_on(opening: Opening, engine: Engine, vault: Vault, stop: threading.Event) -> None:
    scrubbed = 0
    keeper = Keeper(engine, vault)
    while not stop.wait(_PAUSE_SECONDS):
        try:
            keep_house(opening, engine, vault, stop)
            keep_ledger(keeper)
            scrubbed = scrub_after_erasure(engine, scrubbed)
        except Exception:  # noqa: BLE001 - logged, and tried again
            # Whatever went wrong is tried again after the pause; the projector goes on meanwhile.
            _LOG.exception("housekeeping failed")


def keep_ledger(keeper: Keeper) -> None:
    """Bring the activity ledger nearer to the log, a few segments at a time: a build that is asked for need not wait long."""
    for _ in range(_SEGMENTS_AT_ONCE):
        if not keeper.extend():
            return


def scrub_after_erasure(engine: Engine, scrubbed: int) -> int:
    """Empty SQLite's write-ahead log once the live rows of everybody erased are empty too.

    Args:
        scrubbed: how many erasures that was done for before.

    Returns:
        For how many it is done now.
    """
    with reading(engine) as connection:
        erasures = log.read_head(connection).erasures
        is_folded = erasure_receipts.read_last(connection) <= generations.load_live(connection).position
    if erasures == scrubbed or not is_folded:
        return scrubbed
    return erasures if scrubbing.empty_wal(engine) else scrubbed


def _rebuild_outdated(engine: Engine) -> None:
    with reading(engine) as connection:
        live = generations.load_live(connection)
        is_needed = not _is_current(connection, live) and not _load_rebuilt(connection, live)
    if is_needed:
        generation_id = replay.begin(engine, live.model_number)
        _LOG.warning(
            "folding or lists changed: generation %d is built anew beside generation %d", generation_id, live.generation_id
        )


def _is_current(connection: Connection, generation: Generation) -> bool:
    wanted = FOLD_REVISION, lists.load_newest(connection)
    return (generation.fold_revision, generation.list_revision) == wanted


def _load_rebuilt(connection: Connection, live: Generation) -> list[Generation]:
    """Return the generations of the live one's model that are folded by this code and with the newest lists."""
    same = [each for each in generations.load_all(connection) if each.model_number == live.model_number]
    return [each for each in same if _is_current(connection, each)]


def _build(opening: Opening, engine: Engine, vault: Vault, stop: threading.Event) -> None:
    with reading(engine) as connection:
        building = generations.load_building(connection)
    for generation in building:
        if replay.build(opening, engine, vault, generation.generation_id, stop):
            _LOG.info("generation %d is ready", generation.generation_id)


def _promote_rebuilt(engine: Engine, vault: Vault) -> None:
    """Promote a rebuild that changes nothing; one that changes something waits for an operator."""
    with reading(engine) as connection:
        live = generations.load_live(connection)
        if _is_current(connection, live):
            return
        ready = [each for each in _load_rebuilt(connection, live) if each.status is Status.READY]
    for generation in ready:
        if orjson.loads(generation.difference or "{}").get("empty"):
            promotion.promote(engine, vault, generation.generation_id, Models(engine))
            _LOG.info("generation %d is live: folding or lists changed, no lead did", generation.generation_id)
            return


def _drop(engine: Engine) -> None:
    with reading(engine) as connection:
        outdated = generations.load_outdated(connection, clock.now())
    for generation_id in outdated:
        with writing(engine) as connection:
            dropped = generations.drop_some(connection, generation_id, _DROPPED_AT_ONCE)
        _LOG.info("dropped %d rows of generation %d", dropped, generation_id)
