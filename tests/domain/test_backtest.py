"""The statistics of a back-test against counting by hand, and what a rule is told."""

from __future__ import annotations

from collections import Counter
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lead_events.domain.backtest import Tally
from lead_events.domain.hindsight import Sighting, Story, prepare
from lead_events.domain.model import compile_model
from lead_events.domain.separation import Verdict, average_precision, judge, measure, relative_risk
from lead_events.domain.times import DAY

DOCUMENT = {
    "scores": {"heat": {"rules": [{"id": "view", "when": {"type": "page.viewed"}, "points": 10}]}},
    "definitions": {"ready": {"scores.heat": {"at_least": 40}}, "known": {"contact": "present"}},
}
LEADS = st.lists(
    st.tuples(
        st.none() | st.integers(50, 90),  # outcome
        st.none() | st.integers(10, 95),  # sales
        st.none() | st.integers(1, 49),  # found
        st.none() | st.integers(0, 90).map(float),  # reached
        st.booleans(),  # fired
    ),
    min_size=1,
    max_size=40,
)
Lead = tuple[int | None, int | None, int | None, float | None, bool]


def tallied(leads: list[Lead]) -> Tally:
    """Count leads; all instants are days."""
    tally = Tally([prepare("it", compile_model(DOCUMENT))])
    for outcome, sales, found, reached, fired in leads:
        days = [None if each is None else each * DAY for each in (outcome, sales, found)]
        story = Story(1, [(0, [])], 100 * DAY, days[0], days[1], 0, 0)
        tally.add(story, [Sighting((days[2], None), (reached,), frozenset({"view"} if fired else ()))])
    return tally


@given(leads=LEADS)
def test_a_report_equals_counting_by_hand(leads: list[Lead]) -> None:
    """Precision, recall, lift, days earlier, and every step of the curve."""
    report = tallied(leads).report()
    ready = next(each for each in report.definitions if each.definition == "ready")
    won = [lead for lead in leads if lead[0] is not None]
    found = [lead for lead in leads if lead[2] is not None]
    good = [lead for lead in won if lead[2] is not None]
    assert (report.leads, report.with_outcome) == (len(leads), len(won))
    assert ready.quality[:2] == (len(found), len(good))
    assert ready.quality.precision == (len(good) / len(found) if found else None)
    assert ready.quality.recall == (len(good) / len(won) if won else None)
    if found and won:
        assert ready.quality.lift == pytest.approx((len(good) / len(found)) / (len(won) / len(leads)))
    assert ready.days_earlier == (median([o - f for o, _, f, *_ in good if o and f]) if good else None)
    by_sales = [s - f for o, s, f, *_ in good if s is not None and o and f and s < o]
    assert ready.days_before_sales == (median(by_sales) if by_sales else None)
    assert (ready.with_sales, ready.before_sales) == (len(by_sales), sum(days > 0 for days in by_sales))
    for step in ready.curves[0].steps:
        above = [lead for lead in leads if lead[3] is not None and lead[3] >= step.at_least]
        assert step.quality[:2] == (len(above), sum(lead[0] is not None for lead in above))
    fired = [lead for lead in leads if lead[4]]
    assert report.rules[0].quality[:2] == (len(fired), sum(lead[0] is not None for lead in fired))


def naive_average_precision(reached: list[tuple[int, bool]], all_with: int) -> float:
    """Sum over thresholds, from the highest: how much recall grows, times the precision there."""
    total, recall_before = 0.0, 0.0
    for threshold in sorted({points for points, _ in reached}, reverse=True):
        above = [had for points, had in reached if points >= threshold]
        recall = sum(above) / all_with
        total += (recall - recall_before) * sum(above) / len(above)
        recall_before = recall
    return total


@settings(max_examples=200)
@given(reached=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=30), missed=st.integers(0, 5))
def test_average_precision_equals_its_definition(reached: list[tuple[int, bool]], missed: int) -> None:
    """With ties as one step; leads that nothing finds count as missed."""
    all_with = sum(had for _, had in reached) + missed
    leads, with_outcome = Counter(points for points, _ in reached), Counter(points for points, had in reached if had)
    expected = naive_average_precision(reached, all_with) if all_with else 0.0
    assert average_precision(leads, with_outcome, all_with) == pytest.approx(expected)


def test_a_perfect_order_has_an_average_precision_of_one() -> None:
    """And the opposite order has the worst there is."""
    assert average_precision({9: 2, 1: 2}, {9: 2}, 2) == 1.0
    assert average_precision({9: 2, 1: 2}, {1: 2}, 2) == 0.5


@pytest.mark.parametrize(
    ("fired", "fired_with", "points", "verdict"),
    [
        (0, 0, 10, Verdict.NEVER_FIRES),
        (100, 60, 10, Verdict.HELPS),
        (100, 60, -10, Verdict.MISLEADS),
        (300, 10, -10, Verdict.HELPS),
        (300, 10, 10, Verdict.MISLEADS),
        (400, 41, 10, Verdict.USELESS),
        (1_000, 100, 10, Verdict.USELESS),
        (980, 100, 10, Verdict.UNCERTAIN),
        (10, 1, 10, Verdict.UNCERTAIN),
        (40, 6, 10, Verdict.UNCERTAIN),
    ],
)
def test_a_rule_is_judged_by_the_leads_it_fires_for(fired: int, fired_with: int, points: float, verdict: Verdict) -> None:
    """Of a thousand leads a hundred had the outcome."""
    assert judge(measure(fired, fired_with, 1_000, 100), 1_000, 100, points) is verdict


def test_the_interval_of_a_relative_risk_holds_the_ratio() -> None:
    """Sixty of a hundred against forty of nine hundred is about 13.5 times."""
    low, high = relative_risk(60, 100, 100, 1_000)
    assert 9 < low < 13.5 < high < 20


def test_equal_definitions_stand_in_the_order_of_their_names() -> None:
    """So that a report is the same every time."""
    names = [each.definition for each in tallied([(60, None, None, None, False)]).report().definitions]
    assert names == ["known", "ready"]
