"""The one fold: order of arrival, repeats of the clock and pauses leave no trace; a golden digest guards its revision."""

from __future__ import annotations

import hashlib
import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from lead_events.domain import changes
from lead_events.domain import state as states
from lead_events.domain.events import Event
from lead_events.domain.lead import FOLD_REVISION, fold
from lead_events.domain.model import Model, compile_model
from lead_events.domain.times import DAY, MINUTE
from tests.given import given, happened, identified, instant, opened, viewed
from tests.histories import LANGUAGE, MODEL, Said, logs

GOLDEN = Path(__file__).with_name("golden_fold.json")
SHORT = compile_model(MODEL)
MODELS = [SHORT, compile_model(LANGUAGE)]
RESTLESS = compile_model(
    {
        **MODEL,
        "definitions": {
            **MODEL["definitions"],
            "warmed": {"temperature": {"one_of": ["warm", "hot"]}},
            "called": {"all": [{"stage": "mql"}, {"definition": "warmed"}]},
        },
        "temperature": {"hot": "called", "warm": {"scores.heat": {"at_least": 9}}},
    }
)
"""Its definitions look at what is derived after them, so that deriving twice is another thing than deriving once."""


def canonical(said: list[Said], *, distinct: bool = False) -> list[Event]:
    """Open a random log as one lead's events in canonical order."""
    events = [opened(one.sent(), one.number + 1) for one in said]
    for event in events:
        event.at += event.position if distinct else 0
    return sorted(events, key=lambda event: (event.at, event.position))


@pytest.mark.parametrize("model", [*MODELS, RESTLESS], ids=["short", "everything", "restless"])
@settings(max_examples=80)
@hypothesis_given(said=logs(), pauses=st.lists(st.integers(0, 3_000), min_size=16, max_size=16))
def test_looking_in_between_changes_nothing(model: Model, said: list[Said], pauses: list[int]) -> None:
    """Folding event by event, with the clock raised as far as the next event allows, gives the same bytes."""
    events = canonical(said)
    end = events[-1].at + 20 * DAY
    whole = fold(model.begin(1), events, model, end)
    lead = model.begin(1)
    for event, following, pause in zip(events, [*events[1:], None], pauses, strict=False):
        fold(lead, [event], model, event.at)
        latest = end if following is None else following.at
        fold(lead, [], model, min(event.at + pause * MINUTE, latest))
    fold(lead, [], model, end)
    assert states.dump(lead) == states.dump(whole)


@pytest.mark.parametrize("model", MODELS, ids=["short", "everything"])
@settings(max_examples=60)
@hypothesis_given(data=st.data(), said=logs(most=10))
def test_any_arrival_gives_the_same_content(model: Model, data: st.DataObject, said: list[Said]) -> None:
    """With distinct times a lead's content is a function of the set of its events: positions show only where they are told."""
    events = canonical(said, distinct=True)
    places = data.draw(st.permutations([event.position for event in events]))
    one = fold(model.begin(1), events, model, events[-1].at + DAY)
    moved = [Event(place, e.at, e.received_at, e.type, e.subject, e.anonymous, e.strong, e.fields)
             for place, e in zip(places, events, strict=True)]  # fmt: skip
    other = fold(model.begin(1), moved, model, events[-1].at + DAY)
    assert content(one) == content(other)


def content(lead: states.Lead) -> dict[str, Any]:
    """Everything a state says but positions."""
    found: dict[str, Any] = json.loads(states.dump(lead))
    found.pop("last_position")
    for kept in ("traits", "consent"):
        found[kept] = {name: entry[:2] + entry[3:] for name, entry in found[kept].items()}
    found["research"] = found["research"] and found["research"][:2] + found["research"][3:]
    found["acted"] = found["acted"] and found["acted"][:1]
    found["expiring"] = [entry[:4] for entry in found["expiring"]]
    found["history"] = [move[:3] for move in found["history"]]
    return found


def test_due_is_never_behind() -> None:
    """After any fold the next due instant lies after the clock, or nothing is due."""
    history = [viewed("0", "/pricing"), identified("1d", job_title="CMO"), happened("1d", "webinar.attended")]
    for day in range(1, 140, 3):
        lead = given(*history).at(f"{day}d").folded().lead
        assert lead.due is None or lead.due > instant(f"{day}d")


def test_time_moves_come_before_an_event_of_the_same_instant() -> None:
    """At equal instants what was due happens first, and the event sees it."""
    taken = [identified("0"), happened("1d", "lead.accepted")]
    stages = given(*taken, happened("91d", "opportunity.opened")).folded().stages
    assert [stage for stage, _ in stages] == ["lead", "sal", "recycled", "opportunity"]


def test_no_event_type_says_what_the_fold_concludes() -> None:
    """Law 5: no event type says what the fold concludes, and no built-in entry leads into itself by a change's name."""
    from lead_events.domain.event_types import TYPES

    conclusions = {kind.value for kind in changes.ChangeKind} - {
        "lead.merged",
        "lead.unmerged",
        "lead.erased",
        "generation.promoted",
    }
    assert not conclusions & set(TYPES)
    assert not {name for name in TYPES if name.split(".")[0] in {"score", "stage", "segment", "temperature", "time"}}


def golden_states(golden: dict[str, Any]) -> list[str]:
    """Fold the committed log under the committed models, lead by lead, to half a year after its end."""
    found = []
    for name in sorted(golden["models"]):
        compiled = compile_model(golden["models"][name])
        told = sorted(enumerate(golden["events"]), key=lambda item: item[1]["lead"])
        for _, group in groupby(told, key=lambda item: item[1]["lead"]):
            events = [opened({k: v for k, v in said.items() if k != "lead"}, number + 1) for number, said in group]
            events.sort(key=lambda event: (event.at, event.position))
            lead = fold(compiled.begin(events[0].position), events, compiled, instant("380d"))
            found.append(states.dump(lead))
    return found


def test_the_golden_log_folds_to_the_golden_states() -> None:
    """When folding changed, FOLD_REVISION must change with it, so that every read model is built again."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    assert len(golden["events"]) == 300
    digest = hashlib.sha256("\n".join(golden_states(golden)).encode()).hexdigest()
    told = (golden["fold_revision"], golden["digest"])
    assert told == (FOLD_REVISION, digest), (
        f"folding changed: raise FOLD_REVISION (if this is not a first release) and write to {GOLDEN.name}: {digest}"
    )


def test_the_golden_log_is_worth_it() -> None:
    """The golden log goes through most stages, all temperatures and both kinds of exits."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    moves = {(move[1], move[2]) for text in golden_states(golden) for move in json.loads(text)["history"]}
    assert {"lead", "mql", "sal", "opportunity", "customer", "recycled", "disqualified"} <= {stage for stage, _ in moves}
    assert {"cooled", "stalled"} <= {reason for _, reason in moves}
