"""What a model would have said at each past instant: from what was known by then, and from nothing that came to light later."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from lead_events.domain import hindsight
from lead_events.domain.backtest import Tally
from lead_events.domain.events import Event
from lead_events.domain.hindsight import Question, Sighting, Story, Watched, is_assumed, prepare, tell, watch
from lead_events.domain.lead import fold
from lead_events.domain.model import Model, compile_model
from lead_events.domain.scoring import Trace
from lead_events.domain.times import DAY, MINUTE, Instant, format_instant
from tests.given import BEGIN, happened, identified, instant, opened, viewed
from tests.histories import MODEL, Said, logs

READY: dict[str, Any] = {
    "scores": {"heat": {"half_life": "30d", "rules": [{"id": "view", "when": {"type": "page.viewed"}, "points": 10}]}},
    "definitions": {"ready": {"scores.heat": {"at_least": 25}}},
}
BY_SALES = "lead.accepted"
Watcher = Callable[[Story, Watched], Sighting]


def story(*said: dict[str, Any], horizon: str | None = None, founding: int = 1) -> Story:
    """Tell a lead's story until 60 days after the beginning; events arrive when they happened unless they say otherwise."""
    events = sorted((opened(one, number + 1) for number, one in enumerate(said)), key=_key)
    length = None if horizon is None else instant(horizon) - BEGIN
    return tell(founding, events, Question("deal.won", length, instant("60d")))


def _key(event: Event) -> tuple[Instant, int]:
    return event.at, event.position


def found(told: Story, document: dict[str, Any] = READY, watcher: Watcher = watch) -> float | None:
    """Return the days after the beginning at which the first definition was met."""
    at = watcher(told, prepare("it", compile_model(document))).found[0]
    return None if at is None else (at - BEGIN) / DAY


def known(after: str, said: dict[str, Any]) -> dict[str, Any]:
    """Say of an event that it was known later than it happened; it reaches the log ten years after that."""
    return {**said, "known_at": format_instant(instant(after)), "trusted": True}


def views(*days: int) -> list[dict[str, Any]]:
    """Views on some days."""
    return [viewed(f"{day}d") for day in days]


def test_a_lead_is_found_when_the_definition_is_first_met() -> None:
    """Not before, and not later."""
    assert found(story(*views(1, 2, 3, 9))) == 3
    assert found(story(*views(1, 2))) is None


@pytest.mark.parametrize("won", ["3d", "2d"])
def test_what_happens_at_the_outcome_or_after_it_finds_nobody(won: str) -> None:
    """The third view comes with the deal, or after it."""
    told = story(*views(1, 2, 3), happened(won, "deal.won"))
    assert (found(told), told.outcome_at) == (None, instant(won))


def test_an_event_counts_from_when_it_was_known() -> None:
    """It is folded into its place in time, but finds only from then on."""
    late = known("20d", viewed("2d"))
    arrived = opened(late, 2)
    arrived.received_at = instant("3650d")
    events = [opened(viewed("1d"), 1), arrived, opened(viewed("3d"), 3)]
    told = tell(1, events, Question("deal.won", None, instant("60d")))
    assert [at for at, _ in told.moments] == [instant("1d"), instant("3d"), instant("20d")]
    warm = copy.deepcopy(READY)
    warm["scores"]["heat"]["half_life"] = "300d"
    assert found(told, warm) == 20
    assert found(told) is None  # by then the points of the first days have faded


def test_silence_is_no_rule_that_could_be_judged() -> None:
    """Events that become known at once hold a silence between them; it takes points, and only rules are told to have fired."""
    quiet = {"heat": {**READY["scores"]["heat"], "inactivity": [{"id": "quiet", "after": "5d", "points": -5}]}}
    watched = prepare("it", compile_model({**READY, "scores": quiet}))
    events = [opened(said, number) for number, said in enumerate(views(1, 20), 1)]
    for event in events:
        event.received_at = instant("40d")
    told = tell(1, events, Question("deal.won", None, instant("60d")))
    assert watch(told, watched).fired == {"view"}
    tally = Tally([watched])
    tally.add(told, [watch(told, watched)])
    assert [rule.rule for rule in tally.report().rules] == ["view"]


