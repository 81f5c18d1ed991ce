"""Poison parks one lead: the others move on, later events are counted, and mending makes as if nothing had been."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select, update

from lead_events.projections import projector
from lead_events.store import parked, schema
from lead_events.store.engine import reading, writing
from tests.histories import say
from tests.projections.poison import mend, spoil
from tests.world import World


@pytest.fixture
def world(emptiable: Engine) -> World:
    """Anna and Boris, two events each; Anna's second cannot be read."""
    world = World(emptiable)
    world.append([
        say(0, 0, "file.downloaded", anonymous_id="a", user_id="anna"),
        say(1, 1, "file.downloaded", anonymous_id="b", user_id="boris"),
        say(2, 2, anonymous_id="a", user_id="anna", traits={"city": "Riga"}),
        say(3, 3, anonymous_id="b", user_id="boris", traits={"city": "Oslo"}),
    ])  # fmt: skip
    return world


def waiting(world: World) -> list[parked.Parked]:
    """The parked leads of the live generation."""
    with reading(world.engine) as connection:
        return parked.load_all(connection, world.live)


def content(row: dict[str, Any]) -> dict[str, Any]:
    """A row without its bookmark."""
    return {name: value for name, value in row.items() if name != "updated_at"}


def test_poison_parks_one_lead_and_mending_heals_it(world: World) -> None:
    """Planted, seen parked alone, later events counted, mended, retried: equal to never poisoned, and newer."""
    spoilt = spoil(world, schema.sealed, "bytes", schema.sealed.c.position == 3)
    world.catch_up(1)
    anna, boris = world.rows()
    assert [(lead.founding, lead.position, lead.tries) for lead in waiting(world)] == [(1, 3, 1)]
    assert "InvalidTag" in waiting(world)[0].error
    assert (anna["parked"], anna["due_at"], boris["parked"]) == (True, None, False)
    assert orjson.loads(boris["state"])["traits"]["city"][0] == "Oslo"
    assert orjson.loads(anna["state"])["events"] == 1

    world.append([say(4, 4, anonymous_id="a", user_id="anna"), say(5, 5, anonymous_id="b", user_id="boris")])
    world.catch_up(1)
    anna, boris = world.rows()
    assert (anna["position"], orjson.loads(anna["state"])["events"]) == (5, 1)
    assert orjson.loads(boris["state"])["events"] == 3

    mend(world, "bytes", *spoilt)
    bookmark = max(row["updated_at"] for row in world.rows())
    projector.refold(world.engine, world.vault, world.live, world.model, [1])
    healed = world.rows()
    assert waiting(world) == []
    assert healed[0]["updated_at"] > bookmark
    world.catch_up()
    healed = world.rows()
    world.rebuild()
    assert list(map(content, healed)) == list(map(content, world.rows()))


def test_a_retry_in_vain_is_counted(world: World) -> None:
    """What is still poisoned stays parked, and says how often it was tried."""
    spoil(world, schema.sealed, "bytes", schema.sealed.c.position == 3)
    world.catch_up()
    for tries in (2, 3):
        projector.refold(world.engine, world.vault, world.live, world.model, [1])
        assert [(lead.founding, lead.position, lead.tries) for lead in waiting(world)] == [(1, 3, tries)]
    assert [row["parked"] for row in world.rows()] == [True, False]


@pytest.mark.parametrize("page", [1, 50])
def test_a_broken_identifier_parks_only_its_lead(world: World, page: int) -> None:
    """A pseudonym whose value does not open stops nobody else, however many share the page."""
    with reading(world.engine) as connection:
        refs = connection.execute(select(schema.events.c.subject).where(schema.events.c.position == 1)).scalar_one()
    spoil(world, schema.refs, "sealed_value", schema.refs.c.ref == refs)
    world.catch_up(page)
    assert [lead.founding for lead in waiting(world)] == [1]
    assert [orjson.loads(row["state"])["events"] for row in world.rows()] == [0, 2]


def test_a_broken_key_parks_only_its_lead(world: World) -> None:
    """A data key that does not unwrap is that person's trouble."""
    with reading(world.engine) as connection:
        subject = connection.execute(select(schema.events.c.subject).where(schema.events.c.position == 3)).scalar_one()
    spoil(world, schema.keys, "wrapped_key", schema.keys.c.ref == subject)
    world.catch_up()
    assert [lead.founding for lead in waiting(world)] == [1]


def test_a_broken_body_parks_only_its_lead(world: World) -> None:
    """A body that is no JSON any more is found, named and left out of nothing else."""
    with writing(world.engine) as connection:
        connection.execute(update(schema.events).where(schema.events.c.position == 3).values(body="{"))
    world.catch_up()
    assert [(lead.founding, lead.position) for lead in waiting(world)] == [(1, 3)]


def test_an_event_left_out_on_purpose(world: World) -> None:
    """An operator may skip the event that cannot be mended: the lead goes on without it, live and replayed."""
    spoil(world, schema.sealed, "bytes", schema.sealed.c.position == 3)
    world.catch_up()
    with writing(world.engine) as connection:
        parked.skip(connection, 3, "cannot be mended", world.clock)
    projector.refold(world.engine, world.vault, world.live, world.model, [1])
    live = world.rows()
    assert waiting(world) == []
    assert (live[0]["position"], orjson.loads(live[0]["state"])["events"]) == (3, 1)
    world.catch_up()
    live = world.rows()
    world.rebuild()
    assert list(map(content, live)) == list(map(content, world.rows()))


def test_identity_is_never_parked(world: World) -> None:
    """Who is who is decided from the envelope alone: a poisoned event still claims its browser."""
    spoil(world, schema.sealed, "bytes", schema.sealed.c.position == 3)
    world.append([say(4, 4, anonymous_id="a")])
    world.catch_up(1)
    assert [row["position"] for row in world.rows()] == [5, 4]


def test_a_retry_beats_a_step_that_was_read_before_it(world: World) -> None:
    """A page that was read while the lead was parked cannot be saved over the healed lead."""
    spoilt = spoil(world, schema.sealed, "bytes", schema.sealed.c.position == 3)
    world.catch_up()
    world.append([say(4, 4, anonymous_id="a", user_id="anna")])
    page, folded = world.read_step()
    mend(world, "bytes", *spoilt)
    projector.refold(world.engine, world.vault, world.live, world.model, [1])
    assert world.save_step(page, folded) is False
    world.catch_up()
    assert waiting(world) == []
    assert [row["parked"] for row in world.rows()] == [False, False]
