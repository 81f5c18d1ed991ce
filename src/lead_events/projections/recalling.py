"""Every lead under two models, from the log in columns: the same fold as ``pairing``, over the events that matter.

What a signature tells is taken from it; only what it hides is read from the log. Leads in whom nothing matters are counted,
not folded; those who cannot be told from columns are folded from their whole history.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from sqlalchemy import Engine

from lead_events.domain import overrides
from lead_events.domain.conditions import LeadCondition
from lead_events.domain.erasing import ERASED
from lead_events.domain.events import Event
from lead_events.domain.lead import fold
from lead_events.domain.model import Model
from lead_events.domain.relevance import Asking, Judge, Verdict, judge_models, judge_rules
from lead_events.domain.rule_changes import changed_rules
from lead_events.domain.scoring import Trace
from lead_events.domain.signatures import Signature, read, type_of, with_numbers
from lead_events.domain.threshold_changes import changed_thresholds, may_concern
from lead_events.projections.activity import Activity, read_activity
from lead_events.projections.columns import Bools, Ints
from lead_events.projections.effects import Folding
from lead_events.projections.owning import load_owners
from lead_events.projections.pairing import Pair, Portion, Question, fold_some
from lead_events.projections.selecting import Selection, Wanted, cut, select
from lead_events.projections.unmoved import Judged, Unmoved, find_unmoved, told_by_columns
from lead_events.store import leads, log, parked
from lead_events.store.engine import snapshot
from lead_events.store.opening import open_events, read_rows
from lead_events.store.vault import Vault

_CHUNK_LEADS = 5_000
_CHUNK_EVENTS = 4_000
_FROM_LOG_LEADS = 500
_BLOCK_EVENTS = 500_000
"""Events of which is found out at a time whom they did not move: each takes some 200 bytes meanwhile."""

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
        order: the places of the other leads in the selection, so that every beginning is the same fair sample.
        judged: what was said of the events.
        told: per lead of the selection, whether columns tell everything of it, so that it may be unmoved.
        touched: per lead of the selection, whether it may be otherwise under the other model.
        thresholds: the conditions that differ, where nothing but thresholds does; else None.
        because: type of events and field → how many were read from the log because a condition asks for it.
        everything: why every event of every lead matters; empty if not every one does.
    """

    activity: Activity
    selection: Selection
    apart: frozenset[int]
    order: Ints
    judged: Judged
    told: Bools
    touched: Bools
    thresholds: list[LeadCondition] | None
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
    models = question.old, question.new
    judge, askings = judge_models(models)
    given = [judge.judge(read(text)) for text in activity.texts]
    erasing = [type_of(text) == ERASED for text in activity.texts]
    wanted = Wanted([verdict.use for verdict in given], erasing, bool(judge.needs.everything), judge.needs.everybody, skips)
    found = select(activity.columns, owners.of(activity.columns), wanted)
    apart = found.apart | unlike
    order = np.random.default_rng(_ORDER).permutation(np.flatnonzero(~np.isin(found.leads, list(apart))))
    judged = _judged(askings, given)
    told = told_by_columns(models, judged, activity.columns, found)
    because = _because(judge, activity, found)
    touched, thresholds = _touched(question, activity, found), changed_thresholds(*models)
    return Recall(activity, found, apart, order, judged, told, touched, thresholds, because, judge.needs.everything)


def _judged(askings: Sequence[Asking], given: Sequence[Verdict]) -> Judged:
    """Return each verdict once, and which one was given on each signature."""
    places = {verdict: place for place, verdict in enumerate(dict.fromkeys(given))}
    return Judged(askings, list(places), np.array([places[each] for each in given] or [0], dtype=np.int32))


def _because(judge: Judge, activity: Activity, found: Selection) -> Counter[Unknown]:
    """Count, by type and field, the events that are read from the log because a condition asks for what it alone knows."""
    counted: Counter[Unknown] = Counter()
    numbers, events = np.unique(activity.columns.signature[found.rows[found.in_log]], return_counts=True)
    for number, count in zip(numbers.tolist(), events.tolist(), strict=True):
        signature = activity.signature(number)
        paths = set() if signature.in_log else set(judge.hidden(signature))
        counted.update({(signature.type, ".".join(path)): count for path in paths})
    return counted


