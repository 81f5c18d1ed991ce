"""What a worker does about generations beside the live one: after an upgrade, and when a rollback window has ended."""

from __future__ import annotations

from sqlalchemy import Engine, func, select, update

from lead_events import clock
from lead_events.domain.lead import FOLD_REVISION
from lead_events.store import generations, schema
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Status
from tests.histories import START, Said
from tests.projections.housekeeping import keep_house, load_all
from tests.world import World

EARLIER_REVISION = FOLD_REVISION - 1


def upgraded(engine: Engine) -> World:
    """Fold some leads, then pretend that an earlier version of the code did."""
    world = World(engine)
    world.append(
        [
            Said(number, START + number, {"type": "page.viewed", "anonymous_id": f"w{number}", "event_id": f"e{number}"})
            for number in range(30)
        ]
    )
    while world.step() is not None:
        pass
    with writing(engine) as connection:
        connection.execute(update(schema.generations).values(fold_revision=EARLIER_REVISION))
    return world


def test_an_upgrade_that_changes_no_lead_promotes_its_rebuild_by_itself(emptiable: Engine) -> None:
    """The generation of the earlier revision is replaced by one of this revision, with the same model."""
    world = upgraded(emptiable)
    keep_house(world)
    old, new = load_all(world)
    assert (old.status, new.status) == (Status.RETIRED, Status.LIVE)
    assert (new.fold_revision, new.model_number) == (FOLD_REVISION, old.model_number)


def test_an_upgrade_that_changes_a_lead_waits_for_an_operator(emptiable: Engine) -> None:
    """The old generation serves on, the new one is ready and tells the difference."""
    world = upgraded(emptiable)
    with writing(world.engine) as connection:
        table = schema.leads
        changed = func.replace(table.c.state, '"stage":"visitor"', '"stage":"lead"')
        connection.execute(update(table).where(table.c.founding == 1).values(state=changed, stage="lead"))
    keep_house(world)
    keep_house(world)
    old, new = load_all(world)
    assert (old.status, new.status) == (Status.LIVE, Status.READY)
    assert new.difference is not None
    assert '"different":1' in new.difference


def test_a_generation_whose_window_has_ended_is_dropped_in_small_steps(emptiable: Engine) -> None:
    """Its rows go, a bounded number at a time; it is no longer kept current, and the live one keeps its own."""
    world = upgraded(emptiable)
    keep_house(world)
    with writing(world.engine) as connection:
        retired = schema.generations.c.status == Status.RETIRED
        connection.execute(update(schema.generations).where(retired).values(current_until=clock.now() - 1))
        assert generations.drop_some(connection, world.live, 7) == 7
    keep_house(world)
    with reading(world.engine) as connection:
        column = schema.leads.c.generation_id
        left = [tuple(row) for row in connection.execute(select(column, func.count()).group_by(column))]
        assert left == [(world.live + 1, 30)]
        assert generations.load_standing_by(connection) == []
