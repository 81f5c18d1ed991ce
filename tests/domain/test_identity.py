"""Identity in two layers, against a reference written from the words of ADR 3 alone: slow, whole histories, no pages."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from lead_events.domain.identity import Claim, Decisions, Known, Named, group, resolve
from lead_events.domain.lead_id import lead_ref
from tests.domain.named import W1, A, B, C, Reference, named_logs


def decide(events: Sequence[Named], pages: Sequence[int]) -> tuple[Known, Decisions]:
    """Resolve a log page by page."""
    known, decided, start = Known(), Decisions(), 0
    for size in itertools.cycle(pages):
        if start >= len(events):
            return known, decided
        page = resolve(known, events[start : start + size])
        decided.bindings += page.bindings
        decided.visitors += page.visitors
        decided.claims += page.claims
        decided.shifts += page.shifts
        start += size
    raise AssertionError


def refer(events: Sequence[Named]) -> Reference:
    """Tell the reference a whole log."""
    reference = Reference()
    for event in events:
        reference.tell(event)
    return reference


@settings(max_examples=50)
@given(events=named_logs(), pages=st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_decisions_equal_the_reference(events: list[Named], pages: list[int]) -> None:
    """Bindings, visitors, claims and owners are what the reference says, whatever the pages."""
    known, decided = decide(events, pages)
    reference = refer(events)
    assert {ref: founding for ref, founding, _ in decided.bindings} == reference.bindings
    assert {ref: founding for ref, founding, _ in decided.visitors} == reference.visitors
    assert sorted(decided.claims) == sorted(reference.claims)
    assert {e.position: known.lead_of(e) for e in events} == {e.position: reference.owner(e) for e in events}


@settings(max_examples=40)
@given(events=named_logs(), pages=st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_shifts_name_what_moves(events: list[Named], pages: list[int]) -> None:
    """Every event that changes hands lies in the stretch of a shift that names both hands; every decision names its position."""
    _, decided = decide(events, pages)
    moved: set[tuple[int, int]] = set()
    for shift in decided.shifts:
        for event in events[: shift.position - 1]:
            key = event.at, event.position
            inside = (shift.low is None or key >= shift.low) and (shift.high is None or key < shift.high)
            if event.anonymous == shift.ref and not event.strong and inside:
                moved |= {(shift.position, shift.loser), (shift.position, shift.winner)}
                moved |= {(shift.position, event.position)} if event.position == shift.visitor else set()
    assert moved == refer(events).moves
    assert all(founding <= position for _, founding, position in decided.bindings)


@settings(max_examples=40)
@given(data=st.data(), events=named_logs(distinct=True, most=9))
def test_any_arrival_gives_the_same_people(data: st.DataObject, events: list[Named]) -> None:
    """With distinct times and no merge candidate, who did what is a function of the set of events."""
    order = data.draw(st.permutations(range(len(events))))
    arrived = [events[number]._replace(position=place + 1) for place, number in enumerate(order)]
    one, other = refer(events), refer(arrived)
    if one.candidates or other.candidates:
        return
    original = {place + 1: number + 1 for place, number in enumerate(order)}
    known, _ = decide(arrived, [3])
    groups: dict[int | None, set[int]] = {}
    for event in arrived:
        groups.setdefault(known.lead_of(event), set()).add(original[event.position])
    assert sorted(map(sorted, groups.values())) == sorted(map(sorted, one.members().values()))


@settings(max_examples=60)
@given(data=st.data(), events=named_logs(most=10))
def test_leads_and_candidates_together_are_equal_for_all_arrivals(data: st.DataObject, events: list[Named]) -> None:
    """Who is joined, by a lead or by a question to a person, is a function of the set of events, whatever the order."""
    order = data.draw(st.permutations(range(len(events))))
    assert _joined(events, range(len(events))) == _joined(events, order)


def _joined(events: Sequence[Named], order: Sequence[int]) -> set[frozenset[int]]:
    """Let events arrive in an order; return which of them are joined by a lead, or by candidates for a merge."""
    known = Known()
    arrived = [events[number]._replace(position=place) for place, number in enumerate(order, 1)]
    decisions = resolve(known, arrived)
    joined = {frozenset({one, two}) for one, two, *_ in decisions.candidates}
    owners = {number: known.lead_of(event) for number, event in zip(order, arrived, strict=True)}
    groups = group((min(pair), max(pair)) for pair in joined)
    of_lead = {lead: min(members) for members in groups for lead in members}
    people: dict[int | None, set[int]] = {}
    for number, owner in owners.items():
        people.setdefault(of_lead.get(owner or 0, owner), set()).add(number)
    return set(map(frozenset, people.values()))


@settings(max_examples=50)
@given(events=named_logs())
def test_a_binding_never_moves(events: list[Named]) -> None:
    """Once bound, strong identifiers share a lead or do not, for ever."""
    known, before = Known(), dict[bytes, int]()
    for event in events:
        resolve(known, [event])
        assert before.items() <= known.bindings.items()
        before = dict(known.bindings)


def test_rank_decides_between_two_leads() -> None:
    """An event that names two people's identifiers belongs to the higher-ranked one's lead, and nothing is merged."""
    events = [Named(1, 1, None, (A,)), Named(2, 2, None, (B,)), Named(3, 3, None, (A, B))]
    known, decided = decide(events, [1])
    assert known.lead_of(events[2]) == 1
    assert known.bindings == {A: 1, B: 2}
    assert decided.shifts == []


def test_a_visitor_that_names_itself_keeps_its_lead() -> None:
    """The first claim adopts the visitor's lead, so the id that was given out stays."""
    known, decided = decide([Named(1, 10, W1, ()), Named(2, 20, W1, (A,))], [9])
    assert known.bindings == {A: 1}
    assert decided.shifts == []