def test_an_event_known_after_the_outcome_finds_nobody() -> None:
    """It happened before the deal, but nobody could have acted on it."""
    events = [opened(each, number) for number, each in enumerate(views(1, 2, 3), 1)] + [opened(happened("9d", "deal.won"), 4)]
    events[2].received_at = instant("10d")
    assert found(tell(1, events, Question("deal.won", None, instant("60d")))) is None


def test_what_a_second_browser_did_counts_since_it_said_who_it_is() -> None:
    """The browser that founded the lead was this lead from its first event."""
    phone = [viewed("1d", anonymous_id="p"), viewed("2d", anonymous_id="p"), viewed("3d", anonymous_id="p")]
    claim = {**identified("8d"), "anonymous_id": "p"}
    assert found(story({**identified("0"), "anonymous_id": "w"}, *phone, claim)) == 8
    assert found(story(*phone, claim)) == 3


def test_a_horizon_ends_the_story() -> None:
    """Neither what finds nor the outcome counts after it."""
    told = story(*views(1, 2, 3), happened("9d", "deal.won"), horizon="7d")
    assert (found(told), told.outcome_at, told.until) == (3, None, instant("8d"))
    assert found(story(*views(1, 2, 3), horizon="1d")) is None


def test_sales_and_what_is_assumed_are_noted() -> None:
    """Sales' first act; and of what says when it was known, what was taken for known at once."""
    told = story(
        known("1d", viewed("1d")), known("3d", viewed("2d")), viewed("3d"), happened("4d", BY_SALES), happened("9d", "deal.won")
    )
    assert (told.sales_at, told.imported, told.assumed) == (instant("4d"), 2, 1)
    assert is_assumed(told.moments[0][1][0])


def test_time_alone_can_find_a_lead() -> None:
    """It is found at the instant at which the condition comes to hold."""
    cold = copy.deepcopy(READY)
    cold["definitions"]["ready"] = {"all": [{"contact": "present"}, {"not": {"scores.heat": {"at_least": 5}}}]}
    assert found(story(viewed("0"), identified("0")), cold) == pytest.approx(30, abs=1e-6)


# --- against the naive way ------------------------------------------------------------------------------------------


def naive(story_: Story, model: Model) -> list[Instant | None]:
    """Find by folding, from scratch, everything known between every two moments."""
    first: list[Instant | None] = [None] * len(model.definitions)
    known_now: list[Event] = []
    moments = [moment for moment in story_.moments if moment[0] <= story_.until]
    for number, (at, events) in enumerate(moments):
        known_now = sorted([*known_now, *events], key=_key)
        until = moments[number + 1][0] - 1 if number + 1 < len(moments) else story_.until
        lead = fold(model.begin(1), known_now, model, at)
        met = [at if entry[0] else None for entry in lead.definitions]
        trace = Trace()
        fold(model.begin(1), known_now, model, until, trace)
        names = [name for name, _ in model.definitions]
        for move in trace.moves:
            if move.kind == "qualified" and move.at > at and met[names.index(str(move.new))] is None:
                met[names.index(str(move.new))] = move.at
        first = [old if old is not None else new for old, new in zip(first, met, strict=True)]
    return first


def naive_fired(story_: Story, model: Model) -> set[str]:
    """Return the rules that gave or took points in one fold of everything known in time."""
    events = sorted((event for at, events in story_.moments if at <= story_.until for event in events), key=_key)
    trace = Trace()
    fold(model.begin(1), events, model, story_.until, trace)
    return {given.rule for given in trace.contributions if given.credited}


def is_own(event: Event, events: Sequence[Event]) -> bool:
    """Say whether a lead owns an event: a browser that never said who it is owns itself, unless it founded the lead."""
    claimed = {each.anonymous for each in events if each.strong or each.position == 1}
    return bool(event.strong) or event.anonymous in claimed


