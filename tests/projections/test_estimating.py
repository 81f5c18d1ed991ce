"""How long a build will still take, told from how far it is: no clock, no database, the same answer every time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from lead_events.projections.estimating import (
    CATCHING_UP,
    CATCHING_UP_AT_MOST,
    COMPARING_A_LEAD,
    COMPARING_AT_MOST,
    LEAD,
    estimate,
)
from lead_events.store.generations import Generation, Status
from lead_events.store.parts import LEASE, Progress, Work

SECOND = 1_000_000
BEGUN = 1_000 * SECOND
A_MILLISECOND = 1_000
"""What folding one event takes in these stories, microseconds."""
COMPARING = min(COMPARING_A_LEAD, COMPARING_AT_MOST / A_MILLISECOND)
"""What comparing a lead takes, milliseconds."""
STEPPING = min(CATCHING_UP, CATCHING_UP_AT_MOST / A_MILLISECOND)
"""What an event takes in a step, milliseconds."""


def generation(events: int) -> Generation:
    """A generation that is built from so many events, asked for long ago."""
    return Generation(2, 1, 1, 1, Status.BUILDING, 0, 0, 0, None, events, 0, None, None, None, None, None)


def part(number: int, begun: int, *, events: int = 1_000, folded: int | None = None) -> Work:
    """The work on one part, one event a millisecond."""
    folded = events if folded is None else folded
    return Work(events, folded, begun, begun + folded * A_MILLISECOND)


def test_nothing_is_told_while_processes_start() -> None:
    """Before the first event is folded there is no rate, and starting up is never part of one."""
    found = estimate(generation(9_000), Progress(9, 0, 0, 0), BEGUN)
    assert (found.share, found.events_per_second, found.seconds_left) == (0.0, 0.0, None)


def test_two_builders_take_half_the_time() -> None:
    """Four of twelve parts are done and two are half done: seven seconds of work are left for two."""
    finished = [part(n, BEGUN + n // 2 * SECOND) for n in range(4)]
    under_way = tuple(part(n, BEGUN + 2 * SECOND, folded=500) for n in range(2))
    progress = Progress(12, 4, 5_000, 0, (), under_way, tuple(finished[::-1]))
    found = estimate(generation(12_000), progress, BEGUN + 2_500_000)
    assert found.share == pytest.approx(5 / 12)
    assert found.events_per_second == pytest.approx(2_000)
    assert found.seconds_left == pytest.approx(3.5)


def test_an_hour_in_which_nobody_built_is_not_counted() -> None:
    """What is told after a resume is what would have been told without the pause."""
    progress = Progress(12, 4, 4_500, 0, (), (part(5, BEGUN + 3_600 * SECOND, folded=500),), (part(4, BEGUN),))
    resumed = estimate(generation(12_000), progress, BEGUN + 3_600 * SECOND + 500_000)
    without = Progress(12, 4, 4_500, 0, (), (part(5, BEGUN + SECOND, folded=500),), (part(4, BEGUN),))
    went_on = estimate(generation(12_000), without, BEGUN + SECOND + 500_000)
    assert resumed.seconds_left == pytest.approx(went_on.seconds_left or 0.0)
    assert resumed.seconds_left == pytest.approx(7.5)


def test_one_long_part_is_not_folded_by_two() -> None:
    """A lead with a history of nine seconds takes nine seconds, however many builders have nothing to do."""
    progress = Progress(2, 1, 2_000, 0, (), (part(1, BEGUN, events=10_000, folded=1_000),), (part(0, BEGUN),), 0)
    assert estimate(generation(11_000), progress, BEGUN + SECOND).seconds_left == pytest.approx(9.0)


def test_between_two_readings_the_time_that_is_left_runs_down() -> None:
    """A builder says now and then how far it is; what it has done since is not told twice."""
    progress = Progress(1, 0, 1_000, 0, (), (part(0, BEGUN, events=5_000, folded=1_000),), (), 0)
    first = estimate(generation(5_000), progress, BEGUN + SECOND)
    later = estimate(generation(5_000), progress, BEGUN + 2 * SECOND)
    assert (first.seconds_left or 0.0) - (later.seconds_left or 0.0) == pytest.approx(1.0)


def test_what_a_dead_builder_left_waits_for_its_lease_and_is_done_again() -> None:
    """Its part is free when its lease has ended; nothing it folded counts."""
    dead, now = part(0, BEGUN, folded=900), BEGUN + 10 * SECOND
    progress = Progress(2, 1, 1_900, 0, (), (dead,), (part(1, BEGUN),), 0)
    lease = (dead.said_at + LEASE - now) / SECOND
    assert estimate(generation(2_000), progress, now).seconds_left == pytest.approx(lease + 1.0)


def test_catching_up_and_comparing_are_counted() -> None:
    """When all is folded, the events that came meanwhile and the leads not yet compared are what is left."""
    ended = part(0, BEGUN, events=2_000)
    progress = Progress(1, 1, 2_000, 1_000, (), (), (ended,), 500, founded=1_000)
    found = estimate(generation(2_000), progress, BEGUN + 2_100_000)
    assert found.share == 1.0
    assert found.seconds_left == pytest.approx((500 * STEPPING + 1_000 * COMPARING) / 1_000 - 0.1)


def test_rests_of_builders_do_not_slow_down_what_never_rests() -> None:
    """Who built a part nine tenths of whose time was rest will fold the next ones as slowly, and catch up as fast as ever."""
    rested = Work(1_000, 1_000, BEGUN, BEGUN + 10 * SECOND)
    progress = Progress(2, 1, 1_000, 0, (), (Work(1_000, 0, rested.said_at, rested.said_at),), (rested,), 5_000)
    found = estimate(generation(2_000), progress, rested.said_at)
    assert found.seconds_left == pytest.approx(10 + 5_000 * CATCHING_UP_AT_MOST / SECOND)


def test_a_comparison_shows_its_own_pace() -> None:
    """It may be slower or faster than folding was, for nobody niced it: 100 leads a second here, of which 200 are left."""
    now = BEGUN + 10 * SECOND
    compared = ((now - 2 * SECOND, 600), (now - SECOND, 100), (now, 100))
    progress = Progress(1, 1, 2_000, 1_000, compared, (), (part(0, BEGUN, events=2_000),), 0)
    assert estimate(generation(2_000), progress, now).seconds_left == pytest.approx(2.0)
    assert estimate(generation(2_000), progress, now + SECOND).seconds_left == pytest.approx(1.0)


def test_a_heavy_visitor_in_the_first_part_does_not_promise_that_leads_are_cheap() -> None:
    """One visitor has nearly half of all events; the others have little more than two each, and each is begun and saved too."""
    of_many = 1_000 + 400 * LEAD
    ends = [BEGUN + n * of_many * A_MILLISECOND for n in range(4)]
    finished = [Work(1_000, 1_000, begun, end, 400, 400) for begun, end in pairwise(ends)]
    now = finished[-1].said_at
    heavy = Work(10_000, (now - BEGUN) // A_MILLISECOND, BEGUN, now, 1, 0)
    progress = Progress(11, 3, heavy.folded + 3_000, 1_200, (), (heavy,), tuple(finished[::-1]), founded=4_001)
    rest = 10_000 - heavy.folded + LEAD + 7 * of_many
    comparing = 4_001 * COMPARING
    assert estimate(generation(20_000), progress, now).seconds_left == pytest.approx((rest / 2 + comparing) / 1_000, rel=0.02)


BUILDS: dict[str, dict[str, Any]] = orjson.loads((Path(__file__).parent / "recorded_builds.json").read_bytes())
"""What builders of demo histories wrote down on two cores beside a service, all times in milliseconds since they were asked for.