def test_a_known_person_takes_the_browsers_past() -> None:
    """The first claim by somebody known takes the whole history of the browser and empties the visitor."""
    events = [Named(1, 10, None, (A,)), Named(2, 20, W1, ()), Named(3, 30, W1, (A,))]
    known, decided = decide(events, [9])
    assert known.lead_of(events[1]) == 1
    assert [(s.loser, s.winner, s.low, s.high) for s in decided.shifts] == [(2, 1, None, None)]


def test_a_shared_laptop_stays_harmless() -> None:
    """A second person on an owned browser is another lead, and takes only what comes after."""
    events = [Named(1, 10, W1, (A,)), Named(2, 20, W1, ()), Named(3, 30, W1, (B,)), Named(4, 40, W1, ())]
    known, _ = decide(events, [9])
    assert [known.lead_of(event) for event in events] == [1, 1, 3, 3]


def test_a_late_claim_takes_only_its_stretch() -> None:
    """A claim that arrives late gives its person the events up to the next claim."""
    events = [
        Named(1, 10, W1, (A,)),
        Named(2, 20, W1, ()),
        Named(3, 40, W1, ()),
        Named(4, 60, W1, (B,)),
        Named(5, 70, W1, ()),
        Named(6, 30, W1, (C,)),
    ]
    known, decided = decide(events, [2])
    assert [known.lead_of(event) for event in events] == [1, 1, 6, 4, 4, 6]
    assert [(s.loser, s.winner, s.low, s.high) for s in decided.shifts[-1:]] == [(1, 6, (30, 6), (60, 4))]


def test_equal_times_fall_back_to_position() -> None:
    """At one instant the log's order decides: what came before the claim belongs to the claim before."""
    events = [Named(1, 10, W1, (A,)), Named(2, 50, W1, ()), Named(3, 50, W1, (B,)), Named(4, 50, W1, ())]
    known, _ = decide(events, [9])
    assert [known.lead_of(event) for event in events] == [1, 1, 3, 3]


def test_a_lead_id_addresses_its_lead_and_binds_to_it() -> None:
    """An event that names a lead outright belongs to it, and so do identifiers nobody had."""
    events = [Named(1, 10, W1, ()), Named(2, 20, None, (lead_ref(1), A)), Named(3, 30, None, (A,))]
    known, decided = decide(events, [1])
    assert [known.lead_of(event) for event in events] == [1, 1, 1]
    assert decided.bindings == [(A, 1, 2)]


def test_an_event_about_nobody_has_no_lead() -> None:
    """Spend and promotions decide nothing."""
    known, decided = decide([Named(1, 10, None, ())], [1])
    assert known.lead_of(Named(1, 10, None, ())) is None
    assert decided == Decisions()


def test_a_claim_knows_its_place() -> None:
    """Claims of one browser stand in canonical order however they arrive."""
    known, _ = decide([Named(1, 30, W1, (A,)), Named(2, 10, W1, (B,)), Named(3, 20, W1, (C,))], [1])
    assert known.claims[W1] == [Claim(10, 2, 2), Claim(20, 3, 3), Claim(30, 1, 1)]
