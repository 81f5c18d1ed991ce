"""What a preview reads from columns says what one that reads whole histories says, whatever the model asks for."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from lead_events.domain.consent import stamp
from lead_events.domain.profile import KEPT_SESSIONS
from lead_events.domain.times import MINUTE, format_instant
from lead_events.store import log, schema
from lead_events.store.engine import writing
from lead_events.store.envelope import Arrival
from tests import builders
from tests.histories import START, Act, Append, Said, StepOnce, acts, logs, say
from tests.projections.examples import some
from tests.projections.merging import Story, merges
from tests.projections.narrow import documents, other_points
from tests.projections.recalled import AT, PRICING, PROPERTIES, Document, compare, model
from tests.world import World


@st.composite
def visits(draw: st.DrawFn) -> list[Said]:
    """A history that consists of looking around, mostly; who looks is seldom known, so little of it says who they are."""
    said, arrival = [], START
    for number in range(draw(st.integers(2, 14))):
        arrival += draw(st.sampled_from([0, 5, 20, 20, 20, 40, 700, 4_000])) * MINUTE
        kind = draw(st.sampled_from(["page.viewed"] * 5 + ["page.scrolled", "file.downloaded", "signal.lit"] + SELDOM))
        page = {"page": {"path": draw(st.sampled_from(["/", "/about", "/pricing"])), "url": "https://a.example/"}}
        strong = {"user_id": "u1"} if kind in SELDOM or not draw(st.integers(0, 7)) else {}
        late = draw(st.sampled_from([0, 0, 0, 25, 900]))
        body = builders.make_event(
            kind,
            event_id=f"e-{number}",
            occurred_at=format_instant(arrival - late * MINUTE),
            anonymous_id=draw(st.sampled_from(["w1", "w1", "w1", "w2"])),
            context=page,
            properties=PROPERTIES.get(kind),
            **strong,
        )
        said.append(Said(number, arrival, body))
    return said


SELDOM = ["lead.accepted", "lead.rejected", "consent.withdrawn", "consent.granted", "lead.identified"]


@some(1)
@given(
    said=st.one_of(visits(), visits(), logs()),
    around=acts(),
    old=documents,
    new=st.one_of(documents, st.sampled_from([1, -1, 3])),
    size=st.sampled_from([1, 3, 7, 50]),
    keep=st.sampled_from([0, 2, 99]),
)
def test_columns_say_what_the_log_says(
    emptiable: Engine, said: list[Said], around: list[Act], old: Document, new: Document | int, size: int, keep: int
) -> None:
    """Lead by lead and number by number, from segments, from the log behind them, and from both."""
    world = World(emptiable, old)
    new = other_points(old, new) if isinstance(new, int) else new
    for _ in world.play(said, [*around, Append(3), StepOnce(50)]):
        pass
    compare(world, new, keep, size)


DAY = 24 * 60


WITHDRAWN = say(2, 5, "consent.withdrawn", anonymous_id="w", user_id="u1", properties={"purpose": "analytics"})


STORIES: dict[str, tuple[Document, list[Said]]] = {
    "any event ends the wait of who was accepted": (
        model({"when": PRICING}),
        [
            say(1, 0, "lead.accepted", user_id="u1", anonymous_id="w"),
            say(2, 2 * DAY, anonymous_id="w", context=AT["/"]),
            say(3, 4 * DAY, anonymous_id="x", context=AT["/pricing"]),
        ],
    ),
    "a visit is held together by pages that give no points": (
        model({"when": PRICING, "limit": {"times": 1, "per": "session"}}),
        [say(n, 20 * n, anonymous_id="w", context=AT[path]) for n, path in enumerate(["/pricing", "/", "/pricing"])],
    ),
    "a visit in which somebody is named is one visit": (
        model({"when": {"type": "page.viewed"}, "limit": {"times": 1, "per": "session"}}),
        [
            say(1, 0, anonymous_id="w", context=AT["/"], traits={"email": "anna@firm.example"}),
            say(2, 5, anonymous_id="w", context=AT["/pricing"]),
        ],
    ),
    "who is named during a visit did not come twice": (
        model({"when": PRICING}, definitions={"again": {"visits": {"at_least": 2}}}),
        [
            say(1, 0, anonymous_id="w", context=AT["/"]),
            say(2, 5, "lead.identified", anonymous_id="w", traits={"email": "anna@firm.example"}),
        ],
    ),
    "without consent an event is something else": (
        model({"when": {"context.page.path": {"not": "present"}, "properties.file": {"not": "present"}}}),
        [say(1, 0, anonymous_id="w", context=AT["/"]), WITHDRAWN, say(3, 9, anonymous_id="w", context=AT["/"])],
    ),
    "who did nothing qualifies for that": (
        model({"when": PRICING}, definitions={"idle": {"not": {"count": {"type": "form.submitted"}, "at_least": 1}}}),
        [say(1, 0, anonymous_id="w", context=AT["/"]), say(2, 3, anonymous_id="x", context=AT["/"])],
    ),
    "only the log knows an address": (
        model({"when": {"type": "page.viewed", "context.page.url": {"glob": "*pricing*"}}}),
        [say(1, 0, anonymous_id="w", context=AT["/pricing"]), say(2, 3, anonymous_id="w", context=AT["/"])],
    ),
    "a number decides": (
        model({"when": {"type": "page.scrolled", "properties.depth": {"at_least": 50}}}),
        [say(n, n, "page.scrolled", anonymous_id="w", properties={"depth": depth}) for n, depth in enumerate([10, 60, 49.5])],
    ),
    "of too many browsers a lead forgets the visits of some": (
        model({"when": PRICING, "limit": {"times": 1, "per": "session"}}),
        [
            say(0, 0, anonymous_id="w-0", user_id="u1", context=AT["/pricing"]),
            *(say(n, n, anonymous_id=f"w-{n}", user_id="u1", context=AT["/"]) for n in range(1, KEPT_SESSIONS + 1)),
            say(20, 20, anonymous_id="w-0", user_id="u1", context=AT["/pricing"]),
        ],
    ),
    "a lead is as old as its first event": (
        model({"when": PRICING}, definitions={"young": {"not": {"scores.behaviour": {"at_least": 90}}}}),
        [say(1, 0, anonymous_id="w", context=AT["/"]), say(2, 3, anonymous_id="w", context=AT["/pricing"])],
    ),
}


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("keep", [0, 9])
def test_what_may_not_be_left_out(emptiable: Engine, story: str, keep: int) -> None:
    """Events that fire nothing and matter all the same."""
    document, said = STORIES[story]
    world = World(emptiable, model({"when": {"type": "nothing.done"}}))
    world.append(said)
    world.catch_up()
    compare(world, document, keep)


def test_a_rule_that_makes_a_score_known_touches_everybody(emptiable: Engine) -> None:
    """A score that rested on traits alone is a number for all as soon as an event can add to it."""
    old = model({"when": {"type": "file.downloaded"}}, definitions={"low": {"scores.fit": {"below": 5}}})
    new: Document = orjson.loads(orjson.dumps(old))
    new["scores"]["fit"]["rules"].append({"id": "looks", "when": PRICING, "points": 1})
    world = World(emptiable, old)
    world.append([say(1, 0, "file.downloaded", anonymous_id="w")])
    world.catch_up()
    report = compare(world, new, 0).report
    assert report["definitions"]["low"] == {"entered": 1, "left": 0}


def test_the_first_event_that_needs_a_yes_is_kept(emptiable: Engine) -> None:
    """An event that tells nothing but that its source needs consent silences everything after it."""
    world = World(emptiable, model({"when": {"type": "nothing.done"}}))
    looks = [say(n, n, anonymous_id="w", context=AT[path]).admitted() for n, path in enumerate(["/", "/", "/", "/pricing"])]
    stamped = [looks[0], *(stamp(each, opt_in=["profiling"]) for each in looks[1:3]), looks[3]]
    log.append(emptiable, world.vault, [Arrival(1, each, START + DAY * MINUTE) for each in stamped])
    world.catch_up()
    report = compare(world, model({"when": PRICING}), 9).report
    assert report["rules"][0]["then"]["times"] == 0


def test_leads_that_are_not_what_their_events_fold_to_are_shown_as_readers_see_them(emptiable: Engine) -> None:
    """A parked lead is previewed up to the event that cannot be read."""
    world = World(emptiable)
    first = say(0, 0, "file.downloaded", anonymous_id="a", user_id="anna")
    world.append([first, say(1, 1, anonymous_id="a", user_id="anna", traits={"city": "Riga"})])
    with writing(emptiable) as connection:
        connection.execute(update(schema.sealed).where(schema.sealed.c.position == 2).values(bytes=bytes(40)))
    world.catch_up()
    assert len(compare(world, model({"when": {"type": "file.downloaded"}}), 0).folded) == 1


@some(0.3)
@given(said=logs(), around=merges, document=documents, keep=st.sampled_from([0, 9]))
def test_merged_leads_are_one(emptiable: Engine, said: list[Said], around: list[Any], document: Document, keep: int) -> None:
    """Whoever stands for another owns its events in columns, too."""
    story = Story(World(emptiable))
    story.play(said, around, 50)
    compare(story.world, document, keep)
