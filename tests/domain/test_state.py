"""The state of a fold is written down losslessly: what is loaded goes on exactly as what was kept in memory."""

from __future__ import annotations

import json

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings

from lead_events.domain import state
from lead_events.domain.lead import fold
from lead_events.domain.model import Model, compile_model
from tests.given import opened
from tests.histories import LANGUAGE, MODEL, Said, logs

SHORT = compile_model(MODEL)


@pytest.mark.parametrize("model", [SHORT, compile_model(LANGUAGE)], ids=["short", "everything"])
@settings(max_examples=60)
@hypothesis_given(said=logs())
def test_dump_and_load_between_events_change_nothing(model: Model, said: list[Said]) -> None:
    """However often a state is stored, the next event finds the same bits."""
    events = [opened(one.sent(), one.number + 1) for one in said]
    events.sort(key=lambda event: (event.at, event.position))
    whole, stored = model.begin(1), model.begin(1)
    fold(whole, events, model, events[-1].at)
    for event in events:
        fold(stored, [event], model, event.at)
        text = state.dump(stored)
        stored = state.load(text)
        assert state.dump(stored) == text
    assert state.dump(stored) == state.dump(whole)


def test_a_new_lead_knows_nothing() -> None:
    """The beginning is written down like everything else."""
    lead = SHORT.begin(5)
    assert (lead.founding, lead.contact, lead.trait("city"), lead.stage) == (5, False, None, "visitor")
    assert state.dump(state.load(state.dump(lead))) == state.dump(lead)


def test_a_state_of_an_earlier_revision_is_read_as_far_as_it_goes() -> None:
    """What it does not know yet is as for a new lead."""
    told = json.loads(state.dump(SHORT.begin(5)))
    for name in ("expiring", "acted", "silent", "awaited"):
        del told[name]
    assert state.dump(state.load(json.dumps(told))) == state.dump(SHORT.begin(5))
