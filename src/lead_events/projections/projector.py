"""The one loop: take events after a checkpoint, fold, save rows, changes and checkpoint in one transaction.

A step reads, folds, then writes with compare-and-set on the checkpoint, so that the database's write lock is never held
while folding and two projectors can race without harm: one of them writes, the other reads again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from sqlalchemy import Connection, Engine

from lead_events import clock
from lead_events.domain.errors import StaleGeneration
from lead_events.domain.model import Model
from lead_events.domain.times import SECOND, Instant
from lead_events.projections.folding import Folded, fold_page, refold_leads
from lead_events.projections.pages import Bound, Page, read_page
from lead_events.store import changes, generations, identity, leads, log, models, parked
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Generation
from lead_events.store.log import Head
from lead_events.store.vault import Vault

PAGE_EVENTS = 2_000
IDLE_SECONDS = 0.02
# A step has a fixed cost of some milliseconds: an event in a page of ten costs 17 times what it costs in one of 2 000.
SMALL_PAGE_EVENTS = 200
SMALL_PAGE_SECONDS = 0.05
TICK_EVERY = SECOND


@dataclass(frozen=True, slots=True)
class Step:
    """What one step did.

    Attributes:
        events: how many it took.
        leads: how many rows it wrote.
        position, clock: the checkpoint it reached.
    """

    events: int
    leads: int
    position: int
    clock: Instant


def run(
    engine: Engine,
    vault: Vault,
    stop: threading.Event,
    *,
    page_events: int = PAGE_EVENTS,
    report: Callable[[Step], None] | None = None,
) -> None:
    """Keep the live generation, and those that stand by, current until told to stop.

    Args:
        stop: set it to end the loop after the step under way.
        page_events: most events a step takes.
        report: told of every step of the live generation that did something.
    """
    compiled = Models(engine)
    idle: Head | None = None
    while not stop.is_set():
        with reading(engine) as connection:
            head = log.read_head(connection)
            # Fifty looks a second at everything took a fifth of a core while nothing happened.
            current = None if head == idle else (generations.load_live(connection), generations.load_standing_by(connection))
        if current is None:
            _wait_idle(engine, head, stop)
            continue
        idle, (live, others) = None, current
        done = step(engine, vault, live.generation_id, compiled.of(live), page_events)
        followed = [_follow(engine, vault, other, compiled, live.generation_id, page_events) for other in others]
        if done is not None and report is not None:
            report(done)
        if done is None and not any(followed):
            idle = head if (live.position, live.clock) == (head.position, head.received_at) else None
            _wait_idle(engine, head, stop)
        elif done is not None and done.events < SMALL_PAGE_EVENTS:
            stop.wait(SMALL_PAGE_SECONDS)


class Models:
    """Compiled models of generations, each compiled once: published models and lists never change."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._compiled: dict[tuple[int, int], Model] = {}

    def of(self, generation: Generation) -> Model:
        """Return the model of a generation, compiled with its lists."""
        numbers = generation.model_number, generation.list_revision
        if numbers not in self._compiled:
            with reading(self._engine) as connection:
                self._compiled[numbers] = models.load_compiled(connection, *numbers)
        return self._compiled[numbers]


def _follow(engine: Engine, vault: Vault, other: Generation, compiled: Models, live_id: int, page_events: int) -> Step | None:
    """Step a generation that stands by, silently, never ahead of the live one: readers must not go back in time."""
    with reading(engine) as connection:
        live = generations.load(connection, live_id)
    bound = Bound(live.position, live.clock)
    return step(engine, vault, other.generation_id, compiled.of(other), page_events, bound)


def _wait_idle(engine: Engine, head: Head, stop: threading.Event) -> None:
    """Let the clock of an idle log go on, and wait a moment; a generation that comes to stand by is seen at the next tick."""
    now = clock.now()
    if now - head.received_at >= TICK_EVERY:
        log.tick(engine, now)
    stop.wait(IDLE_SECONDS)


