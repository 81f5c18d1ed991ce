"""What a preview says is what promotion then gives, lead by lead, however the live generation goes on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import orjson
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from lead_events import clock
from lead_events.domain import state
from lead_events.domain.model import compile_model
from lead_events.domain.times import MINUTE
from lead_events.projections import promotion, replay
from lead_events.projections.building import build_part
from lead_events.projections.previewing import Pair, ask, fold_pairs, preview
from lead_events.projections.projector import Models
from lead_events.store import generations, models, parts
from lead_events.store.engine import reading, writing
from tests.histories import MODEL, Act, Append, Said, StepOnce, acts, logs
from tests.world import World

Document = dict[str, Any]
States = dict[int, str]

SAME = ("empty", "leads", "different", "definitions", "stages", "temperatures", "scores", "top_movers", "as_of")
"""What a preview and the difference of a built generation both say."""


def some(share: float) -> settings:
    """Take a share of the profile's examples, for every example goes through a database that is emptied first."""
    most = max(5, int(settings.default.max_examples * share)) if settings.default else 5
    return settings(max_examples=most, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate])


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


def states(pairs: Iterable[tuple[int, list[Pair]]]) -> tuple[States, States]:
    """Return every lead's state under both models, each lead once."""
    found = [pair for _, some_pairs in pairs for pair in some_pairs]
    before = {pair.before.lead.founding: state.dump(pair.before.lead) for pair in found}
    after = {pair.after.lead.founding: state.dump(pair.after.lead) for pair in found}
    assert len(before) == len(after) == len(found)
    return before, after


def rows(world: World, generation_id: int) -> States:
    """Return every lead's state in a generation."""
    return {row["founding"]: row["state"] for row in world.rows(generation_id)}


def build(world: World, document: Document) -> int:
    """Publish a model and build a generation of it, as a worker does."""
    with writing(world.engine) as connection:
        number = models.publish(connection, document, "test", "", clock.now())
    generation_id = replay.begin(world.engine, number, part_positions=7)
    with reading(world.engine) as connection:
        generation = generations.load(connection, generation_id)
    model = compile_model(document)
    while True:
        with writing(world.engine) as connection:
            part = parts.take(connection, generation_id, clock.now())
        if part is None:
            break
        build_part(world.engine, world.vault, generation, model, part)
    assert replay._complete(world.engine, world.vault, generation_id, threading.Event())
    return generation_id


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
    generation_id = build(world, document)
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
