"""Explanations add up: contributions sum to what is shown, to the hundredth, whatever happened and whenever one asks."""

from __future__ import annotations

import hashlib
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lead_events.domain import explain, privacy, state
from lead_events.domain.cooling import AHEAD
from lead_events.domain.events import Event, IdentifierKind
from lead_events.domain.explain import apportion, describe, round_shown, summarise
from lead_events.domain.lead import fold
from lead_events.domain.model import Model, compile_model
from lead_events.domain.rules import CompiledScore
from lead_events.domain.scoring import Trace, value_at
from lead_events.domain.state import Lead
from lead_events.domain.times import DAY, MINUTE, parse_instant
from tests.histories import LANGUAGE, MODEL, START, Said, logs

COMPILED = compile_model(MODEL)
MODELS = pytest.mark.parametrize("model", [COMPILED, compile_model(LANGUAGE)], ids=["short", "everything"])
NOON = parse_instant("2026-11-21T12:00:00Z")


def opened(position: int, said: Said) -> Event:
    """Make the event that a fold would see, as if it had been stored at a position."""
    new = said.admitted()
    fields = privacy.merge(new.plain, new.personal)
    browser = next((each.value for each in new.identifiers if each.kind is IdentifierKind.ANONYMOUS), None)
    anonymous = None if browser is None else hashlib.sha256(browser.encode()).digest()[:16]
    return Event(position, new.at, said.arrival, new.type, b"", anonymous, (), fields)


def folded(model: Model, events: list[Event], until: int) -> tuple[Lead, Trace]:
    """Fold events with tracing on."""
    trace = Trace()
    in_order = sorted(events, key=lambda event: (event.at, event.position))
    return fold(model.begin(1), in_order, model, until, trace), trace


def event(type_name: str, position: int = 1, at: int = NOON, **fields: object) -> Event:
    """Make one event of a lead."""
    return Event(position, at, at, type_name, b"", b"w" * 16, (), dict(fields))


@MODELS
@given(said=logs(), later=st.integers(0, 60 * 24 * 60))
def test_contributions_sum_exactly_to_the_score_shown(model: Model, said: list[Said], later: int) -> None:
    """After limits, caps, floors, traits taken back and any time of decay, the hundredths add up."""
    events = [opened(position, one) for position, one in enumerate(said, 1)]
    as_of = max(one.arrival for one in said) + later * MINUTE
    lead, trace = folded(model, events, as_of)
    for index in range(len(model.scores)):
        explained = explain.explain_score(lead, index, model, as_of)
        parts = explain.explain_contributions(trace.contributions, explained, as_of)
        shown = Decimal(str(explained.value or 0.0))
        assert explained.reason or sum((Decimal(str(part.value)) for part in parts), Decimal()) == shown
        assert all(abs(part.value - part.contribution.credited * part.decay) < 0.011 for part in parts)
        assert (explained.value is None) == bool(explained.missing or explained.reason)


@MODELS
@given(said=logs(), later=st.integers(0, 60 * 24 * 60))
def test_a_score_cools_when_it_says(model: Model, said: list[Said], later: int) -> None:
    """At ``cools_at`` the score is below the threshold, one microsecond before it is not."""
    events = [opened(position, one) for position, one in enumerate(said, 1)]
    as_of = max(one.arrival for one in said) + later * MINUTE
    lead, _ = folded(model, events, as_of)
    before = state.dump(lead)
    for index, score in enumerate(model.scores):

        def reaches(points: float, at: int, index: int = index, score: CompiledScore = score) -> bool:
            value = value_at(folded(model, events, at)[0], index, score, at)
            return value is not None and value >= points

        for points, reached, cools_at in explain.explain_score(lead, index, model, as_of).thresholds:
            assert reached == reaches(points, as_of)
            assert reached or cools_at is None
            if cools_at is not None:
                assert cools_at > as_of
                assert (reaches(points, cools_at - 1), reaches(points, cools_at)) == (True, False)
            assert cools_at is not None or reached == reaches(points, as_of + AHEAD)
    assert state.dump(lead) == before


ENDING: dict[str, Any] = {
    "id": "fair",
    "when": {"type": "webinar.attended"},
    "points": 20,
    "valid_for": "2d",
    "limit": {"times": 1, "per": "day"},
}


@pytest.mark.parametrize(
    ("score", "cools_after"),
    [
        ({"rules": [ENDING]}, 2 * DAY),
        ({"rules": [ENDING], "half_life": "365d"}, 2 * DAY),
        ({"rules": [ENDING | {"valid_for": "9d"}], "inactivity": [{"id": "quiet", "after": "3d", "points": -15}]}, 3 * DAY),
        ({"rules": [ENDING | {"valid_for": "9d"}], "inactivity": [{"id": "quiet", "after": "3d", "points": -5}]}, 9 * DAY),
        ({"rules": [{"id": "stays", "when": {"type": "webinar.attended"}, "points": 20}]}, None),
    ],
)
def test_a_score_cools_by_whatever_time_does(score: dict[str, Any], cools_after: int | None) -> None:
    """Points that end and silence that costs are foreseen, as fading is."""
    model = compile_model({"scores": {"s": score}, "temperature": {"hot": {"scores.s": {"at_least": 10}}}})
    lead, _ = folded(model, [event("webinar.attended")], NOON)
    (threshold,) = explain.explain_score(lead, 0, model, NOON).thresholds
    assert (threshold.reached, threshold.cools_at) == (True, None if cools_after is None else NOON + cools_after)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
