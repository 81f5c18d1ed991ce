"""A very long history is not folded again with every late event: it says that it is stale, and is whole ten seconds later."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from lead_events.domain.times import HOUR, SECOND, Instant, format_instant
from lead_events.projections import verifying
from lead_events.projections.folding import LONG_HISTORY
from lead_events.store import log
from lead_events.store.envelope import Arrival
from tests import builders
from tests.histories import START, Said
from tests.world import World

BOT = "a-bot"


def view(number: int, at: Instant, arrival: Instant) -> Said:
    """A page view of the bot."""
    body = builders.make_event("page.viewed", event_id=f"e-{number}", anonymous_id=BOT, occurred_at=format_instant(at))
    return Said(number, arrival, body)


def row_of(world: World) -> dict[str, Any]:
    """The only row there is."""
    (row,) = world.rows()
    return row


def events_of(world: World) -> int:
    """How many events the row has folded."""
    return int(orjson.loads(row_of(world)["state"])["events"])


@pytest.fixture
def world(emptiable: Engine) -> World:
    """A bot with more events than are folded again at once, all of them taken in."""
    world = World(emptiable)
    first = view(0, START, START).admitted()
    events = [Arrival(1, replace(first, event_id=f"e-{n}", at=START + n), START + n) for n in range(LONG_HISTORY + 1)]
    for start in range(0, len(events), 5_000):
        log.append(world.engine, world.vault, events[start : start + 5_000])
    world.clock = START + HOUR
    world.tick(world.clock)
    world.catch_up()
    return world


def say_late(world: World, number: int, after: Instant) -> None:
    """Let an event arrive that happened before all others."""
    world.append([view(number, START - number * SECOND, world.clock + after)])
    world.catch_up()


def test_a_long_history_is_folded_again_once_in_ten_seconds(world: World) -> None:
    """The first late event is taken in at once, the next ones wait together, and the row moves behind every bookmark."""
    whole = events_of(world)
    say_late(world, 100_000, SECOND)
    assert (events_of(world), row_of(world)["stale_since"]) == (whole + 1, None)
    say_late(world, 100_001, SECOND)
    say_late(world, 100_002, SECOND)
    stale = row_of(world)
    assert (events_of(world), stale["stale_since"], stale["due_at"]) == (whole + 1, world.clock - SECOND, None)
    assert verifying.verify_leads(world.engine, world.vault).mismatches == []
    world.tick(world.clock + 7 * SECOND)
    world.catch_up()
    assert row_of(world)["stale_since"] is not None
    world.tick(world.clock + 2 * SECOND)
    world.catch_up()
    assert (events_of(world), row_of(world)["stale_since"]) == (whole + 3, None)
    assert row_of(world)["updated_at"] > stale["updated_at"]
    assert verifying.verify_leads(world.engine, world.vault).mismatches == []


def test_in_order_a_long_history_is_only_appended_to(world: World) -> None:
    """An event after all others costs its page and no more, stale or not before."""
    whole = events_of(world)
    world.append([view(200_000, world.clock, world.clock + SECOND)])
    world.catch_up()
    assert (events_of(world), row_of(world)["refolded_at"]) == (whole + 1, None)