``parts``: (events, leads, begun, done). ``polls``, of the time after a third of the events: (when, the parts then under way:
(part, events, folded, leads, begun, said)). ``compared``: (when, leads).
"""
ENOUGH = 1_000
"""Milliseconds: of less than that nobody needs to know a quarter."""


def progress_at(build: dict[str, Any], now: int, under_way: list[list[int]]) -> Progress:
    """What was to be read of a recorded build at an instant."""
    parts = build["parts"]
    finished = sorted(
        (
            Work(events, events, begun * A_MILLISECOND, said * A_MILLISECOND, leads, leads)
            for events, leads, begun, said in parts
            if said <= now
        ),
        key=lambda work: -work.said_at,
    )
    working = tuple(
        Work(events, folded, begun * A_MILLISECOND, said * A_MILLISECOND, parts[part][1], leads)
        for part, events, folded, leads, begun, said in under_way
    )
    known = [*finished, *working]
    compared = tuple((when * A_MILLISECOND, leads) for when, leads in build["compared"] if when <= now)
    sums = sum(work.folded for work in known), sum(work.leads for work in known)
    founded = sum(leads for _, leads, _, _ in parts)
    return Progress(len(parts), len(finished), *sums, compared, working, tuple(finished[:8]), founded=founded)


@pytest.mark.parametrize("name", sorted(BUILDS))
def test_after_a_third_the_end_of_a_recorded_build_is_told_within_a_quarter(name: str) -> None:
    """Whenever somebody asked for it: while parts are folded, between folding and comparing, and while leads are compared."""
    build = BUILDS[name]
    wrong = []
    for now, under_way in build["polls"]:
        told = estimate(generation(build["events"]), progress_at(build, now, under_way), now * A_MILLISECOND).seconds_left
        left = build["end"] - now
        if told is None or (left > ENOUGH and abs(told * 1_000 - left) > left / 4):
            wrong.append((now, told, left))
    assert not wrong
    assert len(build["polls"]) > 10
