"""Points: limits, caps and floor cut when points are added, in canonical order; what is cut is lost and shown as cut."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from lead_events.domain.decay import decayed
from lead_events.domain.scoring import ranks, value_at
from lead_events.domain.times import DAY
from tests.domain.scored import cuts, rule, scored
from tests.given import given, happened, identified, instant, viewed

FORM = "form.submitted"


def test_points_halve_in_a_half_life() -> None:
    """Ten points count five after one half-life and 2.5 after two."""
    folded = given(viewed("0")).under(scored(rule(), half_life="10d")).at("20d").folded()
    assert (folded.score("points", "10d"), folded.score("points", "20d")) == (5.0, 2.5)


def test_points_without_a_half_life_stay() -> None:
    """Facts do not fade."""
    given(viewed("0")).under(scored(rule())).at("3000d").then(score_points=10.0)


def test_negative_points_fade_too() -> None:
    """What was taken comes back as it fades: forty less thirty is ten, and half of that is five."""
    model = scored(rule(40), rule(-30, {"type": "email.unsubscribed"}, id="gone"), half_life="10d")
    folded = given(viewed("0"), happened("0", "email.unsubscribed")).under(model).at("10d").folded()
    assert folded.score("points") == 5.0


def test_the_floor_cuts() -> None:
    """A score does not fall below its floor, and the explanation says so."""
    model = scored(rule(5), rule(-30, {"type": "email.unsubscribed"}, id="gone"))
    folded = given(viewed("0"), happened("1m", "email.unsubscribed")).under(model).then(score_points=0.0)
    assert cuts(folded) == [(5, ""), (-5, "floor")]


def test_a_floor_below_zero() -> None:
    """A floor may be negative."""
    model = scored(rule(-30, {"type": "email.unsubscribed"}, id="gone"), floor=-20)
    given(happened("0", "email.unsubscribed")).under(model).then(score_points=-20.0)


def test_the_caps_cut() -> None:
    """The rule's cap first, then the score's; what is cut is lost."""
    model = scored(rule(10, cap=15), rule(10, {"type": FORM}, id="form"), cap=20)
    folded = given(viewed("0"), viewed("1m"), viewed("2m"), happened("3m", FORM)).under(model).then(score_points=20.0)
    assert cuts(folded) == [(10, ""), (5, "rule cap"), (0, "rule cap"), (5, "score cap")]


def test_a_cap_leaves_room_as_points_fade() -> None:
    """A rule's cap looks at what is left of its points at that instant."""
    model = scored(rule(10, cap=10), half_life="1d")
    folded = given(viewed("0"), viewed("1d")).under(model).then(score_points=10.0)
    assert cuts(folded) == [(10, ""), (5, "rule cap")]


def test_a_limit_per_day_ends_at_local_midnight() -> None:
    """The day is the model's time zone's: 12:00 UTC is 03:00 of the next day thirteen hours before local midnight's end."""
    limited = rule(10, limit={"times": 1, "per": "day"})
    seen = [viewed("0"), viewed("8h"), viewed("10h")]
    given(*seen).under(scored(limited)).then(score_points=10.0)
    given(*seen).under(scored(limited) | {"time_zone": "Europe/Moscow"}).then(score_points=20.0)


def test_a_limit_per_session_ends_with_the_visit() -> None:
    """Two views of one visit count once, thirty minutes of silence begin another."""
    limited = scored(rule(10, limit={"times": 1, "per": "session"}))
    given(viewed("0"), viewed("30m")).under(limited).then(score_points=10.0, visits=1)
    given(viewed("0"), viewed("30m+1s")).under(limited).then(score_points=20.0, visits=2)


def test_a_limit_per_session_holds_while_another_browser_is_used() -> None:
    """Going to and fro between two browsers is two visits, not many."""
    limited = scored(rule(10, limit={"times": 1, "per": "session"}))
    seen = [viewed(f"{minute + 1}m", anonymous_id=f"b{minute % 2}", user_id="u") for minute in range(6)]
    given(*seen).under(limited).then(score_points=20.0, visits=2)


def test_a_limit_ever() -> None:
    """Three times in a lifetime."""
    seen = [viewed(f"{day}d") for day in range(1, 8)]
    given(*seen).under(scored(rule(10, limit={"times": 3, "per": "ever"}))).then(score_points=30.0)


def test_what_a_limit_cuts_counts_against_no_cap() -> None:
    """A firing that gives nothing uses no room."""
    limited = rule(10, limit={"times": 1, "per": "day"}, cap=20)
    folded = given(viewed("0"), viewed("1m"), viewed("1d"), viewed("2d")).under(scored(limited)).then(score_points=20.0)
    assert [cut for _, cut in cuts(folded)] == ["", "limit", "", "rule cap"]


