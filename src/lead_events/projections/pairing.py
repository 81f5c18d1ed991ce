"""Every lead under two models: folded from its own events by the live fold itself, up to where the live generation stood.

Leads come in an order of which every beginning is a sample. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from sqlalchemy import Engine

from lead_events.domain.document import ModelDocument
from lead_events.domain.lists import Lists
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.projections.effects import Folding
from lead_events.projections.folding import fold_or_park
from lead_events.projections.pages import Page
from lead_events.projections.sampling import shuffled
from lead_events.projections.unmoved import Unmoved
from lead_events.store import generations, histories, leads, log, models, parked
from lead_events.store.engine import snapshot
from lead_events.store.generations import Generation
from lead_events.store.histories import History
from lead_events.store.leads import LeadRow
from lead_events.store.vault import Vault

_CHUNK_LEADS = 50
_CHUNK_POSITIONS = 4_000
_CHUNK_EVENTS = 1_000


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


class Portion(NamedTuple):
    """Some of all leads.

    Attributes:
        share: of all that are counted when these are, 0 to 1.
        unmoved: leads whom no condition moved, of whom ``some`` belong to them.
    """

    share: float
    pairs: list[Pair]
    unmoved: Unmoved | None = None
    some: slice = slice(0, 0)


def ask(engine: Engine, model: Model) -> Question:
    """Fix what a preview compares: the live generation where it stands now."""
    with snapshot(engine) as connection:
        live = generations.load_live(connection)
        old = models.load_compiled(connection, live.model_number, live.list_revision)
        counted = leads.count_founded(connection, live.generation_id, live.position)
    return Question(live, old, model, counted)


class Asked(NamedTuple):
    """A question on its way to another process: models do not travel, documents do."""

    live: Generation
    leads: int
    document: ModelDocument
    lists: Lists

    @classmethod
    def of(cls, question: Question) -> Asked:
        """Return a question as it travels."""
        return cls(question.live, question.leads, question.new.document, question.new.lists)


def ask_again(engine: Engine, asked: Asked) -> Question:
    """Return the question where it has arrived."""
    with snapshot(engine) as connection:
        old = models.load_compiled(connection, asked.live.model_number, asked.live.list_revision)
    # The same lists must be one object, for by that models tell that nobody's mail provider is another kind.
    alike = (asked.lists.free, asked.lists.disposable) == (old.lists.free, old.lists.disposable)
    return Question(asked.live, old, Model(asked.document, old.lists if alike else asked.lists), asked.leads)


def fold_pairs(engine: Engine, vault: Vault, question: Question) -> Iterator[Portion]:
    """Fold every lead under both models, some at a time; their share is that of the log that was looked through for them.

    A lead is named by the position that founded it, so positions in a shuffled order give leads in one.
    """
    per_lead = question.live.position // max(1, question.leads)
    size = min(_CHUNK_POSITIONS, max(1, per_lead * _CHUNK_LEADS))
    positions, done = shuffled(question.live.position), 0
    while chunk := list(islice(positions, size)):
        waiting = chunk
        while waiting:
            waiting, pairs = fold_some(engine, vault, question, waiting)
            done += 0 if waiting else len(chunk)
            yield Portion(done / question.live.position, pairs)


def fold_some(engine: Engine, vault: Vault, question: Question, positions: Sequence[int]) -> tuple[list[int], list[Pair]]:
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
