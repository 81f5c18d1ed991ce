"""Lists that change: what a preview says of them is what promotion gives, and a worker builds the live model with them."""

from __future__ import annotations

import threading
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from lead_events.domain.lists import compile_lists
from lead_events.domain.model import compile_model
from lead_events.projections import promotion
from lead_events.projections.pairing import ask, fold_pairs
from lead_events.projections.previewing import preview
from lead_events.projections.projector import Models
from lead_events.projections.verifying import verify_leads
from lead_events.store import generations
from lead_events.store.engine import reading
from lead_events.store.generations import Status
from tests.projections.built import SAME, build, rows, states
from tests.projections.examples import some
from tests.projections.housekeeping import keep_house, load_all
from tests.projections.mailing import DOCUMENT, forms, publish_lists
from tests.world import World

MAILS = ("firm.example", "gmail.com", "mail.ru", "mailinator.com", "shop.example")
_SOME = st.lists(st.sampled_from(MAILS), unique=True, max_size=3)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Lists that can be published."""
    free, disposable, removed = draw(_SOME), draw(_SOME), draw(_SOME)
    return {
        "free": {"add": free, "remove": [each for each in removed if each not in free]},
        "disposable": {"add": [each for each in disposable if each not in free]},
    }


@some(0.2)
@given(domains=st.lists(st.sampled_from(MAILS), min_size=1, max_size=8), first=changes(), second=changes())
def test_what_preview_says_of_lists_is_what_promotion_gives(
    emptiable: Engine, domains: list[str], first: dict[str, Any], second: dict[str, Any]
) -> None:
    """State by state and number by number, from the shipped lists to others and on to others again."""
    world = World(emptiable, DOCUMENT)
    world.append(forms(domains))
    world.catch_up()
    for document in (first, second):
        model = compile_model(DOCUMENT, compile_lists(document))
        question = ask(emptiable, model)
        before, after = states(fold_pairs(emptiable, world.vault, question))
        report = list(preview(emptiable, world.vault, model, threading.Event()))[-1]
        number = publish_lists(world, document)
        generation_id = build(world, 1)
        assert (before, after) == (rows(world, question.live.generation_id), rows(world, generation_id))
        with reading(emptiable) as connection:
            built = generations.load(connection, generation_id)
        difference = orjson.loads(built.difference or "")
        assert {name: report[name] for name in (*SAME, "companies")} == {name: difference[name] for name in (*SAME, "companies")}
        promotion.promote(emptiable, world.vault, generation_id, Models(emptiable))
        assert built.list_revision == number
        assert verify_leads(emptiable, world.vault).mismatches == []


def test_lists_that_change_a_lead_wait_for_an_operator(emptiable: Engine) -> None:
    """The worker builds the live model with them, and says who differs; the old generation serves on until somebody promotes."""
    world = World(emptiable, DOCUMENT)
    world.append(forms(["firm.example", "gmail.com"]))
    world.catch_up()
    keep_house(world)
    assert len(load_all(world)) == 1
    assert publish_lists(world, {"free": {"add": ["firm.example"]}}) == 2
    keep_house(world)
    keep_house(world)
    old, new = load_all(world)
    assert [(each.status, each.model_number, each.list_revision) for each in (old, new)] == [
        (Status.LIVE, 1, 1),
        (Status.READY, 1, 2),
    ]
    assert orjson.loads(new.difference or "")["definitions"]["firm"] == {"entered": 0, "left": 1}
    promotion.promote(emptiable, world.vault, new.generation_id, Models(emptiable))
    keep_house(world)
    assert [each.status for each in load_all(world)] == [Status.RETIRED, Status.LIVE]


def test_lists_that_change_no_lead_go_live_by_themselves(emptiable: Engine) -> None:
    """Nobody has such an address, so nothing is to be decided."""
    world = World(emptiable, DOCUMENT)
    world.append(forms(["firm.example", "gmail.com"]))
    world.catch_up()
    publish_lists(world, {"free": {"add": ["nobody.example"]}})
    keep_house(world)
    old, new = load_all(world)
    assert [(each.status, each.list_revision) for each in (old, new)] == [(Status.RETIRED, 1), (Status.LIVE, 2)]


def test_lists_that_change_companies_alone_wait_too(emptiable: Engine) -> None:
    """A model that asks nothing of addresses: who belongs to which company is different all the same, and is said."""
    world = World(emptiable)
    world.append(forms(["firm.example", "firm.example", "gmail.com"]))
    world.catch_up()
    publish_lists(world, {"free": {"add": ["firm.example"], "remove": ["gmail.com"]}})
    keep_house(world)
    _, new = load_all(world)
    difference = orjson.loads(new.difference or "")
    assert (new.status, difference["companies"], difference["different"], difference["empty"]) == (Status.READY, 3, 3, False)
    assert [row["company"] for row in world.rows(new.generation_id)] == [None, None, "gmail.com"]


def test_a_rollback_leaves_the_lists_of_before(emptiable: Engine) -> None:
    """The generation with the older lists lives on, is folded with them, and is not built anew against the operator's will."""
    world = World(emptiable, DOCUMENT)
    world.append(forms(["firm.example"]))
    world.catch_up()
    publish_lists(world, {"free": {"add": ["firm.example"]}})
    keep_house(world)
    promotion.promote(emptiable, world.vault, 2, Models(emptiable))
    promotion.rollback(emptiable, world.vault, Models(emptiable))
    keep_house(world)
    assert [each.status for each in load_all(world)] == [Status.LIVE, Status.RETIRED]
    assert verify_leads(emptiable, world.vault).mismatches == []