def test_points_for_traits_hold_while_the_traits_do() -> None:
    """A promotion gives points, the demotion takes them back, and nothing is counted twice."""
    model = scored(rule(20, {"traits.job_title": "Director"}, id="boss"))
    given(identified("0", job_title="Director"), identified("1d", job_title="director")).under(model).then(score_points=20.0)
    given(identified("0", job_title="Director"), identified("1d", job_title="Clerk")).under(model).then(score_points=0.0)


def test_points_for_traits_take_back_only_what_is_left() -> None:
    """Points of a trait fade; what has faded is not taken a second time."""
    model = scored(rule(20, {"traits.job_title": "Director"}, id="boss"), rule(8), half_life="1d")
    history = [identified("0", job_title="Director"), viewed("1d"), identified("1d", job_title="Clerk")]
    given(*history).under(model).then(score_points=8.0)


def test_cleared_traits_take_their_points_along() -> None:
    """A person may empty a trait; the points it gave go with it."""
    model = scored(rule(20, {"traits.job_title": "Director"}, id="boss"))
    cleared = happened("1d", "lead.traits_set", cleared=["job_title", "nonsense"])
    given(identified("0", job_title="Director"), cleared).under(model).then(score_points=None)


def test_a_score_of_traits_alone_is_unknown_without_them() -> None:
    """Null is not zero, ranks below every number, and meets no threshold from above or below."""
    model = scored(rule(20, {"traits.job_title": "Director"}, id="boss"))
    model["definitions"] = {"small": {"scores.points": {"below": 10}}, "big": {"scores.points": {"at_least": 0}}}
    folded = given(viewed("0")).under(model).then(score_points=None, met=set())
    gap = folded.model.definitions[0][1].missing(folded.lead, folded.clock)
    assert gap == [{"field": "scores.points", "needs": {"below": 10}, "has": None, "unknown": ["job_title"]}]
    given(identified("0", job_title="Clerk")).under(model).then(score_points=0.0, met={"small", "big"})


def test_custom_types_and_type_patterns_score() -> None:
    """A rule may name several types, or a pattern of them."""
    seen = [happened("0", "webinar.attended"), happened("1m", "webinar.question_asked"), happened("2m", "demo.asked", seats=7)]
    given(*seen).under(scored(rule(10, {"type": {"glob": "webinar.*"}}))).then(score_points=20.0)
    given(*seen).under(scored(rule(10, {"type": ["webinar.attended", "demo.asked"]}))).then(score_points=20.0)
    given(*seen).under(scored(rule(10, {"type": {"not": "demo.asked"}}))).then(score_points=20.0)
    given(*seen).under(scored(rule(10, {"type": "demo.asked", "properties.seats": {"above": 5}}))).then(score_points=10.0)


def test_fields_are_named_as_they_are_sent() -> None:
    """Properties, traits, context, identifiers and author are found under their wire names."""
    event = viewed("0", "/a", user_id="u", crm_ids={"hubspot": "5"}, author="boris", trusted=True)
    for when in (
        {"user_id": "u"},
        {"crm_ids.hubspot": "5"},
        {"author": "present"},
        {"context.page.path": {"glob": "/A*"}},
        {"context.page.title": "absent"},
        {"type": "page.viewed", "properties.nothing": "absent"},
    ):
        given(event).under(scored(rule(10, when))).then(score_points=10.0)


@settings(max_examples=60)
@hypothesis_given(
    views=st.lists(st.tuples(st.integers(0, 3_000), st.booleans()), min_size=1, max_size=25),
    half_life=st.sampled_from([None, "1d", "30d"]),
)
def test_contributions_sum_to_the_score(views: list[tuple[int, bool]], half_life: str | None) -> None:
    """Everything credited, each decayed by itself, adds up to the score; nothing passes the caps or the floor."""
    model = scored(
        rule(10, cap=35, limit={"times": 2, "per": "day"}),
        rule(-7, {"type": "email.unsubscribed"}, id="gone"),
        half_life=half_life, cap=30,
    )  # fmt: skip
    said = [viewed(f"{minute}m") if view else happened(f"{minute}m", "email.unsubscribed") for minute, view in views if minute]
    if not said:
        return
    folded = given(*said).under(model).at("10d").folded()
    score = folded.model.scores[0]
    total = sum(decayed(c.credited, c.at, folded.clock, score.half_life) for c in folded.trace.contributions)
    value = value_at(folded.lead, 0, score, folded.clock)
    assert value == pytest.approx(total, abs=1e-9)
    assert value is not None
    assert -1e-9 <= value <= 30 + 1e-9


