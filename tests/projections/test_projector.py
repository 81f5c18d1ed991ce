"""What the projector promises in single stories: true instants, ticks, repeats, crashes, and one fold for every order."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, event, select

from lead_events.domain.decay import cooling_instant
from lead_events.domain.times import DAY, HOUR, MINUTE, Instant, format_instant
from lead_events.projections import projector
from lead_events.store import generations, identity, leads, log, schema
from lead_events.store.engine import reading
from tests import builders
from tests.histories import START, Said, say
from tests.world import World, dying


@pytest.fixture
def world(emptiable: Engine) -> World:
    """An empty log under the short model."""
    return World(emptiable)


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    """Collect the statements that are sent inside a block."""
    statements: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", listen)
    yield statements
    event.remove(engine, "before_cursor_execute", listen)


def only(world: World) -> dict[str, object]:
    """The only lead there is."""
    (row,) = world.rows()
    return row


def history(row: dict[str, object]) -> list[list[object]]:
    """Stage moves of a row."""
    moves: list[list[object]] = orjson.loads(str(row["state"]))["history"]
    return moves


def test_an_event_becomes_a_lead(world: World) -> None:
    """One event, one row, with the event's position and receipt."""
    world.append([say(0, 0)])
    assert world.step() == projector.Step(1, 1, 1, START)
    row = only(world)
    assert (row["founding"], row["position"], row["updated_at"], row["stage"]) == (1, 1, START, "visitor")
    assert world.step() is None


def test_time_moves_at_its_true_instant_however_late_the_projector(world: World) -> None:
    """A score that cooled three days ago is recorded as of then, and ``updated_at`` says so."""
    email: dict[str, Any] = {"traits": {"email": "anna@firm.example"}}
    world.append([say(0, 0, "lead.identified", **email), say(1, 0, "file.downloaded", **email)])
    world.catch_up()
    assert only(world)["stage"] == "mql"
    world.tick(START + 9 * DAY)
    world.catch_up()
    cools = cooling_instant(30.0, START, 25.0, 12 * HOUR)
    assert cools is not None
    row = only(world)
    assert history(row)[-1] == [cools + DAY, "lead", "cooled", None]
    assert row["updated_at"] == cools + DAY
    assert row["position"] == 2
    assert row["due_at"] is None


def test_a_row_waits_for_its_instant(world: World) -> None:
    """One microsecond before the due instant nothing moves, at it everything does."""
    email: dict[str, Any] = {"traits": {"email": "anna@firm.example"}}
    world.append([say(0, 0, "file.downloaded", **email)])
    world.catch_up()
    due = only(world)["due_at"]
    assert isinstance(due, int)
    before = world.rows()
    world.tick(due - 1)
    world.catch_up()
    assert world.rows() == before
    world.tick(due)
    world.catch_up()
    assert world.rows() != before
    assert only(world)["updated_at"] == due


def test_a_tick_takes_no_position_and_bounds_receipts(world: World) -> None:
    """After a tick no event is received at or before it, whatever its arrival says."""
    world.append([say(0, 0)])
    world.tick(START + DAY)
    world.append([say(1, 5)])
    with reading(world.engine) as connection:
        rows = log.read(connection, 0, 9)
    assert [(row.position, row.received_at) for row in rows] == [(1, START), (2, START + DAY + 1)]
    assert rows[1].at == START + 5 * MINUTE


def test_a_clock_never_goes_back(world: World) -> None:
    """A tick into the past does nothing."""
    world.append([say(0, 10)])
    log.tick(world.engine, START)
    with reading(world.engine) as connection:
        assert log.read_head(connection).received_at == START + 10 * MINUTE


def test_receipts_strictly_increase(world: World) -> None:
    """Arrivals of one instant, or of a clock that was set back, are a microsecond apart."""
    world.append([say(0, 10), say(1, 10), say(2, 0)])
    with reading(world.engine) as connection:
        received: list[Instant] = [row.received_at for row in log.read(connection, 0, 9)]
    assert received == [START + 10 * MINUTE + n for n in range(3)]


def test_duplicates_change_nothing(world: World) -> None:
    """The same event again, in the same batch or later, is no event."""
    one = say(0, 0)
    outcomes = world.append([one, one])
    assert [outcome.kept for outcome in outcomes] == [log.Kept.CREATED, log.Kept.DUPLICATE]
    world.catch_up()
    rows = world.rows()
    assert [outcome.kept for outcome in world.append([one])] == [log.Kept.DUPLICATE]
    world.catch_up()
    assert world.rows() == rows


