"""What a step reads before it folds: a page of the log, who owns its events now, whom time moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from lead_events.domain.model import Model
from lead_events.domain.times import SECOND, Instant
from lead_events.store import generations, identity, leads, log, parked
from lead_events.store.generations import Generation, Status
from lead_events.store.leads import LeadRow

DUE_LEADS = 5_000
REFOLD_EVERY = 10 * SECOND
"""A lead with a long history is folded again from its beginning at most this often; meanwhile it says that it is stale."""
_ALL = 2**31

_SAYS, _NEWS = '{"announce":', '{"announce":true'
"""How the body of an imported event begins: its keys are sorted, and no event of a client has this one."""


@dataclass(slots=True)
class Page:
    """Everything a step needs to know of the database; folding it is a function of this and the events' contents.

    Attributes:
        generation: as it stood when the page was read; its checkpoint must still stand when the page is saved.
        position, clock: the checkpoint that the page leads to.
        owners: lead → the page's rows that belong to it at the page's end.
        moves: lead → the last position in the page at which it gained or lost events to another.
        survivors: merged lead → the lead that stands for it.
        due: leads that time alone moves.
        overdue: leads whose long history may be folded again now.
        received: position → receipt of the page's events, microseconds UTC.
        told: position → whether the changes of an imported event are news, where its import says so.
        before: the rows of every lead touched, as they stood.
    """

    generation: Generation
    model: Model
    rows: Sequence[Row[Any]]
    position: int
    clock: Instant
    owners: dict[int, list[Row[Any]]] = field(default_factory=dict)
    moves: dict[int, int] = field(default_factory=dict)
    survivors: dict[int, int] = field(default_factory=dict)
    due: set[int] = field(default_factory=set)
    overdue: set[int] = field(default_factory=set)
    skips: set[int] = field(default_factory=set)
    received: dict[int, Instant] = field(default_factory=dict)
    told: dict[int, bool] = field(default_factory=dict)
    before: dict[int, LeadRow] = field(default_factory=dict)

    @property
    def speaks(self) -> bool:
        """Say whether what this page changes is to be announced: only the live generation speaks."""
        return self.generation.status is Status.LIVE

    @property
    def touched(self) -> set[int]:
        """Name every lead that the page may change."""
        return set(self.owners) | set(self.moves) | self.due | self.overdue


@dataclass(frozen=True, slots=True)
class Bound:
    """How far a page may go: never behind this checkpoint of another generation."""

    position: int
    clock: Instant


def read_page(
    connection: Connection, generation_id: int, model: Model, page_events: int, bound: Bound | None = None
) -> Page | None:
    """Read the next page of a generation; identity must already be decided as far as the page may go.

    Returns:
        The page; None when there is nothing to do.
    """
    generation = generations.load(connection, generation_id)
    head = log.read_head(connection)
    end = Bound(head.position, head.received_at) if bound is None else bound
    # Another projector may have moved the generation on since identity was extended: go no further than that.
    decided = min(end.position, identity.read_checkpoint(connection))
    rows = log.read(connection, generation.position, max(0, min(page_events, decided - generation.position)))
    if rows and rows[0].position != generation.position + 1:
        raise AssertionError(f"the log has a hole after position {generation.position}")
    position = rows[-1].position if rows else generation.position
    until = end.clock if position == end.position else rows[-1].received_at if rows else generation.clock
    if not rows and until <= generation.clock:
        return None
    rows, position, until, due = _with_due(connection, generation, rows, position, until)
    page = Page(generation, model, rows, position, until, due=due)
    _find_owners(connection, page)
    page.overdue = leads.load_overdue(connection, generation_id, until - REFOLD_EVERY)
    page.skips = parked.load_skips(connection)
    page.received = {row.position: row.received_at for row in rows}
    page.told = {row.position: row.body.startswith(_NEWS) for row in rows if row.body.startswith(_SAYS)}
    page.before = leads.load(connection, generation_id, page.touched)
    return page


def _with_due(
    connection: Connection, generation: Generation, rows: Sequence[Row[Any]], position: int, until: Instant
) -> tuple[Sequence[Row[Any]], int, Instant, set[int]]:
    """Find the leads that time moves; when there are too many for one step, end the page at the last that fits."""
    due = leads.load_due(connection, generation.generation_id, until, DUE_LEADS)
    if len(due) == DUE_LEADS and generation.clock < due[-1][0] < until:
        until = due[-1][0]
        rows = [row for row in rows if row.received_at <= until]
        position = rows[-1].position if rows else generation.position
        due = leads.load_due(connection, generation.generation_id, until, _ALL)  # others may be due at that very instant
    return rows, position, until, {founding for _, founding in due}


def _find_owners(connection: Connection, page: Page) -> None:
    """Find whose each event is at the page's end, and who gained or lost events to another."""
    named = [identity.name(row) for row in page.rows]
    known = identity.load_known(connection, named, page.position)
    for row, event in zip(page.rows, named, strict=True):
        founding = known.lead_of(event)
        if founding is not None:
            page.owners.setdefault(founding, []).append(row)
    page.survivors = known.survivors
    for lead, position in identity.load_moves(connection, page.generation.position, page.position).items():
        for touched in (lead, known.survivors.get(lead, lead)):
            page.moves[touched] = max(position, page.moves.get(touched, 0))
