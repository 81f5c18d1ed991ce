"""Decay: one closed form, the same bits everywhere, exact about instants, and a rank that never lies about order."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from lead_events.domain.decay import UNRANKED, cooling_instant, decay_factor, decayed, rank, rank_of_threshold
from lead_events.domain.times import DAY, YEAR_2000

TEN_YEARS = 3_652 * DAY
NOW = YEAR_2000 + 26 * 365 * DAY
half_lives = st.integers(1, 365).map(lambda days: days * DAY)
spans = st.integers(0, TEN_YEARS)
points = st.floats(0.01, 1e6)


@given(half_life=half_lives, halvings=st.integers(0, 1_000))
def test_whole_half_lives_are_exact(half_life: int, halvings: int) -> None:
    """After n half-lives exactly 2^-n is left."""
    assert decay_factor(half_life * halvings, half_life) == 0.5**halvings


@given(half_life=half_lives, one=spans, other=spans)
def test_decay_composes(half_life: int, one: int, other: int) -> None:
    """Decaying in two steps is decaying in one, but for rounding."""
    assume((one + other) / half_life < 1_000)
    at_once = decay_factor(one + other, half_life)
    assert abs(decay_factor(one, half_life) * decay_factor(other, half_life) - at_once) <= at_once * 4e-15


@given(half_life=half_lives, elapsed=spans)
def test_decay_agrees_with_the_power(half_life: int, elapsed: int) -> None:
    """The polynomial is 2^-x to within 1e-15 and a rounding of the power itself."""
    expected = 2.0 ** (-elapsed / half_life)
    assume(expected > 1e-300)
    assert abs(decay_factor(elapsed, half_life) - expected) <= expected * 1.5e-15


@given(half_life=half_lives, elapsed=spans)
def test_decay_is_monotone_by_the_microsecond(half_life: int, elapsed: int) -> None:
    """A later microsecond never shows more points."""
    assert decay_factor(elapsed + 1, half_life) <= decay_factor(elapsed, half_life)


@given(half_life=half_lives, step=st.integers(1, 4_000), beside=st.integers(-3, 3))
def test_decay_is_monotone_where_table_entries_meet(half_life: int, step: int, beside: int) -> None:
    """The seams of the table do not show."""
    elapsed = step * half_life // 64 + beside
    assume(elapsed >= 0)
    assert decay_factor(elapsed + 1, half_life) <= decay_factor(elapsed, half_life)


@given(value=points, threshold=points, half_life=half_lives)
def test_cooling_is_the_first_microsecond_below(value: float, threshold: float, half_life: int) -> None:
    """At the cooling instant the score is below the threshold, one microsecond before it is not."""
    instant = cooling_instant(value, NOW, threshold, half_life)
    if value < threshold:
        assert instant is None
        return
    assert instant is not None
    assert decayed(value, NOW, instant, half_life) < threshold
    assert decayed(value, NOW, instant - 1, half_life) >= threshold


def test_what_never_fades_never_cools() -> None:
    """Without a half-life, or below the threshold already, there is no such instant."""
    assert cooling_instant(80.0, NOW, 50.0, None) is None
    assert cooling_instant(40.0, NOW, 50.0, DAY) is None
    assert decayed(80.0, NOW, NOW + TEN_YEARS, None) == 80.0


def test_a_score_exactly_at_the_threshold_cools_at_once() -> None:
    """Fifty points reach fifty for as long as they last, which is less than two microseconds."""
    instant = cooling_instant(50.0, NOW, 50.0, DAY)
    assert instant == NOW + 1


@given(half_life=half_lives, one=points, other=points, gap=spans, look=spans)
def test_rank_orders_like_the_scores(half_life: int, one: float, other: float, gap: int, look: int) -> None:
    """At any instant the higher rank is the higher score, unless they are equal to twelve digits."""
    later = NOW + gap
    at = later + look
    first, second = decayed(one, NOW, at, half_life), decayed(other, later, at, half_life)
    assume(min(first, second) > 1e-290 and abs(first - second) > 2e-12 * max(first, second))
    assert (rank(one, NOW, half_life) < rank(other, later, half_life)) == (first < second)
    assert (rank(-one, NOW, half_life) > rank(-other, later, half_life)) == (first < second)


@given(half_life=half_lives, value=points, threshold=points, look=spans)
def test_rank_answers_thresholds(half_life: int, value: float, threshold: float, look: int) -> None:
    """Asking the index with 1e-9 of slack finds every lead that reaches the threshold exactly."""
    at = NOW + look
    if decayed(value, NOW, at, half_life) >= threshold:
        assert rank(value, NOW, half_life) >= rank_of_threshold(threshold, at, half_life) - 1e-9


def test_nothing_ranks_between_points_and_penalties() -> None:
    """A score of nothing ranks below every point, however old, and above every penalty; what is unknown ranks last."""
    for half_life in (DAY, None):
        falling = [5e-324, 0.0, -5e-324, -5.0, -10.0]
        ranks = [rank(value, YEAR_2000, half_life) for value in falling]
        assert ranks == sorted(ranks, reverse=True)
        assert len(set(ranks)) == len(falling)
        assert ranks[0] > -1e299 > ranks[1]
        assert min(*ranks, rank(-1e300, NOW + 36_500 * DAY, half_life)) > UNRANKED
    assert rank(7.5, NOW, None) == 7.5
