"""Builds a generation beside the live one: the same fold, lead by lead, in parallel, resumable, in bounded memory.

A part is the leads founded in a range of positions. Only the keys of its events are held; their contents are read and
folded some thousand at a time. What is done stays done after a crash, and building a part twice gives the same rows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from sqlalchemy import Connection, Engine

from lead_events import clock
from lead_events.domain.events import Event
from lead_events.domain.lead import fold
from lead_events.domain.model import Model
from lead_events.domain.state import BEGINNING, Lead
from lead_events.domain.times import SECOND, Instant
from lead_events.projections.folding import refold_leads
from lead_events.projections.pages import Page
from lead_events.projections.room import Room
from lead_events.store import leads, ownership, parked, parts
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Generation
from lead_events.store.leads import LeadRow
from lead_events.store.opening import open_events, read_rows
from lead_events.store.parked import Parked
from lead_events.store.parts import Part
from lead_events.store.vault import Vault

_SAY_AFTER = SECOND // 2
_CHUNK_EVENTS = 1_000
# Some twenty milliseconds of work, which is how much later a post may be answered that comes meanwhile.
_SHORT_CHUNK_EVENTS = 200
# Some milliseconds of SQLite's one write lock at a time, and a gap between two saves: who waits for that lock asks for it
# now and then only, and would go on missing it.
_SAVE_ROWS = 100
_GAP_SECONDS = 0.005

_Key = tuple[int, Instant, int]
"""(lead, at, position)."""


@dataclass(slots=True)
class _Build:
    """One part under way."""

    generation: Generation
    model: Model
    part: Part
    skips: set[int]
    moves: dict[int, tuple[int, Instant]]
    waiting: set[int]
    merged: set[int]
    room: Room
    rows: list[LeadRow] = field(default_factory=list)
    poisoned: dict[int, tuple[int, Instant]] = field(default_factory=dict)
    folded: int = 0
    leads: int = 0

    def renew(self, connection: Connection) -> None:
        """Keep the part, and say how far it is."""
        here = replace(self.part, folded=self.folded, leads=self.leads)
        self.part = parts.renew(connection, self.generation.generation_id, here, clock.now())


@dataclass(slots=True)
class _Open:
    """The lead whose events are being read."""

    lead: Lead
    position: int = 0
    received_at: Instant = BEGINNING
    failed: bool = False


def build_part(engine: Engine, vault: Vault, generation: Generation, model: Model, part: Part) -> None:
    """Fold every lead of a part up to the generation's base checkpoint, save the rows and mark the part done.

    Raises:
        StaleGeneration: somebody else took the part meanwhile, or the build was given up.
    """
    room, upto = Room(engine), generation.base_position
    with reading(engine) as connection:
        founded = ownership.load_founded(connection, part.low, part.high, upto)
        keys: list[_Key] = ownership.read_founded(connection, founded)
        merged = {lead for lead, survivor in founded.known.survivors.items() if survivor != lead}
        moves = ownership.load_moves(connection, founded)
        part = replace(part, events=len(keys))
        build = _Build(generation, model, part, parked.load_skips(connection), moves, founded.foundings, merged, room)
    for _ in _fold_all(engine, vault, build, keys):
        _save_some(engine, build)
        _keep_lease(engine, build)
        room.give()
    _finish(engine, build, _park(engine, vault, build))


def _fold_all(engine: Engine, vault: Vault, build: _Build, keys: Sequence[_Key]) -> Iterator[None]:
    """Fold the leads of sorted keys, one after another; yields now and then, when rows may be saved."""
    current: _Open | None = None
    while build.folded < len(keys):
        size = _SHORT_CHUNK_EVENTS if build.room.is_shared else _CHUNK_EVENTS
        chunk = keys[build.folded : build.folded + size]
        for founding, events in _open_chunk(engine, vault, chunk):
            if current is None or current.lead.founding != founding:
                _close(build, current)
                current = _Open(build.model.begin(founding))
            _fold_on(build, current, events)
        build.folded += len(chunk)
        yield
    _close(build, current)
    for founding in sorted(build.waiting):
        _close(build, _Open(build.model.begin(founding)))
    yield


def _open_chunk(engine: Engine, vault: Vault, chunk: Sequence[_Key]) -> Iterator[tuple[int, list[Event]]]:
    # A transaction of its own: while one is open, SQLite cannot begin its write-ahead log anew, nor PostgreSQL clean up.
    with reading(engine) as connection:
        rows = read_rows(connection, [position for _, _, position in chunk])
        opened = {event.position: event for event in open_events(connection, vault, rows)}
    for founding, keys in groupby(chunk, _lead):
        yield founding, [opened[position] for _, _, position in keys]


def _lead(key: _Key) -> int:
    return key[0]


def _fold_on(build: _Build, current: _Open, events: Sequence[Event]) -> None:
    last = max(events, key=_position)
    if last.position > current.position:
        current.position, current.received_at = last.position, last.received_at
    if current.failed:
        return
    try:
        kept = [event for event in events if event.position not in build.skips]
        fold(current.lead, kept, build.model, BEGINNING)
    except Exception:  # noqa: BLE001 - _park folds this lead again and says which event it was
        current.failed = True


def _position(event: Event) -> int:
    return event.position


def _close(build: _Build, current: _Open | None) -> None:
    """Let time pass up to the base clock and keep the row."""
    if current is None:
        return
    founding = current.lead.founding
    build.leads += 1
    build.waiting.discard(founding)
    try:
        fold(current.lead, (), build.model, build.generation.base_clock)
    except Exception:  # noqa: BLE001 - see _fold_on
        current.failed = True
    position, received_at = max((current.position, current.received_at), build.moves.get(founding, (0, BEGINNING)))
    if current.failed:
        build.poisoned[founding] = position, received_at
        return
    emptied = current.position == 0
    updated_at, merged = max(received_at, current.lead.moved), founding in build.merged
    build.rows.append(LeadRow(current.lead, position, updated_at, emptied, parked=False, merged=merged))


def _save_some(engine: Engine, build: _Build, *, least: int = _SAVE_ROWS) -> None:
    while len(build.rows) >= least and build.rows:
        some, build.rows = build.rows[:_SAVE_ROWS], build.rows[_SAVE_ROWS:]
        encoded = leads.encode(build.generation.generation_id, build.model, some)
        with writing(engine) as connection:
            build.renew(connection)
            leads.save(connection, encoded)
        if len(build.rows) >= least:
            time.sleep(_GAP_SECONDS)


def _keep_lease(engine: Engine, build: _Build) -> None:
    """Say how far the part is when nothing of it was saved for a while: one lead may have a long history."""
    if clock.now() - (build.part.lease - parts.LEASE) > _SAY_AFTER:
        with writing(engine) as connection:
            build.renew(connection)


def _park(engine: Engine, vault: Vault, build: _Build) -> list[Parked]:
    """Fold poisoned leads the careful way, which finds the event and keeps what came before it."""
    if not build.poisoned:
        return []
    page = Page(build.generation, build.model, (), build.generation.base_position, build.generation.base_clock)
    page.skips = build.skips
    page.received = dict(build.poisoned.values())
    with reading(engine) as connection:
        folded = refold_leads(connection, vault, page, build.poisoned)
    build.rows += folded.rows
    return folded.parked


def _finish(engine: Engine, build: _Build, poisoned: list[Parked]) -> None:
    _save_some(engine, build, least=_SAVE_ROWS)
    generation_id = build.generation.generation_id
    encoded = leads.encode(generation_id, build.model, build.rows)
    with writing(engine) as connection:
        build.renew(connection)
        leads.save(connection, encoded)
        parked.save(connection, generation_id, poisoned)
        parts.finish(connection, generation_id, build.part)