def test_reading_a_score_re_bases_nothing() -> None:
    """However often time is advanced in between, the bits are the same."""
    model = scored(rule(10), half_life="7h")
    model["temperature"] = {"warm": {"scores.points": {"at_least": 6}}}
    once = given(viewed("0"), viewed("3d")).under(model).at("9d").folded()
    from lead_events.domain.funnel import Pending, advance
    from lead_events.domain.lead import fold
    from tests.given import opened

    lead = once.model.begin(1)
    for number, said in enumerate([viewed("0"), viewed("3d")]):
        event = opened(said, number + 1)
        for hour in range(0, 72, 5):
            advance(lead, event.at - 3 * DAY + hour * DAY // 24, once.model, None, Pending())
        fold(lead, [event], once.model, event.at)
    advance(lead, instant("9d"), once.model, None, Pending())
    assert lead.scores == once.lead.scores
    assert lead.temperature == once.lead.temperature == "cold"


def test_priority_ranks_by_a_weighted_sum() -> None:
    """Scores with one half-life may be added; the leads' order is that of the sum."""
    model = scored(rule(10), half_life="30d")
    model["scores"]["other"] = {"half_life": "30d", "rules": [rule(3, {"type": FORM}, id="form")]}
    model["priority"] = {"points": 1, "other": 10}
    viewer = given(viewed("0"), viewed("1d")).under(copy.deepcopy(model)).folded()
    writer = given(happened("0", FORM)).under(model).at("1d").folded()
    assert ranks(writer.lead, writer.model)[0] > ranks(viewer.lead, viewer.model)[0]
    assert ranks(writer.lead, writer.model)[1] < ranks(viewer.lead, viewer.model)[1]


def test_a_limit_per_session_is_one_per_day_for_what_comes_without_a_browser() -> None:
    """What a server sends is part of no visit; it is not one visit for ever."""
    limited = scored(rule(10, {"type": "webinar.attended"}, limit={"times": 1, "per": "session"}))
    said = [happened(at, "webinar.attended", anonymous_id=None, user_id="u", trusted=True) for at in ("1d", "1d", "40d")]
    given(*said).under(limited).then(score_points=20.0)


def test_a_penalty_that_is_taken_back_stays_within_the_cap_of_the_score() -> None:
    """What a trait no longer costs lifts a score no higher than anything else does, and the explanation says what cut it."""
    model = scored(rule(10), rule(-3, {"traits.staff": {"at_least": 5}}, id="large"), cap=20)
    said = [viewed("0"), identified("1m", staff=50), viewed("2m"), viewed("3m"), identified("4m", staff=1)]
    folded = given(*said).under(model).then(score_points=20.0)
    assert cuts(folded) == [(10, ""), (-3, ""), (10, ""), (3, "score cap"), (0, "score cap")]


def test_a_penalty_of_a_trait_leaves_its_group_when_it_is_taken_back() -> None:
    """A group does not go on counting what is gone, so that its rules are worth no more than its cap."""
    poor = rule(-3, {"traits.staff": {"below": 5}}, id="small", group="acts")
    model = scored(rule(10, group="acts"), poor, groups={"acts": {"cap": 10}}, floor=-50)
    said = [identified("0", staff=1), identified("1m", staff=9), viewed("2m"), viewed("3m")]
    given(*said).under(model).then(score_points=10.0)


def test_what_the_own_cap_of_a_rule_cuts_uses_nothing_of_its_groups_limit() -> None:
    """The next rule of the group may still give points."""
    rules = [rule(10, group="acts", cap=10), rule(10, {"type": "file.downloaded"}, id="file", group="acts")]
    model = scored(*rules, groups={"acts": {"limit": {"times": 2, "per": "day"}}})
    folded = given(viewed("0"), viewed("1m"), happened("2m", "file.downloaded")).under(model).folded()
    assert cuts(folded) == [(10, ""), (0, "rule cap"), (10, "")]


def test_scores_below_zero_have_an_order_and_unknown_ones_rank_last() -> None:
    """Two bounces rank below one, one below nothing, and whoever is withheld below all."""
    model = scored(rule(-5, {"type": "email.bounced"}, id="b"), floor=-50)
    bounces = [happened(at, "email.bounced") for at in ("0", "1m")]
    withheld = [viewed("0"), happened("1m", "consent.withdrawn", properties={"purpose": "profiling"})]
    folds = [given(*said).under(model).folded() for said in ([viewed("0")], bounces[:1], bounces, withheld)]
    order = [ranks(each.lead, each.model)[1] for each in folds]
    assert order == sorted(order, reverse=True)
    assert len(set(order)) == 4
