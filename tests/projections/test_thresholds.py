"""Who never came near a threshold that was moved stands as before; whoever did is folded again."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from lead_events.domain.times import MINUTE, format_instant
from tests import builders
from tests.histories import MODEL, START, Act, Append, Said, StepOnce, acts, say
from tests.projections.examples import some
from tests.projections.recalled import Document, compare
from tests.world import World


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
