"""What a model would change, told before anything is built: leads are folded by it in memory, and compared. Writes nothing.

Every lead is folded from its own events by the live fold itself, up to the checkpoint at which the live generation stood
when the preview began, however far that one goes on meanwhile. Leads come in an order of which every beginning is a sample.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Engine, func, select

from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.times import format_instant
from lead_events.projections.effects import Effects, Folding, count_effects, describe
from lead_events.projections.folding import fold_or_park
from lead_events.projections.pages import Page
from lead_events.projections.sampling import estimate, shuffled
from lead_events.projections.tallying import Tally, compare_lead, summarize
from lead_events.store import generations, histories, leads, log, models, parked, schema
from lead_events.store.engine import snapshot
from lead_events.store.generations import Generation
from lead_events.store.histories import History
from lead_events.store.leads import LeadRow
from lead_events.store.vault import Vault

FIRST_SECONDS = 0.7
EVERY_SECONDS = 1.0

_CHUNK_LEADS = 50
_CHUNK_POSITIONS = 4_000
_CHUNK_EVENTS = 1_000
# The door's threads share this process: without a gap they would wait for each turn of the interpreter.
_GAP_SECONDS = 0.001

Report = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: every lead of a generation as of its checkpoint, under its own model and under another.

    Attributes:
        live: the generation as it stood when the question was asked.
        leads: how many it had.
    """

    live: Generation
    old: Model
    new: Model
    leads: int


class Pair(NamedTuple):
    """One lead under both models."""

    before: Folding
    after: Folding


def preview(
    engine: Engine,
    vault: Vault,
    model: Model,
    stop: threading.Event,
    *,
    first: float = FIRST_SECONDS,
    every: float = EVERY_SECONDS,
) -> Iterator[Report]:
    """Say what a model would change, first of a sample, then of more and more leads, and at last of all.

    Args:
        engine: of the log.
        vault: of the log.
        model: the candidate; it need not be published.
        stop: set it to end after the leads under way; no exact report follows then.
        first: seconds until the first report.
        every: seconds between two reports.

    Returns:
        Reports, each whole; only the last one is ``exact``.
    """
    return _tell(engine, vault, ask(engine, model), stop, first, every)


def _tell(
    engine: Engine, vault: Vault, question: Question, stop: threading.Event, first: float, every: float
) -> Iterator[Report]:
    tally, effects = Tally(), Effects(question.old, question.live.clock)
    due = time.monotonic() + first
    done = 0
    for positions, pairs in fold_pairs(engine, vault, question):
        if stop.is_set():
            return
        done += positions
        for pair in pairs:
            _count(tally, effects, question, pair)
        if tally.leads and done < question.live.position and time.monotonic() >= due:
            yield _report(question, vault, tally, effects, done / question.live.position)
            due = time.monotonic() + every
        time.sleep(_GAP_SECONDS)
    if not stop.is_set():
        yield _report(question, vault, tally, effects, None)


def ask(engine: Engine, model: Model) -> Question:
    """Fix what a preview compares: the live generation where it stands now."""
    with snapshot(engine) as connection:
        live = generations.load_live(connection)
        old = models.load_compiled(connection, live.model_number, live.list_revision)
        table = schema.leads
        where = table.c.generation_id == live.generation_id, table.c.founding <= live.position
        counted = connection.execute(select(func.count()).where(*where)).scalar_one()
    return Question(live, old, model, counted)


def fold_pairs(engine: Engine, vault: Vault, question: Question) -> Iterator[tuple[int, list[Pair]]]:
    """Fold every lead under both models, some at a time; yields how many positions were looked at for them, too.

    A lead is named by the position that founded it, so positions in a shuffled order give leads in one.
    """
    per_lead = question.live.position // max(1, question.leads)
    size = min(_CHUNK_POSITIONS, max(1, per_lead * _CHUNK_LEADS))
    positions = shuffled(question.live.position)
    while chunk := list(islice(positions, size)):
        waiting = chunk
        while waiting:
            waiting, pairs = _fold_some(engine, vault, question, waiting)
            yield (0 if waiting else len(chunk)), pairs


def _fold_some(engine: Engine, vault: Vault, question: Question, positions: Sequence[int]) -> tuple[list[int], list[Pair]]:
    """Fold the leads founded at some of these positions in one transaction; returns those that are left as well."""
    live = question.live
    with snapshot(engine) as connection:
        vault.notice(log.read_head(connection).erasures)
        rows = leads.load(connection, live.generation_id, positions)
        some = _bounded(sorted(rows), rows)
        skips = parked.load_skips(connection)
        owned = histories.load(connection, vault, some, live.position, skips)
        pairs = [_fold_pair(question, rows[founding], owned[founding]) for founding in some if owned[founding].position]
    left = rows.keys() - set(some)
    return sorted(left), pairs


def _bounded(foundings: Sequence[int], rows: dict[int, LeadRow]) -> list[int]:
    """Return the first leads, as many as have not too many events together; at least one."""
    some, events = list[int](), 0
    for founding in foundings:
        events += rows[founding].lead.events
        if some and events > _CHUNK_EVENTS:
            break
        some.append(founding)
    return some


def _fold_pair(question: Question, row: LeadRow, history: History) -> Pair:
    before = _fold(question, question.old, row.lead.founding, history)
    if not _has_moved_on(question.live, row):
        before = replace(before, lead=row.lead)  # also what is parked or stale is as readers see it
    return Pair(before, _fold(question, question.new, row.lead.founding, history))


def _has_moved_on(live: Generation, row: LeadRow) -> bool:
    """Say whether a row shows what happened after the preview began: an event, time alone, or an operator's retry."""
    return row.position > live.position or row.lead.ticked > live.clock or row.updated_at > live.clock


def _fold(question: Question, model: Model, founding: int, history: History) -> Folding:
    trace = Trace()
    page = Page(question.live, model, (), question.live.position, question.live.clock)
    lead, _ = fold_or_park(page, founding, None, history.events, trace)
    return Folding(lead, model, trace)


def _count(tally: Tally, effects: Effects, question: Question, pair: Pair) -> None:
    before, after = pair.before.lead, pair.after.lead
    moved = compare_lead(tally, question.old, question.new, before, after, question.live.clock)
    count_effects(effects, pair.before, pair.after, moved, {founding for _, founding in tally.movers})


def _report(question: Question, vault: Vault, tally: Tally, effects: Effects, share: float | None) -> Report:
    """Write down what is known so far.

    Args:
        share: of the log that was looked through, 0 to 1; None when nothing is left.
    """
    live, is_exact = question.live, share is None
    of = tally.leads if is_exact else max(question.leads, tally.leads)
    counted = summarize(tally, question.old, question.new)
    effects_found = describe(effects, tally, question.new, vault.log_id, of / max(1, tally.leads))
    return {
        "exact": is_exact,
        "sample": {"leads": tally.leads, "of": of},
        "progress": 1.0 if share is None else round(min(share, 1.0), 4),
        "as_of": format_instant(live.clock),
        "position": live.position,
        "from": {"generation_id": live.generation_id, "model": live.model_number},
        "estimate": None if is_exact else _estimate(tally, counted, of),
        **counted,
        **effects_found,
    }


def _estimate(tally: Tally, counted: dict[str, Any], of: int) -> dict[str, Any]:
    """Return what the sample says of all leads."""
    return {
        "different": estimate(tally.different, tally.leads, of),
        "definitions": {
            name: {move: estimate(leads, tally.leads, of) for move, leads in moves.items()}
            for name, moves in counted["definitions"].items()
        },
    }