@pytest.mark.parametrize("transaction", [1, 2])
def test_a_death_before_a_commit_loses_and_repeats_nothing(world: World, transaction: int) -> None:
    """Whether identity or the step was about to be committed, the next projector does the same work once."""
    world.append([say(n, n, anonymous_id="w", user_id="u") for n in range(4)])
    with dying(world.engine, transaction):
        world.step()
    with reading(world.engine) as connection:
        assert generations.load(connection, world.live).position == 0
        assert identity.read_checkpoint(connection) == (0 if transaction == 1 else 4)
    world.catch_up()
    assert orjson.loads(str(only(world)["state"]))["events"] == 4


def test_a_late_event_is_folded_where_it_belongs(world: World) -> None:
    """An event from before the last time move is not appended behind it: the lead is as if it had come in time."""
    email: dict[str, Any] = {"traits": {"email": "anna@firm.example"}}
    world.append([say(0, 0, "file.downloaded", **email)])
    world.tick(START + 2 * DAY)
    world.catch_up()
    world.append([say(1, 4_000, "form.submitted", late=3_900, properties={"form_id": "f"}, **email)])
    world.catch_up()
    row = only(world)
    assert row["position"] == 2
    world.rebuild()
    assert only(world) == row


def test_a_claim_empties_the_visitor(world: World) -> None:
    """The visitor's row stays, empty, when a known person turns out to have been behind it."""
    world.append(
        [say(0, 0, anonymous_id=None, user_id="u"), say(1, 1, anonymous_id="w"), say(2, 2, anonymous_id="w", user_id="u")]
    )
    for _ in range(3):
        world.step(1)
    rows = {row["founding"]: row for row in world.rows()}
    assert {founding: row["emptied"] for founding, row in rows.items()} == {1: False, 2: True}
    assert [row["position"] for row in rows.values()] == [3, 3]
    assert orjson.loads(str(rows[1]["state"]))["events"] == 3
    assert orjson.loads(str(rows[2]["state"]))["events"] == 0


def test_events_about_nobody_pass(world: World) -> None:
    """Spend makes no lead and stops no page."""
    spend = builders.make_event("spend.recorded", occurred_at=format_instant(START), event_id="s")
    world.append([Said(0, START, spend), say(1, 1)])
    world.catch_up()
    assert [row["founding"] for row in world.rows()] == [2]


def test_more_due_leads_than_fit_one_step(emptiable: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """When very many leads are due, time goes first, in portions, and the result is the same."""
    from lead_events.projections import pages

    world = World(emptiable)
    told = [say(n, n % 5, "file.downloaded", anonymous_id=f"w{n}", user_id=f"u{n}") for n in range(24)]
    told += [say(99, 9_000, anonymous_id="w3"), say(100, 9_000, anonymous_id="late")]
    world.append(told[:24])
    world.catch_up()
    monkeypatch.setattr(pages, "DUE_LEADS", 5)
    world.append(told[24:])
    steps = []
    while (step := world.step(2)) is not None:
        steps.append(step)
    assert any(step.events == 0 and step.leads >= 5 for step in steps)
    live = world.rows()
    monkeypatch.undo()
    world.rebuild()
    assert world.rows() == live


def test_statements_of_a_step_do_not_grow_with_the_page(world: World) -> None:
    """Five leads or fifty: the same number of statements."""
    counts = []
    for batch in (range(5), range(5, 55)):
        world.append([say(n, n, anonymous_id=f"w{n}", user_id=f"u{n}") for n in batch])
        with counting(world.engine) as statements:
            world.step()
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_two_generations_share_identity_and_nothing_else(world: World) -> None:
    """A second generation folds from the beginning while the first stands still."""
    world.append([say(n, n * 30, anonymous_id="w", user_id="u") for n in range(6)])
    world.catch_up(2)
    other = world.another()
    while projector.step(world.engine, world.vault, other, world.model, 4) is not None:
        pass
    assert world.rows(other) == world.rows()


def test_rows_hold_what_lists_are_asked_by(world: World) -> None:
    """Columns repeat the state: contact, owner, stage, search text, definitions met, ranks."""
    world.append([
        say(0, 0, "file.downloaded", traits={"email": "anna@firm.example", "company": "Firm"}),
        say(1, 1, "lead.assigned", owner="boris", properties={"owner": "boris"}),
    ])  # fmt: skip
    world.catch_up()
    row = only(world)
    assert (row["contact"], row["owner"], row["met"], row["temperature"]) == (True, "boris", 1, "hot")
    assert row["search"] == "anna@firm.example\nfirm"
    with reading(world.engine) as connection:
        assert connection.execute(select(schema.leads.c.rank_1)).scalar_one() == row["rank_1"]
        assert leads.load_due(connection, world.live, START + 30 * DAY, 9) == [(row["due_at"], 1)]