def _touched(question: Question, activity: Activity, found: Selection) -> Bools:
    """Mark the leads that may be otherwise under the other model: where only rules differ, those whose events may fire them."""
    changed = changed_rules(question.old, question.new)
    if changed is None:
        return np.ones(len(found.leads), dtype=bool)
    if not len(found.leads):
        return np.zeros(0, dtype=bool)
    judge = judge_rules(changed)
    signature = activity.columns.signature[found.rows]
    fires = np.zeros(len(activity.texts), dtype=bool)
    for number in np.flatnonzero(np.bincount(signature)).tolist():
        fires[number] = judge.may_fire(activity.signature(number))
    marked: Bools = np.logical_or.reduceat(fires[signature], found.starts[:-1])
    return marked


def fold_recalled(engine: Engine, vault: Vault, question: Question, recalled: Recall) -> Iterator[Portion]:
    """Fold the leads in whom something matters and whom a condition may have moved, and tell who else is to be counted."""
    waiting = sorted(recalled.apart)
    for chunk in _chunks(question, recalled):
        pairs, failed = _fold_chunk(engine, vault, question, recalled, chunk.moved)
        waiting += failed
        yield Portion(chunk.done / (len(recalled.order) + 1), pairs, chunk.unmoved, chunk.some)
    while waiting:
        left, pairs = fold_some(engine, vault, question, waiting[:_FROM_LOG_LEADS])
        waiting = left + waiting[_FROM_LOG_LEADS:]
        yield Portion(1.0, pairs)


class _Chunk(NamedTuple):
    """Some leads, in the order in which they are counted.

    Attributes:
        done: how many leads there were so far, these among them.
        moved: places of those whom a condition may have moved.
        unmoved: others, of whom ``some`` are these.
    """

    done: int
    moved: list[int]
    unmoved: Unmoved
    some: slice


def _chunks(question: Question, recalled: Recall) -> Iterator[_Chunk]:
    """Yield all leads, some at a time; whom no condition moved is found out for many chunks at once."""
    found, order = recalled.selection, recalled.order
    models = question.old, question.new
    for block in cut(found.starts[order + 1] - found.starts[order], _BLOCK_EVENTS):
        places = order[block]
        unmoved = find_unmoved(models, recalled.judged, recalled.activity.columns, found, places[recalled.told[places]])
        stays = np.isin(places, unmoved.places)
        counted = np.append(0, np.cumsum(stays))
        for chunk in cut(np.where(stays, 0, found.starts[places + 1] - found.starts[places]), _CHUNK_EVENTS, _CHUNK_LEADS):
            some = slice(int(counted[chunk.start]), int(counted[chunk.stop]))
            yield _Chunk(block.start + chunk.stop, places[chunk][~stays[chunk]].tolist(), unmoved, some)


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
        events = _events(recalled.activity, found, span, opened)
        try:
            before = _fold(question, question.old, founding, events)
            alike = not recalled.touched[place] or _is_unconcerned(recalled, before, events)
            after = replace(before, model=question.new) if alike else _fold(question, question.new, founding, events)
            pairs.append(Pair(before, after))
        except Exception:  # noqa: BLE001 - whatever is wrong with one event, the other leads are folded
            failed.append(founding)
    return pairs, failed


def _is_unconcerned(recalled: Recall, before: Folding, events: Sequence[Event]) -> bool:
    """Say whether a lead never came near a threshold that differs, where nothing else does."""
    if recalled.thresholds is None or any(event.type in overrides.TYPES for event in events):
        return False
    return not may_concern(recalled.thresholds, before.model, before.trace.contributions)


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
        named = browser[index].to_bytes(8, "big") if browser[index] else None
        if event is None:
            signature = activity.signature(number[index])
            fields = signature.fields if not signature.numbers else _with_numbers(activity, signature, row)
            event = Event(row + 1, at[index], at[index], signature.type, b"", named, (), fields)
        else:
            event.anonymous = named  # as columns name it: under two names one visit would be two
        events.append(event)
    return events


def _with_numbers(activity: Activity, signature: Signature, row: int) -> dict[str, object]:
    return with_numbers(signature, [float(column[row]) for column in activity.columns.numbers])
