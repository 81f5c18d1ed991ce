"""What a preview says is what promotion then gives, lead by lead, however the live generation goes on meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from lead_events.domain.model import compile_model
from lead_events.domain.times import MINUTE
from lead_events.projections import promotion
from lead_events.projections.pairing import ask, fold_pairs
from lead_events.projections.previewing import preview
from lead_events.projections.projector import Models
from lead_events.projections.sampling import extrapolate, shuffled
from lead_events.store import generations, schema
from lead_events.store.engine import reading, writing
from tests.histories import MODEL, Act, Append, Said, StepOnce, acts, logs, say
from tests.projections.built import SAME, build, publish, rows, states
from tests.projections.examples import some
from tests.projections.merging import Story, merges
from tests.world import World

Document = dict[str, Any]


@st.composite
def candidates(draw: st.DrawFn) -> Document:
    """A model that differs from the live one in points, decay, a limit, a threshold, a definition and a stage's patience."""
    document: Document = orjson.loads(orjson.dumps(MODEL))
    for score in document["scores"].values():
        for rule in score["rules"]:
            rule["points"] *= draw(st.sampled_from([1, 1, 2, -1]))
    behaviour = document["scores"]["behaviour"]
    behaviour["half_life"] = draw(st.sampled_from(["12h", "3h", "30d"]))
    behaviour["cap"] = draw(st.sampled_from([60, 20]))
    document["definitions"]["ready"]["all"][1]["scores.behaviour"]["at_least"] = draw(st.sampled_from([25, 10, 40]))
    if draw(st.booleans()):
        del document["definitions"]["regular"]
    if draw(st.booleans()):
        document["definitions"]["warmed"] = {"scores.heat": {"at_least": 5}}
    document["stages"]["mql"]["exits"][0]["after"] = draw(st.sampled_from(["1d", "1h"]))
    return document


@some(0.4)
@given(said=logs(), around=acts(), page=st.sampled_from([1, 3, 50]), wait=st.sampled_from([0, 60, 6_000]), document=candidates())
def test_what_preview_says_is_what_promotion_gives(
    emptiable: Engine, said: list[Said], around: list[Act], page: int, wait: int, document: Document
) -> None:
    """State by state and number by number: before the build, after it, and once the log has gone on."""
    world = World(emptiable)
    playing = world.play(said, [*around, Append(3), StepOnce(50)])
    for _ in playing:
        pass
    model = compile_model(document)
    question = ask(emptiable, model)
    before, after = states(fold_pairs(emptiable, world.vault, question))
    report = list(preview(emptiable, world.vault, model, threading.Event()))[-1]
    generation_id = build(world, publish(world, document))
    assert (before, after) == (rows(world, world.live), rows(world, generation_id))
    with reading(emptiable) as connection:
        difference = orjson.loads(generations.load(connection, generation_id).difference or "")
    assert {name: report[name] for name in SAME} == {name: difference[name] for name in SAME}
    world.tick(world.clock + wait * MINUTE)
    world.catch_up(page)
    assert states(fold_pairs(emptiable, world.vault, question)) == (before, after)
    _, then = states(fold_pairs(emptiable, world.vault, ask(emptiable, model)))
    promotion.promote(emptiable, world.vault, generation_id, Models(emptiable))
    assert then == rows(world, generation_id)


@some(0.2)
@given(said=logs(), around=merges, document=candidates())
def test_merges_and_unmerges_are_as_promotion_gives_them(
    emptiable: Engine, said: list[Said], around: list[Any], document: Document
) -> None:
    """Whoever stands for another does so in a preview, also when they are parted while it runs."""
    story = Story(World(emptiable))
    story.play(said, around, 50)
    world = story.world
    question = ask(emptiable, compile_model(document))
    found = states(fold_pairs(emptiable, world.vault, question))
    assert found == (rows(world, world.live), rows(world, build(world, publish(world, document))))
    story.part()
    world.catch_up()
    assert states(fold_pairs(emptiable, world.vault, question)) == found


