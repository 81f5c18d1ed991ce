"""Figure: whether the cost of an event stays the same from a tenth of the history to all of it."""

from __future__ import annotations

from dataclasses import replace

from bench import apart, databases, previewing, replaying, world
from bench.databases import Database
from bench.table import Row, microseconds
from bench.world import World
from lead_events.projections import promotion
from lead_events.projections.projector import Models
from lead_events.store import generations
from lead_events.store.engine import reading
from lead_events.store.generations import Status

_ASKED = 1.25
_KINDS = {"points": "other points", "threshold": "another threshold", "other": "another model"}
_NOTE = (
    "Processor time of an event, at all of the history divided by at a history of a tenth of the events over the same months, "
    "which has a database of its own; of a preview it is the time behind its first report, which is of a sample; "
    "what is above 1 grows faster than the log, what is below has a part that does not grow; "
    "below 65,536 events the ledger holds nothing yet, and a preview reads the log."
)


def run(given: World) -> list[Row]:
    """Build a tenth on a fresh database of the first kind and hold it against what was measured of the whole there.

    Raises:
        RuntimeError: the whole was not measured.
    """
    name = next(iter(given.databases))
    if not any((kind, name) in given.cpu for kind in _KINDS):
        raise RuntimeError("no preview of the whole history was measured")
    with databases.opened([name], given.folder) as opened:
        plan = replace(given.plan, events=given.plan.events // 10)
        small = World(plan, given.folder, opened, budget=given.budget, begun=given.begun)
        world.load_history(small)
        return [_row(given, small, opened[name])]


def _row(given: World, small: World, database: Database) -> Row:
    _make_live(small, database)
    apart.preview(small, database, "ledger")
    for kind in _KINDS:
        small.cpu[kind, database.name] = previewing.cost(apart.preview(small, database, kind))
    return _compare(given, small, database.name)


def _make_live(small: World, database: Database) -> None:
    """Fold all of the history into the live generation, as the whole one was."""
    world.skip_folding(database)
    replaying.rebuild(small, database)
    with reading(database.engine) as connection:
        ready = next(each for each in generations.load_all(connection) if each.status is Status.READY)
    promotion.promote(database.engine, database.vault, ready.generation_id, Models(database.engine))


def _compare(given: World, small: World, name: str) -> Row:
    pairs = {
        words: (small.cpu[kind, name], given.cpu[kind, name])
        for kind, words in _KINDS.items()
        if (kind, name) in small.cpu and (kind, name) in given.cpu
    }
    ratios = {words: after / before for words, (before, after) in pairs.items()}
    return Row(
        figure=f"preview's cost of an event, {small.positions[name]:,} to {given.positions[name]:,} events",
        database=name,
        value=", ".join(f"{words} {ratio:.2f} ×" for words, ratio in ratios.items()),
        ratio=f"{max(ratios.values()):.2f} × at most",
        cpu="; ".join(f"{microseconds(before)} to {microseconds(after)}" for before, after in pairs.values()),
        asked=f"grows linearly: ≤ {_ASKED} ×",
        reached=max(ratios.values()) <= _ASKED,
        note=_NOTE,
        raw={"seconds_before_and_after": pairs},
    )
