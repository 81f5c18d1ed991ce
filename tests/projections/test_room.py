"""What a build leaves to those who post, and that what it builds is the same either way."""

from __future__ import annotations

import subprocess
import sys

import pytest
from sqlalchemy import Engine

from lead_events.domain.times import SECOND, Instant
from lead_events.projections import building, niced, replay
from lead_events.projections.estimating import _SILENCE
from lead_events.projections.projector import Models
from lead_events.projections.room import EVENT_SECONDS, LONGEST_SECONDS, MOST, Room, rest_for
from tests.building import build_parts
from tests.histories import START, Said
from tests.world import World

_LEADS = 12


def visit(number: int, arrival: Instant) -> Said:
    """A look at a page by one of some visitors."""
    body = {"type": "page.viewed", "anonymous_id": f"browser-{number % _LEADS}", "context": {"page": {"path": f"/{number}"}}}
    return Said(number, arrival, body)


def test_a_builder_has_the_machine_while_nobody_posts() -> None:
    """However much it worked, it rests for nobody."""
    assert rest_for(0, 10.0, 0.0, 2) == 0.0


def test_a_builder_rests_in_proportion_to_what_came() -> None:
    """Ten posts are left ten times the room of one, and more cores have more room."""
    assert rest_for(10, 1.0, 0.0, 2) == pytest.approx(10 * rest_for(1, 1.0, 0.0, 2)) == pytest.approx(10 * EVENT_SECONDS / 2)
    assert rest_for(10, 1.0, 0.0, 16) == pytest.approx(rest_for(10, 1.0, 0.0, 2) / 8)


def test_a_builder_that_was_kept_waiting_has_given_way() -> None:
    """What others took from it counts as rest, and it never owes a negative one."""
    assert rest_for(100, 1.0, 0.1, 2) == pytest.approx(rest_for(100, 1.0, 0.0, 2) - 0.1)
    assert rest_for(100, 1.0, 5.0, 2) == 0.0


def test_a_build_goes_on_under_any_load() -> None:
    """It keeps a share of its pace, and no rest is so long that its builder is taken for dead."""
    assert rest_for(1_000_000, 0.01, 0.0, 2) == pytest.approx(0.01 * MOST)
    assert rest_for(1_000_000, 100.0, 0.0, 1) == LONGEST_SECONDS < _SILENCE / SECOND / 2


def test_room_is_shared_while_the_log_grows(emptiable: Engine) -> None:
    """One post is enough to make the next piece of work a short one; without another, the one after is whole again."""
    world = World(emptiable)
    room = Room(emptiable)
    shared = [room.is_shared]
    for arriving in ([], [visit(1, START)], []):
        world.append(arriving)
        room.give()
        shared.append(room.is_shared)
    assert shared == [False, False, True, False]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_a_build_in_short_pieces_comes_to_the_same_rows(emptiable: Engine, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    """Wherever the history of a lead is cut, and whenever its builder gave way, its row is the live one."""
    world = World(emptiable)
    world.append([visit(number, START + number) for number in range(60)])
    world.catch_up()
    monkeypatch.setattr(building, "_CHUNK_EVENTS", size)
    monkeypatch.setattr(building, "_SAVE_ROWS", 1)
    generation_id = replay.begin(emptiable, 1, part_positions=5)
    build_parts(emptiable, world.vault, Models(emptiable), generation_id)
    assert world.rows(generation_id) == world.rows()
    assert len(world.rows()) == _LEADS


def test_a_builder_is_niced_before_it_imports_anything() -> None:
    """Importing takes a second of a core, so the module that nices needs none of what is imported."""
    script = "import sys, lead_events.projections.niced; print(*sorted(name for name in sys.modules if 'lead_events' in name))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert found.stdout.split() == ["lead_events", "lead_events.projections", "lead_events.projections.niced"]
    assert niced.begin.__module__ == "lead_events.projections.niced"
