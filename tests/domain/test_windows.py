"""Conditions over windows: each equals a naive reference that looks at all history, at every instant, and turns when it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from lead_events.domain import state
from lead_events.domain.conditions import next_flip
from lead_events.domain.errors import InvalidModel
from lead_events.domain.events import Event
from lead_events.domain.lead import fold
from lead_events.domain.model import compile_model
from lead_events.domain.times import DAY, HOUR, SECOND
from tests.given import BEGIN, given, happened, viewed

ORDER = {"type": "order.placed"}
PAGE = "context.page.path"
AMOUNTS = ("12.50", 10, "0.1", "0.2", 25.3, "many", None, -40, "1e400", "nan")
Story = Sequence[Event]
Reference = Callable[[Story, int], bool]


def event(position: int, at: int, type_name: str, **fields: Any) -> Event:
    """Make one event of a lead."""
    return Event(position, at, at, type_name, b"", b"w" * 16, (), fields)


def amount(one: Event) -> float:
    """Return the amount of an order that a sum counts."""
    try:
        return float(one.fields["properties"]["amount"])
    except (TypeError, ValueError):
        return 0.0


def inside(story: Story, at: int, within: int | None, type_name: str) -> list[Event]:
    """Return the events of a type that a window holds at an instant."""
    return [one for one in story if one.type == type_name and (within is None or one.at + within > at)]


def sums(within: int | None, least: float, needed: float) -> Reference:
    """Add up everything in the window, exactly."""

    def holds(story: Story, at: int) -> bool:
        counted = [amount(one) for one in inside(story, at, within, "order.placed")]
        return sum(round(each * 10_000) for each in counted if least <= each < 1e9 and each > 0) >= round(needed * 10_000)

    return holds


def dwells(within: int, needed: float) -> Reference:
    """Add up the seconds of the pages left in the window."""

    def holds(story: Story, at: int) -> bool:
        seconds = [one.fields["properties"]["seconds"] for one in inside(story, at, within, "page.left")]
        return bool(sum(each for each in seconds if each >= needed / 1000) >= needed)

    return holds


def differs(within: int | None, needed: int) -> Reference:
    """Count the different paths in the window."""

    def holds(story: Story, at: int) -> bool:
        paths = [one.fields["context"]["page"]["path"] for one in inside(story, at, within, "page.viewed")]
        return len({path.lower() for path in paths}) >= needed

    return holds


def follows(types: Sequence[str], within: int | None, lately: int | None) -> Reference:
    """Try every combination of events in order."""

    def holds(story: Story, at: int) -> bool:
        return any(
            [one.type for one in chosen] == list(types)
            and (within is None or chosen[0].at + within > chosen[-1].at)
            and (lately is None or chosen[-1].at + lately > at)
            for chosen in combinations(story, len(types))
        )

    return holds


def ago(least: int | None, most: int | None) -> Reference:
    """Look at the last order."""

    def holds(story: Story, at: int) -> bool:
        orders = inside(story, at, None, "order.placed")
        if not orders:
            return False
        since = at - orders[-1].at
        return (least is None or since >= least) and (most is None or since <= most)

    return holds


CASES: dict[str, tuple[dict[str, Any], Reference]] = {
    "sum in a window": (
        {"sum": {**ORDER, "of": "properties.amount", "properties.amount": {"at_least": 0.2}}, "at_least": 30, "within": "2d"},
        sums(2 * DAY, 0.2, 30),
    ),
    "sum ever": ({"sum": {**ORDER, "of": "properties.amount"}, "at_least": 0.3}, sums(None, 0, 0.3)),
    "dwell": ({"dwell": {PAGE: {"glob": "/*"}}, "at_least": "1m", "within": "1d"}, dwells(DAY, 60)),
    "distinct in a window": ({"distinct": PAGE, "at_least": 3, "within": "2d"}, differs(2 * DAY, 3)),
    "distinct ever": ({"distinct": {"of": PAGE, "type": "page.viewed"}, "at_least": 2}, differs(None, 2)),
    "sequence": (
        {"sequence": [{"type": "page.viewed"}, {"type": "page.left"}, {"type": "order.placed"}], "within": "1d"},
        follows(("page.viewed", "page.left", "order.placed"), DAY, None),
    ),
    "the same act twice": ({"sequence": [ORDER, ORDER], "within": "6h"}, follows(("order.placed",) * 2, 6 * HOUR, None)),
    "sequence lately": (
        {"sequence": [{"type": "page.viewed"}, ORDER], "lately": "1d"},
        follows(("page.viewed", "order.placed"), None, DAY),
    ),
    "long ago": ({"since": ORDER, "at_least": "1d"}, ago(DAY, None)),
    "not long ago": ({"since": ORDER, "at_most": "1d"}, ago(None, DAY)),
    "between": ({"since": ORDER, "at_least": "6h", "at_most": "2d"}, ago(6 * HOUR, 2 * DAY)),
}


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """Tell a short history with many ties, in canonical order."""
    at, told = BEGIN, []
    for position in range(1, draw(st.integers(1, 9)) + 1):
        at += draw(st.sampled_from([0, 0, 1, HOUR, 6 * HOUR, DAY - 1, DAY, 2 * DAY]))
        name = draw(st.sampled_from(["page.viewed", "page.viewed", "page.left", "order.placed"]))
        page = {"page": {"path": draw(st.sampled_from(["/", "/a", "/A", "/b"]))}}
        said = {"amount": draw(st.sampled_from(AMOUNTS)), "seconds": draw(st.sampled_from([0.01, 20, 31.5, 60]))}
        told.append(event(position, at, name, context=page, properties=said))
    return told


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=60)
@hypothesis_given(story=stories(), later=st.sampled_from([0, 1, HOUR, DAY, 2 * DAY, 9 * DAY]))
def test_a_window_is_what_all_history_says(name: str, story: list[Event], later: int) -> None:
    """What is remembered decides as all history does: now, at the next flip, and one microsecond before it."""
    spec, reference = CASES[name]
    model = compile_model({"scores": {"s": {"rules": []}}, "definitions": {"d": spec}})
    end = story[-1].at + later
    lead = fold(model.begin(1), story, model, end)
    condition = model.definitions[0][1]
    now = lead.definitions[0][0]
    assert now == condition.holds(lead, end) == reference(story, end)
    assert (condition.missing(lead, end) == []) == now
    flip = next_flip(lead, model.scope, end)
    for instant in {end + 1, end + HOUR, end + 3 * DAY} | ({flip - 1, flip} if flip else set()):
        assert condition.holds(lead, instant) == reference(story, instant)
    if flip is None:
        assert reference(story, end + 400 * DAY) == now
    assert state.dump(state.load(state.dump(lead))) == state.dump(lead)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=40)
@hypothesis_given(story=stories())
def test_a_definition_turns_at_its_true_instant(name: str, story: list[Event]) -> None:
    """Folded with no look in between, the definition was met and lost exactly when the reference says."""
    spec, reference = CASES[name]
    model = compile_model({"scores": {"s": {"rules": []}}, "definitions": {"d": spec}})
    end = story[-1].at + 9 * DAY
    lead = fold(model.begin(1), story, model, end)
    met, since, lost = lead.definitions[0]
    turn = since if met else lost
    if turn is None:
        return
    known = [one for one in story if one.at <= turn]
    assert reference(known, turn) == met
    before = [one for one in story if one.at < turn]
    tied = any(one.at == turn for one in story)
    assert tied or reference(before, turn - 1) != met


def test_a_small_sum_is_exact() -> None:
    """A tenth and two tenths are three tenths."""
    asked = {"sum": {**ORDER, "of": "properties.amount"}, "at_least": 0.3}
    document = {"scores": {"s": {"rules": []}}, "definitions": {"d": asked}}
    orders = [happened("1m", "order.placed", amount="0.1"), happened("2m", "order.placed", amount="0.2")]
    given(*orders).under(document).then(met={"d"})
    gap = given(orders[0]).under(document).folded()
    assert gap.model.definitions[0][1].missing(gap.lead, gap.clock) == [
        {"field": "sum", "needs": {"of": asked["sum"], "at_least": 0.3}, "has": 0.1}
    ]


def test_what_is_missing_says_how_far_a_sequence_got() -> None:
    """One step of two is done until its time is over."""
    asked = {"sequence": [{"type": "page.viewed"}, ORDER], "within": "1d"}
    told = given(viewed("0")).under({"scores": {"s": {"rules": []}}, "definitions": {"d": asked}}).folded()
    missing = told.model.definitions[0][1].missing
    assert [missing(told.lead, told.clock + after)[0]["has"] for after in (0, DAY - 1, DAY)] == [1, 1, 0]


def test_state_is_bounded() -> None:
    """Ten thousand events leave no more than a condition needs."""
    windows = {name: spec for name, (spec, _) in CASES.items()}
    definitions = {name.replace(" ", "-"): spec for name, spec in windows.items()}
    model = compile_model({"scores": {"s": {"rules": []}}, "definitions": definitions})
    story = [
        event(n, BEGIN + n * SECOND, ("order.placed", "page.left", "page.viewed")[n % 3],
              properties={"amount": 0.25, "seconds": 0.06}, context={"page": {"path": f"/{n}"}})
        for n in range(1, 10_001)
    ]  # fmt: skip
    lead = fold(model.begin(1), story, model, story[-1].at)
    assert max(len(window) for window in lead.windows) <= 1_000


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"sum": {**ORDER, "of": "properties.amount"}, "at_least": 30, "within": "2d"}, "any number of small amounts"),
        ({"sum": {**ORDER}, "at_least": 30}, "sum needs of"),
        ({"sum": {"of": "amount"}, "at_least": 30}, "no field 'amount'"),
        ({"sum": {"of": "properties.amount"}, "at_least": 0}, "number above 0"),
        ({"sum": {"of": "properties.amount"}, "at_least": 5, "until": "2d"}, "sum knows at_least and within, not until"),
        ({"distinct": PAGE, "at_least": 1001}, "1 to 1000"),
        ({"distinct": 5, "at_least": 1}, "distinct needs of"),
        ({"dwell": {"type": "page.viewed"}, "at_least": "1m"}, "without a type"),
        ({"dwell": {}, "within": "1d"}, "dwell needs at_least"),
        ({"sequence": [ORDER], "within": "1d"}, "2 to 10"),
        ({"sequence": [ORDER, {}], "within": "1d"}, "names at least one field"),
        ({"since": ORDER}, "at_least or at_most"),
        ({"since": ORDER, "at_least": "2d", "at_most": "1d"}, "nothing is both"),
        ({"since": ORDER, "at_least": "soon"}, "not a duration"),
    ],
)
def test_a_window_that_cannot_be_is_refused(spec: dict[str, Any], message: str) -> None:
    """Nonsense and unbounded state are refused with what would do."""
    with pytest.raises(InvalidModel, match=message):
        compile_model({"scores": {"s": {"rules": []}}, "definitions": {"d": spec}})