def step(
    engine: Engine,
    vault: Vault,
    generation_id: int,
    model: Model,
    page_events: int = PAGE_EVENTS,
    bound: Bound | None = None,
) -> Step | None:
    """Fold the next page of events, and the time up to it, into a generation.

    Args:
        bound: a checkpoint that the generation must not pass; None for the end of the log.

    Returns:
        What was done; None when there was nothing to do or another projector was faster.
    """
    with reading(engine) as connection:
        after = generations.load(connection, generation_id).position
        head = log.read_head(connection)
        vault.notice(head.erasures)
        end = head.position if bound is None else bound.position
    identity.extend(engine, min(end, after + page_events), page_events)
    with reading(engine) as connection:
        page = read_page(connection, generation_id, model, page_events, bound)
        folded = None if page is None else fold_page(connection, vault, page)
    if page is None or folded is None:
        return None
    encoded = encode(page, folded)
    try:
        with writing(engine) as connection:
            save(connection, page, folded, encoded)
    except StaleGeneration:
        return None
    return Step(len(page.rows), len(folded.rows), page.position, page.clock)


def encode(page: Page, folded: Folded) -> leads.Encoded:
    """Return the rows of a page as the database takes them; done before the transaction, so that its lock is short."""
    return leads.encode(page.generation.generation_id, page.model, folded.rows)


def save(connection: Connection, page: Page, folded: Folded, encoded: leads.Encoded | None = None) -> None:
    """Write what a page came to, together with its checkpoint, or not at all.

    Args:
        connection: of a writing transaction.
        page: as it was read.
        folded: what it came to.
        encoded: its rows, if they were encoded before the transaction began.

    Raises:
        StaleGeneration: somebody else moved the generation since the page was read.
    """
    generation_id = page.generation.generation_id
    generations.advance(connection, page.generation, page.position, page.clock)
    leads.save(connection, encode(page, folded) if encoded is None else encoded)
    parked.save(connection, generation_id, folded.parked)
    if page.speaks:
        changes.append(connection, folded.drafts, generation_id, page.clock)


def refold(engine: Engine, vault: Vault, generation_id: int, model: Model, foundings: Collection[int]) -> None:
    """Fold leads again from their own events, at the end of the log: a retry of parked ones.

    The log's clock moves on by an instant of its own, so that the rows change after every bookmark a reader could hold,
    and a step that was read before can no longer be saved over them.
    """
    log.tick(engine, clock.now())
    while True:
        with reading(engine) as connection:
            generation = generations.load(connection, generation_id)
            head = log.read_head(connection)
            moment = head.received_at + 1
            crowded = leads.load_due(connection, generation_id, moment, 1)
        if (generation.position, generation.clock) != (head.position, head.received_at):
            step(engine, vault, generation_id, model)
        elif crowded:
            log.tick(engine, moment)
        elif _refold_at(engine, vault, Page(generation, model, (), head.position, moment), head, foundings):
            return


def _refold_at(engine: Engine, vault: Vault, page: Page, head: Head, foundings: Collection[int]) -> bool:
    generation_id = page.generation.generation_id
    with reading(engine) as connection:
        page.skips = parked.load_skips(connection)
        tries = {lead.founding: lead.tries for lead in parked.load_all(connection, generation_id)}
        page.before = leads.load(connection, generation_id, foundings)
        folded = refold_leads(connection, vault, page, foundings)
    folded.rows = [row._replace(updated_at=page.clock) for row in folded.rows]
    folded.parked = [replace(lead, tries=tries.get(lead.founding, 0) + 1) for lead in folded.parked]
    try:
        with writing(engine) as connection:
            parked.release(connection, generation_id, foundings)
            save(connection, page, folded)
            _move_on(connection, head, page)
    except StaleGeneration:
        return False
    return True


def _move_on(connection: Connection, head: Head, page: Page) -> None:
    if not log.tick_from(connection, head, page.clock):
        raise StaleGeneration(page.generation.generation_id)
