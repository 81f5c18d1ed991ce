"""Erasure through real databases: what it leaves is a function of the log alone, and others lose nothing."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from lead_events.domain.times import MINUTE, format_instant
from lead_events.store import erasing, schema
from lead_events.store.engine import reading
from lead_events.store.erasing import Request
from lead_events.store.log import Kept
from lead_events.store.verify import verify_log
from tests import builders
from tests.histories import START, Said, logs
from tests.projections.examples import pages, some
from tests.world import World


def state_of(row: dict[str, Any]) -> dict[str, Any]:
    """What a row remembers."""
    found: dict[str, Any] = orjson.loads(row["state"])
    return found


@given(said=logs(), cut=st.integers(1, 15), place=st.integers(0, 9), again=st.integers(0, 9), page=pages)
@some(0.4)
def test_rows_after_erasures_are_those_of_a_replay(
    emptiable: Engine, said: list[Said], cut: int, place: int, again: int, page: int
) -> None:
    """Live, which knew the person, equals a replay that never could; late events and later visits included."""
    world = World(emptiable)
    world.append(said[:cut])
    world.catch_up(page)
    world.erase(place)
    world.append([Said(one.number, max(one.arrival, world.clock + MINUTE), one.body) for one in said[cut:]])
    world.catch_up(page)
    world.erase(again)
    world.catch_up(page)
    live = world.rows()
    world.rebuild(page)
    assert world.rows() == live
    assert verify_log(world.engine, world.vault) == []


@given(said=logs(), place=st.integers(0, 9))
@some(0.4)
def test_an_erasure_touches_nobody_who_never_named_the_person(emptiable: Engine, said: list[Said], place: int) -> None:
    """Nothing is left of the one; of the others, only those may change whose own events named the one."""
    world = World(emptiable)
    world.append(said)
    world.catch_up()
    before = {row["founding"]: row for row in world.rows()}
    gone = world.erase(place)
    assert gone is not None
    world.step()
    after = {row["founding"]: row for row in world.rows()}
    left = state_of(after.pop(gone))
    assert (left["traits"], left["user_id"], left["crm_ids"], left["sessions"], left["history"]) == ({}, None, {}, {}, [])
    touched = {founding for founding, row in after.items() if row["updated_at"] == world.clock}
    assert touched <= _candidates(world, gone)
    for founding in after.keys() - touched:
        row = before[founding]
        due = row["due_at"] is not None and row["due_at"] <= world.clock  # within that minute time passed an instant of its own
        if after[founding]["updated_at"] == row["updated_at"] and not due:
            assert after[founding] == before[founding]


def _candidates(world: World, founding: int) -> set[int]:
    table = schema.candidates
    with reading(world.engine) as connection:
        pairs = connection.execute(select(table.c.one, table.c.two)).all()
    return {lead for pair in pairs if founding in pair for lead in pair} - {founding}


@given(said=logs(), place=st.integers(0, 9))
@some(0.3)
def test_what_is_sent_again_after_an_erasure_brings_nothing_back(emptiable: Engine, said: list[Said], place: int) -> None:
    """The whole history once more, under the same ids and under new ones: nothing of the erased person is stored."""
    world = World(emptiable)
    world.append(said)
    world.catch_up()
    owners = {row["founding"] for row in world.rows() if not row["emptied"]}
    assume(owners)
    gone = world.erase(place)
    world.catch_up()
    stored = _refs(world)
    for outcome in world.append(said):
        assert outcome.kept in {Kept.DUPLICATE, Kept.ERASED}
    assert _refs(world) == stored
    world.catch_up()
    assert next(row for row in world.rows() if row["founding"] == gone)["search"] == ""


def _refs(world: World) -> set[bytes]:
    with reading(world.engine) as connection:
        return set(connection.execute(select(schema.refs.c.blind)).scalars())


def test_equal_instants_on_a_shared_browser_are_told_apart(emptiable: Engine) -> None:
    """Two people claim a browser at one instant: erasing one of them leaves what the other did then, and the log verifies."""
    world = World(emptiable)
    at = {"occurred_at": format_instant(START), "properties": {}}
    told = [
        builders.make_event("page.viewed", event_id="e-1", anonymous_id="w2", traits={"staff": 3}, **at),
        builders.make_event("page.viewed", event_id="e-2", anonymous_id="w2", user_id="u1", **at),
        builders.make_event("page.viewed", event_id="e-3", anonymous_id="w2", user_id="u2", **at),
    ]
    world.append([Said(number, START + MINUTE, body) for number, body in enumerate(told)])
    world.catch_up()
    one, two = (row["founding"] for row in world.rows())
    erasing.erase(world.engine, world.vault, Request(two, 1, "test", world.clock + MINUTE))
    world.catch_up()
    assert verify_log(world.engine, world.vault) == []
    kept = state_of(next(row for row in world.rows() if row["founding"] == one))
    assert (kept["events"], kept["traits"]["staff"][0]) == (2, 3)
