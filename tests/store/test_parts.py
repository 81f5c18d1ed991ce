"""Parts of a build: what builders write down about them, as those who ask for the progress read it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, Engine

from lead_events.domain.errors import StaleGeneration
from lead_events.domain.model import compile_model
from lead_events.domain.times import SECOND
from lead_events.store import generations, leads, parts
from lead_events.store.engine import writing
from lead_events.store.generations import Status
from lead_events.store.leads import LeadRow
from lead_events.store.parts import LEASE, Work
from tests.histories import MODEL

NOW = 1_700_000_000 * SECOND
BASE = 30
FOUNDED = {0: 3, 2: 4}
"""How many leads the parts have."""


def begin(connection: Connection) -> int:
    """Create a build of three parts beside a live generation that is five events ahead."""
    common = {"model_number": 1, "fold_revision": 1, "list_revision": 1, "created_at": 0, "base_clock": 0}
    live = generations.create(connection, status=Status.LIVE, base_position=BASE + 5, **common)
    build = generations.create(connection, status=Status.BUILDING, base_position=BASE, **common)
    parts.create(connection, build, BASE, 10, FOUNDED)
    assert live != build
    return build


def test_a_part_under_way_says_how_far_it_is(engine: Engine) -> None:
    """What is folded counts before the part is done, with the time since its builder was free."""
    with writing(engine) as connection:
        build = begin(connection)
        part = parts.take(connection, build, NOW, NOW - SECOND)
        assert part is not None
        parts.renew(connection, build, replace(part, events=8, folded=4, leads=2), NOW + SECOND)
        progress = parts.read_progress(connection, build)
    assert (progress.parts, progress.done, progress.events, progress.leads, progress.founded) == (3, 0, 4, 2, 7)
    assert progress.behind == 5
    assert progress.under_way == (Work(8, 4, NOW - SECOND, NOW + SECOND, 3, 2),)
    assert progress.finished == ()


def test_a_part_that_is_done_says_how_long_it_took(engine: Engine) -> None:
    """It is no longer under way, and what was folded stays counted."""
    with writing(engine) as connection:
        build = begin(connection)
        part = parts.take(connection, build, NOW)
        assert part is not None
        part = parts.renew(connection, build, replace(part, events=8, folded=8, leads=2), NOW + SECOND)
        parts.finish(connection, build, part)
        parts.say_compared(connection, build, 10, NOW + 2 * SECOND)
        progress = parts.read_progress(connection, build)
    assert (progress.done, progress.events, progress.leads, progress.compared) == (1, 8, 2, ((NOW + 2 * SECOND, 2),))
    assert (progress.under_way, progress.finished) == ((), (Work(8, 8, NOW, NOW + SECOND, 3, 2),))


def test_a_part_that_is_taken_again_begins_anew(engine: Engine) -> None:
    """What a dead builder had folded is not counted once another folds it, and the dead one may save nothing."""
    with writing(engine) as connection:
        build = begin(connection)
        first = parts.take(connection, build, NOW)
        assert first is not None
        first = parts.renew(connection, build, replace(first, events=8, folded=4, leads=2), NOW + SECOND)
        later = NOW + SECOND + LEASE + 1
        again = parts.take(connection, build, later)
        progress = parts.read_progress(connection, build)
        with pytest.raises(StaleGeneration):
            parts.renew(connection, build, first, later)
    assert again is not None
    assert again.part == first.part
    assert (progress.events, progress.leads, progress.under_way) == (0, 0, (Work(0, 0, later, later, 3, 0),))


def test_leads_are_counted_by_the_part_that_builds_them(engine: Engine) -> None:
    """A part has the leads founded after its beginning and up to its end, of the one generation that is asked for."""
    with writing(engine) as connection:
        build = begin(connection)
        model = compile_model(MODEL)
        for generation_id, founding in ((1, 1), (1, 10), (1, 11), (1, 30), (build, 5)):
            row = LeadRow(model.begin(founding), founding, 0, emptied=False, parked=False)
            leads.save(connection, leads.encode(generation_id, model, [row]))
        assert parts.count_leads(connection, 1, 10) == {0: 2, 1: 1, 2: 1}
