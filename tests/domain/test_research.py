"""The research queue, folded: the first who takes an item has it, and a contact ends the search."""

from __future__ import annotations

from lead_events.domain.research import Research, state_of
from tests.given import given, happened, identified, instant, viewed


def test_the_first_who_takes_it_has_it_until_it_is_opened_again() -> None:
    """A second taker changes nothing; after reopening the next one has it."""
    taken = [
        viewed("0"),
        happened("1h", "lead.research_taken", author="zoe"),
        happened("2h", "lead.research_taken", author="max"),
    ]
    lead = given(*taken).folded().lead
    assert lead.research == ["taken", instant("1h"), 2, "zoe", None]
    assert state_of(lead) is Research.TAKEN
    again = [happened("3h", "lead.research_reopened"), happened("4h", "lead.research_taken", author="max")]
    given(*taken, *again).then(research=["taken", instant("4h"), 5, "max", None])


def test_giving_up_has_a_reason_and_can_be_taken_back() -> None:
    """What was given up can be taken or opened again."""
    given_up = [viewed("0"), happened("1h", "lead.research_given_up", author="zoe")]
    given(*given_up).then(research=["given_up", instant("1h"), 2, "zoe", "no_such_company"])
    assert state_of(given(*given_up, happened("2h", "lead.research_reopened")).folded().lead) is Research.FREE
    given(*given_up, happened("2h", "lead.research_taken", author="max")).then(research=["taken", instant("2h"), 3, "max", None])


def test_a_contact_ends_the_search() -> None:
    """Whoever looked is done, and nobody can take it any more."""
    taken = [viewed("0"), happened("1h", "lead.research_taken")]
    given(*taken, identified("2h")).then(research=None)
    given(*taken, identified("2h"), happened("3h", "lead.research_taken")).then(research=None)
