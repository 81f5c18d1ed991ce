"""Every lead under two models, from the log in columns: the same fold as ``pairing``, over the events that matter.

What a signature tells is taken from it; only what it hides is read from the log. Leads in whom nothing matters are counted,
not folded; those who cannot be told from columns are folded from their whole history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Engine

from lead_events.domain.events import Event
from lead_events.domain.lead import fold
from lead_events.domain.model import Model
from lead_events.domain.relevance import Judge, judge_model, judge_rules
from lead_events.domain.rule_changes import changed_rules
from lead_events.domain.scoring import Trace
from lead_events.domain.signatures import Signature, with_numbers
from lead_events.projections.activity import Activity, read_activity
from lead_events.projections.effects import Folding
from lead_events.projections.owning import load_owners
from lead_events.projections.pairing import Pair, Question, fold_some
from lead_events.projections.selecting import Bools, Selection, combine, select
from lead_events.store import leads, log, parked
from lead_events.store.engine import snapshot
from lead_events.store.opening import open_events, read_rows
from lead_events.store.vault import Vault

_CHUNK_LEADS = 500
_CHUNK_EVENTS = 4_000
_ORDER = 20_261_122
"""Seeds the order of leads, so that every beginning of it is the same fair sample."""


Unknown = tuple[str, str]
"""A type of events and one of their fields, with dots, that only the log knows."""


@dataclass(frozen=True, slots=True)
class Recall:
    """What the columns of a log tell two models.

    Attributes:
        activity: the log in columns.
        selection: the events that matter.
        apart: leads that are folded from their whole history.
        touched: per lead of the selection, whether it may be otherwise under the other model.
        because: type of events and field → how many were read from the log because a condition asks for it.
        everything: why every event of every lead matters; empty if not every one does.
    """

    activity: Activity
    selection: Selection
    apart: frozenset[int]
    touched: Bools
    because: Counter[Unknown]
    everything: str

    @property
    def from_log(self) -> int:
        """Count the events that are read from the log itself."""
        return self.activity.from_log + int(self.selection.in_log.sum())

    def count_leads(self) -> int:
        """Count the leads that are folded."""
        return len(self.apart.union(self.selection.leads.tolist()))


def recall(engine: Engine, vault: Vault, question: Question) -> Recall:
    """Choose, from columns, the events that a preview must see.

    Raises:
        SharedNumber: the columns of this log cannot be joined to its leads.
    """
    live = question.live
    with snapshot(engine) as connection:
        vault.notice(log.read_head(connection).erasures)
        activity = read_activity(connection, vault, live.position)
        owners = load_owners(connection, live.position)
        skips = parked.load_skips(connection)
        unlike = leads.load_unlike_fold(connection, live.generation_id)
    judges = [judge_model(model) for model in (question.old, question.new)]
    uses = [judges[0].judge(signature) | judges[1].judge(signature) for signature in activity.signatures]
    wanted = combine([judge.needs for judge in judges], uses, skips)
    selection = select(activity.columns, owners.of(activity.columns), activity.signatures, wanted)
    touched = _touched(question, activity, selection)
    everything = next((judge.needs.everything for judge in judges if judge.needs.everything), "")
    because = _because(judges, activity, selection)
    return Recall(activity, selection, selection.apart | unlike, touched, because, everything)


def _because(judges: Sequence[Judge], activity: Activity, found: Selection) -> Counter[Unknown]:
    """Count, by type and field, the events that are read from the log because a condition asks for what it alone knows."""
    counted: Counter[Unknown] = Counter()
    numbers, events = np.unique(activity.columns.signature[found.rows[found.in_log]], return_counts=True)
    for number, count in zip(numbers.tolist(), events.tolist(), strict=True):
        signature = activity.signatures[number]
        paths = set() if signature.in_log else {path for judge in judges for path in judge.hidden(signature)}
        counted.update({(signature.type, ".".join(path)): count for path in paths})
    return counted


def _touched(question: Question, activity: Activity, found: Selection) -> Bools:
    """Mark the leads that may be otherwise under the other model: where only rules differ, those whose events may fire them."""
    changed = changed_rules(question.old, question.new)
    if changed is None:
        return np.ones(len(found.leads), dtype=bool)
    judge = judge_rules(changed)
    fires = np.array([judge.may_fire(signature) for signature in activity.signatures], dtype=bool)
    if not len(found.leads):
        return np.zeros(0, dtype=bool)
    marked: Bools = np.logical_or.reduceat(fires[activity.columns.signature[found.rows]], found.starts[:-1])
    return marked


def fold_recalled(engine: Engine, vault: Vault, question: Question, recalled: Recall) -> Iterator[tuple[float, list[Pair]]]:
    """Fold the leads in whom something matters; yields which share of them is done, too."""
    found = recalled.selection
    order = np.random.default_rng(_ORDER).permutation(len(found.leads)).tolist()
    waiting, done = sorted(recalled.apart), 0
    for chunk in _chunks(order, found):
        pairs, failed = _fold_chunk(engine, vault, question, recalled, chunk)
        waiting += failed
        done += len(chunk)
        yield done / (len(order) + 1), pairs
    while waiting:
        left, pairs = fold_some(engine, vault, question, waiting[:_CHUNK_LEADS])
        waiting = left + waiting[_CHUNK_LEADS:]
        yield 1.0, pairs


def _chunks(order: Sequence[int], found: Selection) -> Iterator[list[int]]:
    chunk: list[int] = []
    events = 0
    for place in order:
        chunk.append(place)
        events += int(found.starts[place + 1] - found.starts[place])
        if events > _CHUNK_EVENTS or len(chunk) == _CHUNK_LEADS:
            yield chunk
            chunk, events = [], 0
    if chunk:
        yield chunk


def _fold_chunk(
    engine: Engine, vault: Vault, question: Question, recalled: Recall, chunk: Sequence[int]
) -> tuple[list[Pair], list[int]]:
    """Fold some leads; returns also those whose events cannot be folded, for whom ``pairing`` finds out which one it is."""
    found = recalled.selection
    spans = [slice(int(found.starts[place]), int(found.starts[place + 1])) for place in chunk]
    opened = _open(engine, vault, [int(row) + 1 for span in spans for row in found.rows[span][found.in_log[span]]])
    pairs, failed = list[Pair](), list[int]()
    for place, span in zip(chunk, spans, strict=True):
        founding = int(found.leads[place])
        if founding in recalled.apart:
            continue
        events = _events(recalled.activity, found, span, opened)
        try:
            before = _fold(question, question.old, founding, events)
            is_touched = recalled.touched[place]
            after = _fold(question, question.new, founding, events) if is_touched else replace(before, model=question.new)
            pairs.append(Pair(before, after))
        except Exception:  # noqa: BLE001 - whatever is wrong with one event, the other leads are folded
            failed.append(founding)
    return pairs, failed


def _fold(question: Question, model: Model, founding: int, events: Sequence[Event]) -> Folding:
    trace = Trace()
    return Folding(fold(model.begin(founding), events, model, question.live.clock, trace), model, trace)


def _open(engine: Engine, vault: Vault, positions: Sequence[int]) -> dict[int, Event]:
    if not positions:
        return {}
    with snapshot(engine) as connection:
        vault.notice(log.read_head(connection).erasures)
        return {event.position: event for event in open_events(connection, vault, read_rows(connection, positions))}


def _events(activity: Activity, found: Selection, span: slice, opened: dict[int, Event]) -> list[Event]:
    columns, rows = activity.columns, found.rows[span]
    number = columns.signature[rows].tolist()
    at, browser = columns.at[rows].tolist(), columns.browser[rows].tolist()
    events = []
    for index, row in enumerate(rows.tolist()):
        event = opened.get(row + 1)
        if event is None:
            signature = activity.signatures[number[index]]
            fields = signature.fields if not signature.numbers else _with_numbers(activity, signature, row)
            named = browser[index].to_bytes(8, "big") if browser[index] else None
            event = Event(row + 1, at[index], at[index], signature.type, b"", named, (), fields)
        events.append(event)
    return events


def _with_numbers(activity: Activity, signature: Signature, row: int) -> dict[str, object]:
    return with_numbers(signature, [float(column[row]) for column in activity.columns.numbers])