def test_a_lead_that_cannot_be_folded_is_as_it_was_before(emptiable: Engine) -> None:
    """A parked lead is previewed up to the event that cannot be read, as a build parks it."""
    world = World(emptiable)
    first = say(0, 0, "file.downloaded", anonymous_id="a", user_id="anna")
    world.append([first, say(1, 1, anonymous_id="a", user_id="anna", traits={"city": "Riga"})])
    with writing(emptiable) as connection:
        connection.execute(update(schema.sealed).where(schema.sealed.c.position == 2).values(bytes=bytes(40)))
    world.catch_up()
    assert [row["parked"] for row in world.rows() if not row["emptied"]] == [True]
    found = states(fold_pairs(emptiable, world.vault, ask(emptiable, compile_model(MODEL))))
    assert found == (rows(world, world.live), rows(world, build(world, publish(world, MODEL))))


def test_leads_with_long_histories_are_read_a_few_at_a_time(emptiable: Engine) -> None:
    """However many events leads have, a transaction reads some thousand; nobody is left out or counted twice."""
    world = World(emptiable)
    number = iter(range(10_000))
    for name in ("anna", "boris", "clara"):
        world.append([say(next(number), 0, "page.viewed", user_id=name) for _ in range(600)])
    world.catch_up()
    question = ask(emptiable, compile_model(MODEL))
    sizes = [len(each.pairs) for each in fold_pairs(emptiable, world.vault, question) if each.pairs]
    assert sizes == [1, 1, 1]
    (exact,) = preview(emptiable, world.vault, compile_model(MODEL), threading.Event(), first=100)
    assert (exact["exact"], exact["leads"], exact["empty"]) == (True, 3, True)


@given(end=st.integers(0, 3_000))
def test_the_order_meets_every_number_once(end: int) -> None:
    """Whatever the length of the log."""
    assert sorted(shuffled(end)) == list(range(1, end + 1))


@pytest.mark.parametrize("kind", [range(1, 10_001, 10), range(1, 10_001, 16), range(5_001, 6_001)])
def test_every_beginning_of_the_order_is_a_fair_sample(kind: range) -> None:
    """Leads founded every tenth position, every sixteenth, or all at one time: a twentieth of the log holds about that share."""
    beginning = list(shuffled(10_000))[:2_000]
    met = sum(number in kind for number in beginning)
    assert 0.6 < met / (len(kind) * 0.2) < 1.4


@given(of=st.integers(1, 5_000), share=st.floats(0, 1), sample=st.floats(0, 1))
def test_an_estimate_is_possible_and_around_what_was_found(of: int, share: float, sample: float) -> None:
    """Never fewer than were seen, never more than are left; exact when all were seen."""
    size = max(1, round(of * sample))
    found = round(size * share)
    about = extrapolate(found, size, of)
    assert found <= about["low"] <= about["high"] <= found + of - size
    assert about["low"] - 1 <= about["about"] <= about["high"] + 1
    if size == of:
        assert set(about.values()) == {found}


def test_nineteen_of_twenty_estimates_hold_the_truth() -> None:
    """Over a hundred disjoint samples of a tenth of all, of which 7 % are like those that are counted."""
    order = list(shuffled(1 << 14))[:10_000]
    counted = {number for number in range(1, (1 << 14) + 1) if number % 14 == 3}
    truth = sum(number in counted for number in order)
    held = 0
    for start in range(0, 10_000, 100):
        about = extrapolate(sum(number in counted for number in order[start : start + 100]), 100, 10_000)
        held += about["low"] <= truth <= about["high"]
    assert held >= 90


def test_stopping_ends_it_without_an_exact_report(emptiable: Engine) -> None:
    """Asked to stop after its first report, it gives no other."""
    world = World(emptiable)
    world.append([say(n, n, "page.viewed", anonymous_id=f"w{n}") for n in range(200)])
    world.catch_up()
    stop = threading.Event()
    told = []
    for report in preview(emptiable, world.vault, compile_model(MODEL), stop, first=0, every=0):
        told.append(report["exact"])
        stop.set()
    assert told == [False]
