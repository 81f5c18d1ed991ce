"""A back-test: every lead of the log, a chunk at a time, watched under several models; nothing is written about any lead.

Memory holds the keys of one part of the log, the events of one chunk of leads, and counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine

from lead_events.domain.backtest import Backtest, LeftOut, Tally
from lead_events.domain.erasing import ERASED
from lead_events.domain.errors import InvalidInput
from lead_events.domain.event_types import TYPES
from lead_events.domain.events import Event
from lead_events.domain.hindsight import Question, Watched, prepare, tell, watch
from lead_events.domain.lists import Lists
from lead_events.domain.model import compile_model
from lead_events.domain.times import Instant
from lead_events.projections.aside import Say, WorkKilled, run_aside
from lead_events.projections.replay import Opening
from lead_events.store import identity, lists, log, ownership, parked
from lead_events.store.engine import reading
from lead_events.store.envelope import sort_refs
from lead_events.store.opening import open_events, read_rows
from lead_events.store.vault import Vault

_PART_POSITIONS = 65_536
_PAGE_EVENTS = 5_000
_CHUNK_EVENTS = 2_000
_SHORT_LOG = 20_000
"""Positions; a process takes about a second to start."""

Advance = Callable[[int, int], None]
"""Told (positions of the log done since the last call, all positions)."""


class NoSuchOutcome(InvalidInput):
    """No lead has an event {0} in time; name one that happened, such as {1}, or a longer horizon."""


class _Row(NamedTuple):
    """What is read of an event before it is opened."""

    lead: int
    at: Instant
    position: int
    type: str
    refs: bytes


@dataclass(slots=True)
class _Test:
    """A back-test under way."""

    vault: Vault
    question: Question
    watched: Sequence[Watched]
    skips: Collection[int]
    tally: Tally
    left_out: LeftOut = field(default_factory=LeftOut)


def run(
    engine: Engine,
    vault: Vault,
    documents: Mapping[str, Mapping[str, Any]],
    *,
    outcome: str,
    horizon: int | None = None,
    changed: Lists | None = None,
    advance: Advance | None = None,
) -> Backtest:
    """Try models on everything that happened.

    Args:
        documents: label → model document.
        outcome: type of the event that good definitions find leads before.
        horizon: how long to watch each lead from its first event, microseconds; None until the end of the log.
        changed: lists of mail providers; those published last when None.
        advance: told now and then how far it is; what it raises ends the work.

    Raises:
        InvalidModel: a document cannot be compiled.
        NoSuchOutcome: no lead had that outcome.
    """
    with reading(engine) as connection:
        used = changed or lists.load_compiled(connection)
        head = log.read_head(connection)
        skips = parked.load_skips(connection)
    watched = [prepare(label, compile_model(document, used)) for label, document in documents.items()]
    identity.extend(engine, head.position, _PAGE_EVENTS)
    test = _Test(vault, Question(outcome, horizon, head.received_at), watched, skips, Tally(watched))
    for low in range(0, head.position, _PART_POSITIONS):
        high = min(low + _PART_POSITIONS, head.position)
        with reading(engine) as connection:
            for done in _test_part(connection, test, low, high, head.position):
                if advance is not None:
                    advance(done, head.position)
    report = test.tally.report()
    if not report.with_outcome:
        others = [type_ for type_ in TYPES if type_ != outcome]
        raise NoSuchOutcome(outcome, (get_close_matches(outcome, others, 1) or ["deal.won"])[0])
    return Backtest(test.question, report, test.left_out)


def run_apart(
    opening: Opening,
    engine: Engine,
    vault: Vault,
    documents: Mapping[str, Mapping[str, Any]],
    *,
    outcome: str,
    horizon: int | None = None,
    changed: Lists | None = None,
    advance: Advance | None = None,
) -> Backtest:
    """Do what ``run`` does in a process of its own, unless the log is so short that starting one would take longer."""
    with reading(engine) as connection:
        position = log.read_head(connection).position
    asked: dict[str, Any] = {"outcome": outcome, "horizon": horizon, "changed": changed}
    if position < _SHORT_LOG:
        return run(engine, vault, documents, **asked, advance=advance)
    work = partial(_say_run, documents, asked)
    with closing(run_aside(opening, work, threading.Event())) as told:
        for said in told:
            if isinstance(said, Backtest):
                return said
            if advance is not None:
                advance(*said)
    raise WorkKilled


def _say_run(documents: Mapping[str, Mapping[str, Any]], asked: dict[str, Any], engine: Engine, vault: Vault, say: Say) -> None:
    say(run(engine, vault, documents, **asked, advance=lambda done, total: say((done, total))))


def _test_part(connection: Connection, test: _Test, low: int, high: int, upto: int) -> Iterator[int]:
    """Watch every lead founded in a range of positions; yields how many positions were done since the last time."""
    rows = [row for row in _load_rows(connection, low, high, upto) if row.position not in test.skips]
    said = low
    for chunk in _chunks(_choose(test, rows)):
        opened = _open(connection, test.vault, chunk)
        for mine in chunk:
            _watch(test, [opened[row.position] for row in mine], mine[0].lead)
        last = chunk[-1][0].lead
        yield last - said
        said = last
    yield high - said


def _load_rows(connection: Connection, low: int, high: int, upto: int) -> list[_Row]:
    """Return the events that the leads of a range own, by lead and in canonical order."""
    founded = ownership.load_founded(connection, low, high, upto)
    return [_Row(*row) for row in ownership.read_founded(connection, founded, "type", "refs")]


def _choose(test: _Test, rows: Sequence[_Row]) -> Iterator[list[_Row]]:
    """Yield the events of each lead that is judged."""
    start = 0
    for end in range(1, len(rows) + 1):
        if end < len(rows) and rows[end].lead == rows[start].lead:
            continue
        mine, start = list(rows[start:end]), end
        if any(row.type == ERASED for row in mine):
            test.left_out.erased += 1
        elif not any(row.type == test.question.outcome or sort_refs(row.refs).strong for row in mine):
            test.left_out.strangers += 1
        else:
            yield mine


def _chunks(leads: Iterator[list[_Row]]) -> Iterator[list[list[_Row]]]:
    """Gather leads until their events are worth a statement."""
    chunk: list[list[_Row]] = []
    events = 0
    for mine in leads:
        chunk.append(mine)
        events += len(mine)
        if events >= _CHUNK_EVENTS:
            yield chunk
            chunk, events = [], 0
    if chunk:
        yield chunk


def _open(connection: Connection, vault: Vault, chunk: Sequence[Sequence[_Row]]) -> dict[int, Event]:
    rows = read_rows(connection, [row.position for mine in chunk for row in mine])
    return {event.position: event for event in open_events(connection, vault, rows)}


def _watch(test: _Test, events: Sequence[Event], founding: int) -> None:
    question = test.question
    try:
        story = tell(founding, events, question)
        if question.horizon is not None and story.begun + question.horizon > question.end:
            test.left_out.too_young += 1
            return
        sightings = [watch(story, each) for each in test.watched]
    except Exception:  # noqa: BLE001 - what cannot be folded parks its lead when it is live, too; the others are judged
        test.left_out.unreadable += 1
        return
    test.tally.add(story, sightings)
