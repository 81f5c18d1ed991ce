"""A back-test through real databases: however the log is cut into parts and chunks, and whatever cannot be judged."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, insert

from lead_events.domain.backtest import Backtest
from lead_events.domain.times import DAY, MINUTE
from lead_events.projections import backtesting
from lead_events.store import erasing, schema
from lead_events.store.engine import writing
from lead_events.store.erasing import Request
from tests.histories import MODEL, say
from tests.projections.poison import spoil
from tests.world import World

NAMES = [f"u{number}" for number in range(6)]


@pytest.fixture
def world(emptiable: Engine) -> World:
    """Six leads with a file and a name each, of whom every other buys; a visitor whom nobody knows."""
    world = World(emptiable)
    events: list[Any] = [say(0, 0, anonymous_id="nobody")]
    for place, name in enumerate(NAMES):
        events += [
            say(10 * place + 1, place + 1, "file.downloaded", anonymous_id=name),
            say(10 * place + 2, place + 20, "lead.identified", anonymous_id=name, user_id=name, traits={"city": "Riga"}),
        ]
        if place % 2:
            events.append(say(10 * place + 3, place + 40, "deal.won", user_id=name))
    world.append(sorted(events, key=lambda one: one.arrival))
    world.tick(world.clock + DAY)
    world.catch_up()
    return world


def tried(world: World, **options: Any) -> Backtest:
    """Try the model of the histories twice, side by side."""
    documents = {"one": MODEL, "two": MODEL}
    return backtesting.run(world.engine, world.vault, documents, outcome="deal.won", **options)


def test_parts_and_chunks_leave_no_trace(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """One lead at a time or all at once: the same report, twice the same for the same model; all progress is told."""
    whole = tried(world)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(backtesting, "_PART_POSITIONS", 3)
    monkeypatch.setattr(backtesting, "_CHUNK_EVENTS", 1)
    assert tried(world, advance=lambda done, total: told.append((done, total))) == whole
    assert {total for _, total in told} == {sum(done for done, _ in told)}
    assert (whole.report.leads, whole.report.with_outcome, whole.left_out.strangers) == (6, 3, 1)
    one, two = ([each[1:] for each in whole.report.definitions if each.model == label] for label in ("one", "two"))
    assert one == two


def test_a_lead_that_cannot_be_read_is_left_out_and_counted(world: World) -> None:
    """The others are judged."""
    before = tried(world)
    spoil(world, schema.sealed, "bytes", schema.sealed.c.position == 8)
    after = tried(world)
    assert (after.report.leads, after.left_out.unreadable) == (before.report.leads - 1, 1)


def test_an_event_that_an_operator_left_out_does_not_count(world: World) -> None:
    """A deal that was skipped was never won."""
    before = tried(world).report.with_outcome
    with writing(world.engine) as connection:
        connection.execute(insert(schema.skips), {"position": 14, "reason": "test", "created_at": world.clock})
    assert tried(world).report.with_outcome == before - 1


def test_an_erased_lead_is_left_out_and_counted(world: World) -> None:
    """Nothing is left to judge it by."""
    world.clock += MINUTE
    founding = int(world.rows()[1]["founding"])
    erasing.erase(world.engine, world.vault, Request(founding, 1, "test", world.clock))
    after = tried(world)
    assert (after.report.leads, after.left_out.erased) == (5, 1)