def random_story(said: Sequence[Said], until: int | None = None) -> Story:
    """Tell a random log as one lead's story; each event was known at its arrival."""
    events = [opened(one.sent(), one.number + 1) for one in said]
    for event, one in zip(events, said, strict=True):
        event.received_at = max(one.arrival, event.at)
    events = [event for event in events if is_own(event, events)]
    return tell(1, sorted(events, key=_key), Question(BY_SALES, None, until or said[-1].arrival + 3 * DAY))


@pytest.mark.parametrize("remember_every", [2, 64])
@settings(max_examples=80)
@hypothesis_given(said=logs())
def test_watching_equals_folding_again_at_every_moment(remember_every: int, said: list[Said]) -> None:
    """Whatever arrives late, whatever time alone does, and however often the watcher remembers where it was."""
    told = random_story(said)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hindsight, "_REMEMBER_EVERY", remember_every)
        sighting = watch(told, prepare("short", compile_model(MODEL)))
    assert list(sighting.found) == naive(told, compile_model(MODEL))
    assert sighting.fired == naive_fired(told, compile_model(MODEL))


def asking(points: float) -> dict[str, Any]:
    """Return a model with a threshold beside what only events, only time or another way in can bring about."""
    document = copy.deepcopy(MODEL)
    hot = {"all": [{"scores.behaviour": {"at_least": points}}, {"count": {"type": "page.viewed"}, "at_least": 1, "within": "1d"}]}
    warm = {"all": [{"visits": {"at_least": 3}}, {"not": {"scores.heat": {"at_least": 5}}}]}
    document["definitions"]["ready"] = {"any": [hot, warm], "contact": "present"}
    return document


@settings(max_examples=60)
@hypothesis_given(said=logs(), points=st.sampled_from([5, 10, 20, 25, 30, 45, 60]))
def test_what_a_score_reached_tells_who_another_threshold_finds(said: list[Said], points: int) -> None:
    """A lead is found under a document with that threshold exactly when it reached so many points."""
    told = random_story(said)
    reached = watch(told, prepare("short", compile_model(asking(25)))).reached[0]
    is_found = watch(told, prepare("other", compile_model(asking(points)))).found[0] is not None
    assert (reached is not None and reached >= points) is is_found


def look_ahead(told: Story, watched: Watched) -> Sighting:
    """Watch as somebody would who forgets that what happened may have been known later."""
    events = sorted((event for _, events in told.moments for event in events), key=_key)
    return watch(told._replace(moments=[(event.at, [event]) for event in events]), watched)


def does_look_ahead(watcher: Watcher, said: Sequence[Said]) -> bool:
    """Say whether anything that came to be known after some moment changes what was found by then."""
    model = compile_model(MODEL)
    whole = watcher(random_story(said), prepare("short", model)).found
    for size in range(1, len(said)):
        now = said[size].arrival - MINUTE
        before = [one for one in said if one.arrival <= now]
        if not before:
            continue
        then = watcher(random_story(before, now), prepare("short", compile_model(MODEL))).found
        if [at for at in whole if at is not None and at <= now] != [at for at in then if at is not None]:
            return True
    return False


@settings(max_examples=60)
@hypothesis_given(said=logs(most=10))
def test_nothing_that_comes_later_changes_what_was_found(said: list[Said]) -> None:
    """At every moment the findings are those of a log that ends there."""
    assert not does_look_ahead(watch, [one for one in said if one.body["type"] != BY_SALES] or said[:1])


def test_a_watcher_that_looks_ahead_is_noticed() -> None:
    """Two views become known a day after they happened: whoever goes by when they happened is caught."""
    arrivals = (0, 1_440, 2_880)
    said = []
    for number, minutes in enumerate(arrivals):
        arrival = BEGIN + minutes * MINUTE
        body = viewed((min(minutes, 5)) * MINUTE, anonymous_id="w1", event_id=f"e-{number}")
        said.append(Said(number, arrival, {key: value for key, value in body.items() if key != "trusted"}))
    assert does_look_ahead(look_ahead, said)
    assert not does_look_ahead(watch, said)