@example([0.005] * 3)
@example([-0.004, 0.004])
@example([29.999999999999996])
def test_apportioned_hundredths_sum_to_the_total(points: list[float]) -> None:
    """Each part is its exact value rounded down or up, and they sum to the rounded sum."""
    total = round(round_shown(sum(points)) * 100)
    cents = apportion(points, total)
    assert sum(cents) == total
    assert all(abs(cent - point * 100) <= 1 + 1e-6 for cent, point in zip(cents, points, strict=True))


def test_the_largest_remainder_is_rounded_up_first() -> None:
    """Three thirds of ten points are 3.34, 3.33 and 3.33; a larger remainder goes before."""
    assert apportion([10 / 3] * 3, 1000) == [334, 333, 333]
    assert apportion([0.001, 0.009], 1) == [0, 1]
    assert apportion([], 0) == []


def test_the_summary_says_in_five_lines_what_counts_most() -> None:
    """One line per rule, the heaviest first, with what it gave, what happened, when, and what is left."""
    rules = [
        {"id": "price", "when": {"type": "file.downloaded"}, "points": 30},
        {"id": "pricing", "when": {"type": "page.viewed"}, "points": 5, "cap": 12},
        {"id": "form", "when": {"type": "form.submitted"}, "points": 15},
        {"id": "call", "when": {"type": "call.logged"}, "points": 2},
        {"id": "gone", "when": {"type": "email.unsubscribed"}, "points": -10},
    ]
    fit = [{"id": "boss", "when": {"traits.job_title": "Director"}, "points": 20}]
    model = compile_model({"scores": {"behaviour": {"half_life": "30d", "rules": rules}, "fit": {"rules": fit}}})
    events = [
        event("page.viewed", 1, context={"page": {"path": "/pricing"}}),
        event("page.viewed", 2, NOON + 1, context={"page": {"path": "/prices\n\n" + "x" * 90}}),
        event("file.downloaded", 3, NOON + 2, properties={"file": "/files/price-list.pdf"}),
        event("form.submitted", 4, NOON + 3, properties={"form_id": "audit"}, traits={"job_title": "Director"}),
        event("call.logged", 5, NOON + 4),
        event("email.unsubscribed", 6, NOON + 5),
    ]
    as_of = NOON + 30 * DAY
    lead, trace = folded(model, events, as_of)
    parts = []
    for index in range(len(model.scores)):
        shown = explain.explain_score(lead, index, model, as_of)
        parts += explain.explain_contributions(trace.contributions, shown, as_of)
    assert summarise(parts, {each.position: each for each in events}, model) == [
        "+20 boss: job_title = Director on 2026-11-21",
        "+30 price: downloaded /files/price-list.pdf on 2026-11-21, now 15",
        "+15 form: submitted form audit on 2026-11-21, now 7.5",
        "−10 gone: unsubscribed email on 2026-11-21, now −5",
        f"+10 pricing: 2 times, last viewed /prices {'x' * 71}… on 2026-11-21, now 5",
    ]


def test_points_taken_back_say_that_the_trait_no_longer_holds() -> None:
    """A rule on traits gives its points once and takes them back when the trait changes."""
    fit = [{"id": "boss", "when": {"traits.job_title": "Director"}, "points": 20}]
    model = compile_model({"scores": {"fit": {"rules": fit}}})
    events = [
        event("lead.traits_set", 1, traits={"job_title": "Director"}),
        event("lead.traits_set", 2, NOON + DAY, traits={"job_title": "Clerk"}),
    ]
    lead, trace = folded(model, events, NOON + DAY)
    shown = explain.explain_score(lead, 0, model, NOON + DAY)
    parts = explain.explain_contributions(trace.contributions, shown, NOON + DAY)
    assert [part.value for part in parts] == [20.0, -20.0]
    assert summarise(parts, {each.position: each for each in events}, model) == [
        "+0 boss: 2 times, last no longer holds: job_title = Clerk on 2026-11-22"
    ]


def test_an_event_is_described_by_what_it_was() -> None:
    """Verb, thing and the name of the thing, as far as they are known; START is before all of them."""
    assert describe(event("custom_thing.poked_hard", at=START)) == "poked hard custom thing"
    assert describe(event("page.viewed")) == "viewed page"
    assert describe(event("webinar.attended", properties={"webinar_id": "w-1"})) == "attended webinar w-1"
    assert describe(None) == "an event"
