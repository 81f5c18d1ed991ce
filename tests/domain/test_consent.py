"""What a person agreed to, folded: the latest statement wins, and what is not permitted neither counts nor shows."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from lead_events.domain import changes
from lead_events.domain.consent import CHANNELS, NO_PROFILING, PURPOSES, UNOBSERVED, is_behaviour, stamp
from lead_events.domain.decay import UNRANKED
from lead_events.domain.event_types import TYPES
from lead_events.domain.explain import explain_score
from lead_events.domain.interests import interests_at
from lead_events.domain.lead import fold
from lead_events.domain.model import compile_model
from lead_events.domain.scoring import Trace, ranks
from lead_events.domain.state import dump, load
from lead_events.domain.wire import admit
from tests.builders import make_event
from tests.given import Folded, given, happened, identified, instant, opened, viewed

MODEL: dict[str, Any] = {
    "scores": {
        "behaviour": {"half_life": "10d", "rules": [{"id": "form", "when": {"type": "form.submitted"}, "points": 40},
                                                    {"id": "view", "when": {"type": "page.viewed"}, "points": 1}]},
        "fit": {"rules": [{"id": "boss", "when": {"traits.job_title": "boss"}, "points": 20}]},
    },
    "definitions": {"ready": {"scores.behaviour": {"at_least": 30}}, "reader": {"count": {"type": "page.viewed"}, "at_least": 2}},
    "temperature": {"hot": "ready"},
    "stages": {
        "visitor": {},
        "lead": {"entry": [{"from": ["visitor"], "when": {"contact": "present"}}]},
        "mql": {
            "entry": [{"from": ["visitor", "lead"], "when": {"definition": "ready"}}],
            "exits": [{"to": "lead", "after": "30d", "unless": {"definition": "ready"}, "reason": "cooled"}],
        },
        "sal": {"entry": [{"events": ["lead.accepted"]}]},
    },
    "topics": {"all": {"when": {"type": "page.viewed"}}},
}  # fmt: skip


def form(after: str, **said: Any) -> dict[str, Any]:
    """Say that a form was sent."""
    return happened(after, "form.submitted", properties={"form_id": "f"}, traits={"email": "anna@firm.example"}, **said)


def withdrawn(after: str, purpose: str = "profiling", **said: Any) -> dict[str, Any]:
    """Say that consent was withdrawn."""
    return happened(after, "consent.withdrawn", properties={"purpose": purpose, **said})


def granted(after: str, purpose: str = "profiling", **said: Any) -> dict[str, Any]:
    """Say that consent was granted."""
    return happened(after, "consent.granted", properties={"purpose": purpose, **said})


def told(*said: dict[str, Any]) -> Folded:
    """Fold under the model of this module."""
    return given(*said).under(MODEL).folded()


def test_without_profiling_nothing_is_shown_and_no_list_holds_the_lead() -> None:
    """Scores are null, ranks lowest, definitions unmet, the temperature neutral, and the stage that rests on them is left."""
    lead = told(form("0")).then(stage="mql", temperature="hot", met={"ready"})
    assert ranks(lead.lead, lead.model)[0] > UNRANKED
    lead = told(form("0"), withdrawn("1d")).then(
        stage="lead", temperature="cold", met=set(), score_behaviour=None, score_fit=None,
        stages=[("lead", "form.submitted"), ("mql", "form.submitted"), ("lead", NO_PROFILING)],
    )  # fmt: skip
    assert set(ranks(lead.lead, lead.model)) == {UNRANKED}
    explained = explain_score(lead.lead, 0, lead.model, lead.clock)
    assert (explained.value, explained.reason, explained.missing) == (None, NO_PROFILING, ())
    assert not any(threshold.reached for threshold in explained.thresholds)


def test_what_people_decided_stays() -> None:
    """A stage that sales gave is not taken back."""
    told(form("0"), happened("1h", "lead.accepted"), withdrawn("1d")).then(stage="sal")
    told(withdrawn("0"), form("1h"), happened("2h", "lead.accepted")).then(stage="sal")


def test_a_grant_brings_back_what_was_decayed_and_nothing_of_the_time_between() -> None:
    """Nothing is credited or counted while profiling is withdrawn; what was before reappears as it would be by now."""
    lead = told(form("0"), withdrawn("1h"), form("2h"), viewed("3h"), viewed("4h"), granted("10d"), form("10d"))
    lead.then(score_behaviour=60.0, met={"ready"}, stage="mql")
    assert [given.position for given in lead.trace.contributions] == [1, 7]
    assert [move.kind for move in lead.trace.moves if "qual" in move.kind] == ["qualified", "unqualified", "qualified"]


def test_traits_learned_meanwhile_count_from_the_grant() -> None:
    """Fit is about what is known: it is asked again at the grant."""
    title: dict[str, Any] = {"traits": {"job_title": "boss"}}
    told(form("0"), withdrawn("1d"), happened("2d", "lead.identified", **title)).then(score_fit=None)
    told(form("0"), withdrawn("1d"), happened("2d", "lead.identified", **title), granted("3d")).then(score_fit=20.0)
    cleared = happened("2d", "lead.traits_set", properties={"cleared": ["job_title"]}, author="zoe")
    late = told(happened("0", "lead.identified", **title), withdrawn("1d"), cleared, granted("3d"))
    assert late.lead.rules == {}


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_source_may_need_a_yes(purpose: str) -> None:
    """One stamped event makes a purpose opt-in for the lead, whatever its other sources say, until a grant."""
    stamped = {**form("0"), "opt_in": [purpose]}
    lead = fold_stamped([stamped, form("1h")])
    assert lead.lead.opt_in == [purpose]
    assert lead.lead.profiled is (purpose != "profiling")
    assert lead.lead.observed is (purpose != "analytics")
    assert lead.lead.do_not_contact == (list(CHANNELS) if purpose == "contact" else [])
    lead = fold_stamped([stamped, granted("1h", purpose), form("2h")])
    assert (lead.lead.profiled, lead.lead.observed, lead.lead.do_not_contact) == (True, True, [])


def fold_stamped(said: list[dict[str, Any]]) -> Folded:
    """Fold events of which some carry a stamp of the door."""
    model, trace = compile_model(MODEL), Trace()
    events = [opened({k: v for k, v in one.items() if k != "opt_in"}, number + 1) for number, one in enumerate(said)]
    for event, one in zip(events, said, strict=True):
        if "opt_in" in one:
            event.fields["opt_in"] = one["opt_in"]
    lead = fold(model.begin(1), events, model, events[-1].at, trace)
    return Folded(lead, model, events[-1].at, trace)


def test_the_stamp_is_the_doors() -> None:
    """Only events about a lead are stamped, and what a client writes there is not read."""
    sent = {**make_event("page.viewed", anonymous_id="v"), "opt_in": ["contact"], "gpc": True, "anonymised": True}
    admitted = admit(sent, arrival=instant("0"), trusted=True, phone_region=None, new_event_id=lambda: "e")
    assert not {"opt_in", "gpc", "anonymised"} & set(admitted.plain)
    assert stamp(admitted, opt_in=("profiling", "contact"), gpc=True).plain["opt_in"] == ["contact", "profiling"]
    spend = admit(make_event("spend.recorded"), arrival=instant("0"), trusted=True, phone_region=None, new_event_id=lambda: "e")
    assert "opt_in" not in stamp(spend, opt_in=("contact",), gpc=True).plain


@pytest.mark.parametrize(
    ("event", "closed"),
    [
        (happened("1h", "email.unsubscribed"), ["email"]),
        (happened("1h", "email.complained"), ["email"]),
        (happened("1h", "message.unsubscribed", channel="telegram"), ["messenger"]),
        (happened("1h", "message.unsubscribed", channel="SMS"), ["sms"]),
        (withdrawn("1h", "contact", channel="phone"), ["phone"]),
        (withdrawn("1h", "contact"), list(CHANNELS)),
        (withdrawn("1h", "profiling"), []),
        (withdrawn("1h", "profiling", channel="email"), []),
    ],
)
def test_each_channel_is_closed_by_itself(event: dict[str, Any], closed: list[str]) -> None:
    """Unsubscribing closes one channel, withdrawing contact all of them unless it names one."""
    told(form("0"), event).then(do_not_contact=closed)
    reopened = granted("2h", "contact", channel="email")
    told(form("0"), event, reopened).then(do_not_contact=[channel for channel in closed if channel != "email"])


def test_a_statement_is_kept_with_everything_that_proves_it() -> None:
    """State, instant, position, type, how, which text, where and who wrote it down."""
    said = {"channel": "phone", "source": "support", "method": "call", "text_version": "2026-1"}
    event = {**happened("1h", "consent.granted", properties={"purpose": "contact", **said}, trusted=True), "author": "zoe"}
    lead = told(form("0"), event).lead
    assert lead.consent == {"contact:phone": [True, instant("1h"), 2, "consent.granted", "call", "2026-1", "support", "zoe"]}


def test_without_analytics_behaviour_counts_no_more_than_whom_it_names() -> None:
    """No visit, page, touch, point, count or interest; traits, forms and what people decide count as ever."""
    seen = viewed("2h", "/pricing", traits={"job_title": "boss", "email": "anna@firm.example"})
    lead = told(withdrawn("0", "analytics"), viewed("1h"), viewed("1h"), seen)
    lead.then(visits=0, pages={}, first_touch=None, met=set(), score_behaviour=0.0, score_fit=20.0, stage="lead", events=4)
    assert interests_at(lead.lead, lead.model.topics, lead.clock) == []
    told(withdrawn("0", "analytics"), form("1h")).then(score_behaviour=40.0, stage="mql", visits=0)
    told(withdrawn("0", "analytics"), viewed("1h"), granted("2h", "analytics"), viewed("2h")).then(score_behaviour=1.0, visits=1)


def test_behaviour_is_what_only_observes() -> None:
    """Every type named as behaviour exists; a browser's custom type counts as behaviour, a server's does not."""
    behaviour = {name for name in TYPES if is_behaviour(name, trusted=True)}
    assert {"page.viewed", "email.opened", "file.downloaded"} <= behaviour
    assert not {"form.submitted", "order.placed", "consent.granted", "lead.identified", "chat.started"} & behaviour
    assert (is_behaviour("robot.waved", trusted=False), is_behaviour("robot.waved", trusted=True)) == (True, False)
    assert UNOBSERVED not in TYPES


@settings(max_examples=60)
@hypothesis_given(
    data=st.data(),
    acts=st.lists(
        st.tuples(st.sampled_from(["grant", "withdraw", "form", "view", "stamp"]), st.sampled_from(PURPOSES)),
        min_size=2,
        max_size=9,
    ),
)
def test_any_order_of_arrival_gives_the_same_state(data: st.DataObject, acts: list[tuple[str, str]]) -> None:
    """What was agreed is a function of the set of statements; only positions tell how they came."""
    said = []
    for number, (act, purpose) in enumerate(acts):
        make = {"grant": granted, "withdraw": withdrawn}.get(act)
        event = make(f"{number + 1}h", purpose) if make else (viewed if act == "view" else form)(f"{number + 1}h")
        said.append({**event, "opt_in": [purpose]} if act == "stamp" else event)
    one = fold_stamped(said)
    order = data.draw(st.permutations(range(len(said))))
    model = compile_model(MODEL)
    events = []
    for position, number in enumerate(order, 1):
        arrived = opened({k: v for k, v in said[number].items() if k != "opt_in"}, position)
        arrived.fields.update({"opt_in": said[number]["opt_in"]} if "opt_in" in said[number] else {})
        events.append(arrived)
    other = fold(model.begin(1), sorted(events, key=lambda event: event.at), model, one.clock)
    assert [entry[0] for entry in sorted(one.lead.consent.values())] == [entry[0] for entry in sorted(other.consent.values())]
    for name in (
        "opt_in",
        "profiled",
        "observed",
        "do_not_contact",
        "scores",
        "definitions",
        "temperature",
        "interests",
        "stage",
    ):
        assert getattr(one.lead, name) == getattr(other, name), name


def test_withdrawing_is_said() -> None:
    """The list and the temperature are left, and the score changes although no point did."""
    model = compile_model(MODEL)
    events = [opened(one, number + 1) for number, one in enumerate([form("0"), happened("1h", "lead.accepted"), withdrawn("1d")])]
    lead = fold(model.begin(1), events[:2], model, events[1].at)
    before = changes.remember(lead, model)
    trace = Trace()
    fold(lead, events[2:], model, events[2].at, trace)
    said = [change.kind.value for change in changes.changes_of(before, lead, model, trace, 3, events[2].at)]
    assert said == ["lead.unqualified", "lead.temperature_changed", "lead.score_changed"]


def test_a_state_of_an_earlier_revision_is_read_as_one_that_knows_of_no_consent() -> None:
    """Rows that an earlier version wrote can be shown until they are folded again."""
    old = {name: value for name, value in orjson.loads(dump(told(form("0"), identified("1h")).lead)).items()
           if name not in {"consent", "opt_in", "gpc", "profiled", "observed", "interests", "research"}}  # fmt: skip
    lead = load(orjson.dumps(old).decode())
    assert (lead.consent, lead.profiled, lead.observed, lead.interests, lead.research) == ({}, True, True, [], None)
