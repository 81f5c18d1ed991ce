"""Points of whom no condition can move are what a fold adds up, and nobody else is among them."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from lead_events.domain.times import MINUTE, format_instant
from tests import builders
from tests.histories import MODEL, START, Append, Said, StepOnce, say
from tests.projections.examples import some
from tests.projections.recalled import AT, FIT, PRICING, PROPERTIES, Document, compare, model
from tests.world import World

LOOKS: list[Document] = [
    PRICING,
    {"type": "page.viewed"},
    {"type": "file.downloaded", "properties.file": "x.pdf"},
    {"type": "signal.lit", "properties.colour": "red"},
]


SHARED: Document = {
    "cap": {"cap": 9},
    "visit": {"limit": {"times": 1, "per": "session"}},
    "day": {"limit": {"times": 1, "per": "day"}},
    "life": {"limit": {"times": 2, "per": "ever"}},
}


PERIODS = ["session", "session", "day", "ever"]


@st.composite
def quiet(draw: st.DrawFn) -> Document:
    """A model under which whoever is not known stays a cold visitor, mostly, whatever limits and caps leave of the points."""
    document: Document = orjson.loads(orjson.dumps(MODEL))
    cold = [{"scores.behaviour": {"at_least": 400}}, {"all": [{"contact": "present"}, FIT]}, CURIOUS]
    document["definitions"] = {"ready": document["definitions"]["ready"]}
    document["temperature"] = {"hot": "ready", "warm": draw(st.sampled_from(cold))}
    document["scores"]["heat"]["rules"] = [{"id": "any-view", "when": {"type": "page.viewed"}, "points": 7}]
    document["scores"]["behaviour"] = {
        "half_life": draw(st.sampled_from(["12h", None])),
        "cap": draw(st.sampled_from([35, 90])),
        "floor": draw(st.sampled_from([0.0, -3.0])),
        "groups": SHARED,
        "rules": [{"id": f"rule-{n}", **draw(rules)} for n in range(draw(st.integers(1, 4)))],
    }
    return document


LIMITED = [{"limit": {"times": times, "per": per}} for times in (1, 2) for per in PERIODS]


SHARING = [{"group": name} for name in ("cap", "visit", "day", "life", "life")]


rules = st.builds(
    lambda *parts: {name: value for part in parts for name, value in part.items()},
    st.sampled_from([{"when": when} for when in LOOKS]),
    st.sampled_from([{"points": points} for points in (3, 4.5, 30, -2)]),
    st.sampled_from([{}, *LIMITED]),
    st.sampled_from([{}, {}, {"cap": 5}, {"cap": 20}]),
    st.sampled_from([{}, {}, *SHARING]),
)


STRANGERS: list[Document] = [
    *[{"anonymous_id": "w1"}] * 4,
    {"anonymous_id": "w2"},
    {"anonymous_id": None, "user_id": "u1"},
    {"anonymous_id": None, "user_id": "u2"},
]


@st.composite
def looks(draw: st.DrawFn) -> list[Said]:
    """Strangers who look around in browsers, or without any under a name only, now and then late or at the same time."""
    said, arrival = [], START
    for number in range(draw(st.integers(1, 20))):
        arrival += draw(st.sampled_from([0, 0, 5, 10, 30, 31, 400, 2_000])) * MINUTE
        kind = draw(st.sampled_from(["page.viewed", "page.viewed", "page.viewed", "file.downloaded", "signal.lit"]))
        body = builders.make_event(
            kind,
            event_id=f"e-{number}",
            occurred_at=format_instant(arrival - draw(st.sampled_from([0, 0, 0, 25, 900])) * MINUTE),
            **draw(st.sampled_from(STRANGERS)),
            context=AT[draw(st.sampled_from(["/", "/pricing"]))],
            properties=PROPERTIES.get(kind),
        )
        said.append(Said(number, arrival, body))
    return said


CURIOUS = {
    "of": [{"contact": "present"}, {"count": PRICING, "at_least": 3}, {"scores.behaviour": {"at_least": 4}}],
    "at_least": 2,
}


@some(2)
@given(said=looks(), old=quiet(), new=quiet(), keep=st.sampled_from([0, 9]))
def test_points_are_added_up_in_columns_as_a_fold_adds_them(
    emptiable: Engine, said: list[Said], old: Document, new: Document, keep: int
) -> None:
    """Of leads whom no condition moves: limits, groups, caps, floors, visits, days, ties and late events among them."""
    world = World(emptiable, old)
    for _ in world.play(said, [Append(3), StepOnce(50)]):
        pass
    compare(world, new, keep)


PAGES = {"when": PRICING, "limit": {"times": 1, "per": "session"}}


WARM = {"temperature": {"warm": {"scores.behaviour": {"at_least": 40}}}}


@pytest.mark.parametrize(
    ("looks", "document", "is_unmoved"),
    [
        (1, model(PAGES, **WARM), True),
        (2, model(PAGES, **WARM), False),
        (
            2,
            model(PAGES, temperature={"warm": {"all": [{"contact": "present"}, {"scores.behaviour": {"at_least": 40}}]}}),
            True,
        ),
        (2, model(PAGES, temperature={"warm": {"count": PRICING, "at_least": 3}}), True),
        (2, model(PAGES, temperature={"warm": {"count": PRICING, "at_least": 2}}), False),
        (
            1,
            model(PAGES, temperature={"warm": {"sum": {"type": "order.placed", "of": "properties.amount"}, "at_least": 1}}),
            True,
        ),
        (1, model(PAGES, temperature={"warm": {"since": PRICING, "at_most": "1d"}}), False),
        (1, model(PAGES, temperature={"warm": {"not": {"scores.behaviour": {"at_least": 20}}}}), False),
        (1, model({**PAGES, "valid_for": "1d", "limit": {"times": 1, "per": "day"}}, **WARM), False),
    ],
)
def test_whom_no_condition_can_move(emptiable: Engine, looks: int, document: Document, is_unmoved: bool) -> None:
    """Only of them may points alone be told."""
    world = World(emptiable, model({"when": {"type": "nothing.done"}}))
    world.append([say(n, 60 * n, anonymous_id="w", context=AT["/pricing"]) for n in range(looks)])
    world.catch_up()
    compared = compare(world, document, 9)
    assert len(compared.unmoved) == is_unmoved
    assert compared.report["leads"] == 1


SECOND_CHANCE: Document = {
    "half_life": None,
    "groups": {"twice": {"limit": {"times": 2, "per": "ever"}}},
    "rules": [
        {"id": "prices", "when": PRICING, "points": 5, "limit": {"times": 1, "per": "session"}, "group": "twice"},
        {"id": "home", "when": {"type": "page.viewed", "context.page.path": "/"}, "points": 7, "group": "twice"},
    ],
}


@pytest.mark.parametrize(
    ("minutes", "paths", "points"),
    [
        ([0, 30], ["/pricing", "/pricing"], 5),
        ([0, 31], ["/pricing", "/pricing"], 10),
        ([0, 1, 2], ["/pricing", "/pricing", "/"], 12),
    ],
    ids=["a visit lasts", "a visit ends", "a group counts what its rule lets pass"],
)
def test_limits_of_strangers(emptiable: Engine, minutes: list[int], paths: list[str], points: float) -> None:
    """Are counted in columns as a fold counts them, at their edges, too."""
    document = model({"when": {"type": "nothing.done"}})
    document["scores"]["behaviour"] = SECOND_CHANCE
    world = World(emptiable, model({"when": {"type": "nothing.done"}}))
    said = zip(minutes, paths, strict=True)
    world.append([say(n, minute, anonymous_id="w", context=AT[path]) for n, (minute, path) in enumerate(said)])
    world.catch_up()
    compared = compare(world, document, 9)
    assert len(compared.unmoved) == 1
    assert sum(rule["then"]["points"] for rule in compared.report["rules"]) == points
