"""What a preview reads from columns says what one that reads whole histories says, whatever the model asks for."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from lead_events.domain.changes import standing
from lead_events.domain.consent import stamp
from lead_events.domain.model import compile_model
from lead_events.domain.times import MINUTE, format_instant
from lead_events.projections.activity import Keeper
from lead_events.projections.effects import Folding
from lead_events.projections.pairing import Pair, Portion, Question, ask, fold_pairs
from lead_events.projections.previewing import Counted
from lead_events.projections.recalling import Recall, fold_recalled, recall
from lead_events.projections.unmoved import Side
from lead_events.store import log, schema
from lead_events.store.engine import writing
from lead_events.store.envelope import Arrival
from tests import builders
from tests.histories import LANGUAGE, MODEL, START, Act, Append, Said, StepOnce, acts, logs
from tests.projections.test_merging import Story
from tests.projections.test_merging import acts as merges
from tests.projections.test_projector import said as say
from tests.projections.test_properties import some
from tests.world import World

Document = dict[str, Any]


AT = {path: {"page": {"path": path, "url": f"https://a.example{path}"}} for path in ("/", "/pricing")}
WHENS: list[Document] = [
    {"type": "page.viewed", "context.page.path": "/pricing"},
    {"type": "page.viewed", "context.page.url": {"glob": "https://a*"}},
    {"context.page.path": {"not": "/pricing"}, "type": ["page.viewed", "file.downloaded"]},
    {"type": "page.scrolled", "properties.depth": {"at_least": 50}},
    {"type": "file.downloaded", "properties.file": "x.pdf"},
    {"type": "form.submitted", "properties.amount": {"at_least": 1}},
    {"properties.file": {"not": "present"}, "context.page.path": {"not": "present"}},
    {"type": "signal.lit", "properties.colour": "red"},
    {"type": "page.viewed", "user_id": "u1"},
]
FIT = {"not": {"scores.fit": {"at_least": 20}}}
LIMITS: list[Document] = [{}, {"limit": {"times": 1, "per": "session"}}, {"limit": {"times": 1, "per": "day"}}, {"cap": 4}]


@st.composite
def narrow(draw: st.DrawFn) -> Document:
    """A model that few events matter to: rules on some pages or fields only, no visits, waits in some stages."""
    document: Document = orjson.loads(orjson.dumps(MODEL))
    rules = document["scores"]["behaviour"]["rules"] = [{"id": "none", "when": {"type": "nothing.done"}, "points": 1}]
    for number, when in enumerate(draw(st.lists(st.sampled_from(WHENS), max_size=3))):
        points = draw(st.sampled_from([3, 30, -2]))
        rules.append({"id": f"rule-{number}", "when": when, "points": points, **draw(st.sampled_from(LIMITS))})
    document["scores"]["heat"]["rules"] = [{"id": "nothing", "when": {"type": "nothing.done"}, "points": 1}]
    document["definitions"]["reader"]["count"] = draw(st.sampled_from(WHENS[:5]))
    del document["definitions"]["regular"]
    if draw(st.booleans()):
        document["definitions"]["idle"] = {"not": {"count": {"type": "form.submitted"}, "at_least": 1}}
    if draw(st.booleans()):
        document["stages"]["sal"]["exits"] = []
    return document


def other_points(document: Document, points: int) -> Document:
    """Return a model that differs in what its last rule on behaviour gives, and in nothing else."""
    changed: Document = orjson.loads(orjson.dumps(document))
    changed["scores"]["behaviour"]["rules"][-1]["points"] = points
    return changed


def asking(points: dict[str, float]) -> Document:
    """Return a model that compares scores with so many points, and differs in nothing else from others of these."""
    document: Document = orjson.loads(orjson.dumps(MODEL))
    enough = {name: {"scores.behaviour": {"at_least": each}} for name, each in points.items()}
    document["definitions"] = {
        "ready": {"all": [{"contact": "present"}, enough["ready"]]},
        "two": {"of": [enough["two"], {"scores.heat": {"at_least": points["two"]}}, {"contact": "absent"}], "at_least": 2},
        "cool": {"all": [{"contact": "present"}, {"scores.behaviour": {"below": points["cool"]}}]},
        "not": {"all": [{"contact": "present"}, {"not": enough["not"]}]},
    }
    document["temperature"] = {"hot": "ready", "warm": {"any": [enough["warm"]]}}
    return document


POINTS = [10.0, 25.0, 40.0, 55.0]
ASKED = ["ready", "two", "cool", "not", "warm"]


COLLECTED = ["page.viewed", "file.downloaded", "form.submitted", "email.unsubscribed", "lead.rejected", "lead.overridden"]


@st.composite
def acquaintances(draw: st.DrawFn) -> list[Said]:
    """Some people of whom we know an address, sooner or later, and who collect points."""
    said, arrival = [], START
    for number in range(draw(st.sampled_from([3, 6, 9, 12]))):
        arrival += draw(st.sampled_from([0, 20, 700])) * MINUTE
        who = draw(st.sampled_from(["u1", "u2", "u3"]))
        kind = draw(st.sampled_from(COLLECTED))
        body = builders.make_event(
            kind,
            event_id=f"e-{number}",
            occurred_at=format_instant(arrival - draw(st.sampled_from([0, 0, 900])) * MINUTE),
            anonymous_id=None,
            user_id=who,
            traits={"email": f"{who}@acme.example"} if draw(st.booleans()) else None,
            **({"properties": {"score": "behaviour", "value": 45, "reason": "a fair"}} if kind == "lead.overridden" else {}),
        )
        said.append(Said(number, arrival, body))
    return said


documents = st.one_of(narrow(), narrow(), narrow(), st.sampled_from([MODEL, LANGUAGE]))


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
PROPERTIES: dict[str, Document] = {
    "page.scrolled": {"depth": 60},
    "file.downloaded": {"file": "x.pdf"},
    "signal.lit": {"colour": "red"},
    "consent.withdrawn": {"purpose": "analytics"},
    "consent.granted": {"purpose": "analytics"},
}


LOOKS: list[Document] = [WHENS[0], {"type": "page.viewed"}, WHENS[4], WHENS[7]]
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
    "of": [{"contact": "present"}, {"count": WHENS[0], "at_least": 3}, {"scores.behaviour": {"at_least": 4}}],
    "at_least": 2,
}


def _shown(folding: Folding) -> str:
    lead, trace = folding.lead, folding.trace
    of_time = lead.stage_since, lead.waiting, lead.expiring, lead.qualified_at, lead.created_at
    of_people = lead.traits, lead.overrides, lead.consent, lead.owner
    scored = lead.scores, lead.windows, lead.definitions, lead.history
    return repr((standing(lead, folding.model), *scored, *of_time, *of_people, trace.contributions, trace.moves))


def told(
    world: World, question: Question, found: Iterable[Portion], recalled: Recall | None = None
) -> tuple[dict[int, Pair], dict[str, Any]]:
    """Fold all leads; returns each under both models, and the whole report but for what was read."""
    pairs: dict[int, Pair] = {}

    def remember() -> Iterator[Portion]:
        for portion in found:
            for pair in portion.pairs:
                assert pair.after.lead.founding not in pairs
                pairs[pair.after.lead.founding] = pair
            yield portion

    *_, report = Counted(question, world.vault, recalled).go_on(remember(), threading.Event(), 1e9)
    assert report["exact"]
    del report["read"]
    for moves in report["first"].values():
        moves.update({verb: sorted(ids) for verb, ids in moves.items()})
    return pairs, report


def assert_unmoved(folding: Folding, side: Side, place: int) -> None:
    """A fold finds a cold visitor, and gave it what columns gave it, to the last bit."""
    firings, given = side.firings, side.credits
    assert standing(folding.lead, folding.model) == {"stage": "visitor", "temperature": "cold", "qualified": []}
    assert not folding.trace.moves
    values = zip(given.value[place].tolist(), given.since[place].tolist(), strict=True)
    assert folding.lead.scores == [list(each) for each in values]
    columns = [
        (side.model.rules[firings.rule[n]].id, int(firings.at[n]), float(given.credited[n]))
        for n in np.flatnonzero(firings.lead == place)
    ]
    assert [(each.rule, each.at, each.credited) for each in folding.trace.contributions] == columns


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


def model(*rules: Document, **more: Any) -> Document:
    """A model with these rules on behaviour, and whatever else differs from the short one."""
    document: Document = orjson.loads(orjson.dumps(MODEL))
    document["scores"]["behaviour"]["rules"] = [{"id": f"rule-{n}", "points": 30, **rule} for n, rule in enumerate(rules)]
    document["scores"]["heat"]["rules"] = [{"id": "nothing", "when": {"type": "nothing.done"}, "points": 1}]
    document["definitions"] = {"ready": document["definitions"]["ready"]} | more.pop("definitions", {})
    return document | more


DAY = 24 * 60
PRICING = {"type": "page.viewed", "context.page.path": "/pricing"}
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


@some(1)
@given(
    said=acquaintances(),
    around=acts(),
    old=st.fixed_dictionaries(dict.fromkeys(ASKED, st.sampled_from(POINTS))),
    others=st.dictionaries(st.sampled_from(ASKED), st.sampled_from(POINTS), min_size=1, max_size=2),
)
def test_whom_no_other_threshold_concerns_stands_as_before(
    emptiable: Engine, said: list[Said], around: list[Act], old: dict[str, float], others: dict[str, float]
) -> None:
    """Where only points are other ones that scores are compared with, in some conditions or in all."""
    world = World(emptiable, asking(old))
    for _ in world.play(said, [*around, Append(3), StepOnce(50)]):
        pass
    compare(world, asking(old | others), 9)


def test_an_override_is_no_sum_of_points(emptiable: Engine) -> None:
    """Who was given a score by a person is concerned by thresholds that its own points never came near."""
    world = World(emptiable, asking(dict.fromkeys(ASKED, 40.0)))
    world.append(
        [
            say(1, 0, user_id="u1", traits={"email": "u1@acme.example"}),
            say(2, 1, "lead.overridden", user_id="u1", properties={"score": "behaviour", "value": 45, "reason": "a fair"}),
        ]
    )
    world.catch_up()
    compared = compare(world, asking(dict.fromkeys(ASKED, 40.0) | {"ready": 55.0}), 9)
    assert compared.report["definitions"]["ready"] == {"entered": 0, "left": 1}


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


@some(0.3)
@given(said=logs(), around=merges, document=documents, keep=st.sampled_from([0, 9]))
def test_merged_leads_are_one(emptiable: Engine, said: list[Said], around: list[Any], document: Document, keep: int) -> None:
    """Whoever stands for another owns its events in columns, too."""
    story = Story(World(emptiable))
    story.play(said, around, 50)
    compare(story.world, document, keep)


def compare(world: World, document: Document, keep: int, size: int = 2) -> Compared:
    """Fold all leads from columns and from their histories; they must say the same. Returns what columns say."""
    keeper = Keeper(world.engine, world.vault, size)
    for _ in range(keep):
        keeper.extend()
    question = ask(world.engine, compile_model(document))
    expected = told(world, question, fold_pairs(world.engine, world.vault, question))
    recalled = recall(world.engine, world.vault, question)
    found = told(world, question, fold_recalled(world.engine, world.vault, question, recalled), recalled)
    for lead, pair in found[0].items():
        assert [_shown(each) for each in pair] == [_shown(each) for each in expected[0][lead]]
    unmoved = recalled.selection.leads[recalled.unmoved.places].tolist()
    assert not found[0].keys() & set(unmoved)
    for place, lead in enumerate(unmoved):
        assert_unmoved(expected[0][lead].before, recalled.unmoved.before, place)
        assert_unmoved(expected[0][lead].after, recalled.unmoved.after, place)
    assert found[1] == expected[1]
    return Compared(found[0], unmoved, found[1])


class Compared(NamedTuple):
    """What columns say: leads that were folded, those whom nothing moved, and the report."""

    folded: dict[int, Pair]
    unmoved: list[int]
    report: dict[str, Any]
