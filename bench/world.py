"""What the figures share: databases that hold the demo history, a live generation of it, and servers on top."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update

from bench import service
from bench.budget import Budget
from bench.cloning import clone
from bench.databases import Database
from bench.plan import Plan
from bench.service import Server
from lead_events import clock
from lead_events.cli.demo_lines import DemoRules, judge_next
from lead_events.store import generations, log, schema
from lead_events.store.engine import reading, writing
from lead_events.transfer.importing import Importer
from lead_events.transfer.jsonl import LineRules
from lead_events.transfer.judging import Piece, judge_apart, judge_here

SEED = 1
_PIECE = 1_000
_APART = 10_000


@dataclass(slots=True)
class World:
    """Everything a figure may use.

    Attributes:
        sampled: folder for profiles; None when none were asked for.
        positions: events in the log of each database once the history is loaded.
        listed: rows of the live generation with a contact, per database.
        peers: rates of other software, measured once, by name.
        rebuilt: events and seconds of the last replay, per database.
        ledgers: what keeping the activity ledger said of itself, per database.
        cpu: processor seconds for one event or request, by what it is spent on and database, for figures that compare.
    """

    plan: Plan
    folder: Path
    databases: dict[str, Database]
    sampled: Path | None = None
    services: dict[str, Server] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    listed: dict[str, int] = field(default_factory=dict)
    peers: dict[str, float] = field(default_factory=dict)
    rebuilt: dict[str, tuple[int, float]] = field(default_factory=dict)
    ledgers: dict[str, dict[str, Any]] = field(default_factory=dict)
    cpu: dict[tuple[str, str], float] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    begun: float = field(default_factory=time.perf_counter)

    def say(self, text: str) -> None:
        """Print progress with the seconds since the start."""
        print(f"[{time.perf_counter() - self.begun:6.1f} s] {text}", flush=True)

    def samples(self, figure: str) -> Path | None:
        """Return where profiles of a figure go."""
        if self.sampled is None:
            return None
        folder = self.sampled / figure
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def load_history(world: World) -> None:
    """Append the demo history to the first database, and make the logs of the others the same."""
    first, *others = world.databases
    loaded = world.databases[first]
    importer = Importer(loaded.engine, loaded.vault)
    begun = said = time.perf_counter()
    for verdict in _verdicts(world.plan.events):
        importer.take(verdict.judged)
        if time.perf_counter() - said > 10:
            said = time.perf_counter()
            world.say(f"loading history: {importer.counts.total:,} of {world.plan.events:,}")
    importer.finish()
    world.say(f"{first}: {importer.counts.created / (time.perf_counter() - begun):,.0f} events/s made up, judged and appended")
    world.positions = dict.fromkeys(world.databases, importer.counts.created)
    for name in others:
        begun = time.perf_counter()
        world.databases[name] = clone(loaded, world.databases[name])
        world.say(f"{name}: {importer.counts.created / (time.perf_counter() - begun):,.0f} events/s copied")


def _verdicts(events: int) -> Iterator[Any]:
    rules = DemoRules(events, SEED, LineRules(None, announce=None))
    firsts = range(1, events + 1, _PIECE)
    pieces = (Piece((first, _PIECE, clock.now()), min(_PIECE, events + 1 - first)) for first in firsts)
    return judge_here(judge_next, rules, pieces) if events < _APART else judge_apart(judge_next, rules, pieces, workers=1)


def skip_folding(database: Database) -> None:
    """Move the empty live generation to the end of the log and to the present, so that a build has something to aim at."""
    log.tick(database.engine, clock.now())
    with writing(database.engine) as connection:
        head, live = log.read_head(connection), generations.load_live(connection)
        generations.advance(connection, live, head.position, head.received_at)


def forget_standing_by(database: Database) -> None:
    """Let nothing but the live generation be kept current: these figures are about one generation."""
    table = schema.generations
    with writing(database.engine) as connection:
        live = generations.load_live(connection).generation_id
        connection.execute(update(table).where(table.c.generation_id != live).values(built_at=None))


def has_leads(database: Database) -> bool:
    """Say whether the live generation has any."""
    return lead_rows(database) > 0


def lead_rows(database: Database) -> int:
    """Return how many rows the live generation has."""
    with reading(database.engine) as connection:
        live = generations.load_live(connection).generation_id
        counted = select(func.count()).select_from(schema.leads).where(schema.leads.c.generation_id == live)
        return int(connection.execute(counted).scalar_one())


@contextmanager
def served(world: World) -> Iterator[None]:
    """Run ``serve`` on every database; each stands still unless a figure wakes it."""
    with ExitStack() as stack:
        for name, database in world.databases.items():
            sampled = world.samples(f"serve-{name}")
            server = stack.enter_context(service.serving(database, world.folder, sampled))
            world.services[name] = server
            server.drain(120)
            world.say(f"{name}: serves {lead_rows(database):,} leads")
            server.pause()
        yield
        world.services.clear()


@contextmanager
def awake(world: World, name: str) -> Iterator[Server]:
    """Let one service run for the length of a block."""
    server = world.services[name]
    server.resume()
    try:
        yield server
    finally:
        server.pause()
