"""The read model's rows: one per lead and generation; the fold's state and the columns that lists are asked by."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select, text, union, update

from lead_events.domain import state
from lead_events.domain.companies import company_of
from lead_events.domain.decay import UNRANKED
from lead_events.domain.model import Model
from lead_events.domain.scoring import ranks
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import any_of, ask, read_rows_among, upsert_rows

_TABLE = schema.leads
_ONE, _TWO = _TABLE.alias("one"), _TABLE.alias("two")
COLUMNS = ("founding", "position", "updated_at", "contact", "emptied", "parked", "state", "refolded_at", "stale_since")
"""What ``open_row`` needs of a database row."""
_WALKED_AT_ONCE = 2_000
_SEARCHED_TRAITS = ("email", "phone", "first_name", "last_name", "company", "job_title")

Encoded = list[tuple[Any, ...]]
"""Rows of ``leads``, in the order of its columns."""


class LeadRow(NamedTuple):
    """One lead of one generation, as the projector holds it.

    Attributes:
        lead: state of the fold.
        position: the last position that changed which events belong to it.
        updated_at: the later of that event's receipt and the last time move.
        emptied: every event it had belongs to another lead now.
        merged: and that because somebody merged it: it stays in lists, for whoever knows it must learn.
        parked: its fold failed; the state is that before the failing event.
        refolded_at: when a long history was last folded again, microseconds UTC by the log's clock.
        stale_since: since when it lacks events, because its long history is not folded again so soon.
    """

    lead: Lead
    position: int
    updated_at: Instant
    emptied: bool
    parked: bool
    merged: bool = False
    refolded_at: Instant | None = None
    stale_since: Instant | None = None


def load(connection: Connection, generation_id: int, foundings: Collection[int]) -> dict[int, LeadRow]:
    """Return the rows of leads, by founding position; those without a row are absent."""
    rows = read_rows_among(connection, [_TABLE.c[name] for name in COLUMNS], foundings, generation_id=generation_id)
    return {row.founding: open_row(row) for row in rows}


def open_row(row: Any) -> LeadRow:
    """Return the lead of a database row that has ``COLUMNS``; a lead without events has no contact of its own."""
    merged = bool(row.emptied and row.contact)
    flags = bool(row.emptied), bool(row.parked), merged
    return LeadRow(state.load(row.state), row.position, row.updated_at, *flags, row.refolded_at, row.stale_since)


def load_unlike_fold(connection: Connection, generation_id: int) -> frozenset[int]:
    """Return the leads whose rows are not what their events fold to at the moment: parked and stale ones."""
    stale = select(_TABLE.c.founding).where(_TABLE.c.generation_id == generation_id, text("stale_since IS NOT NULL"))
    parked = select(schema.parked.c.founding).where(schema.parked.c.generation_id == generation_id)
    return frozenset(connection.execute(stale).scalars()) | frozenset(connection.execute(parked).scalars())


def load_overdue(connection: Connection, generation_id: int, until: Instant) -> set[int]:
    """Return the stale leads that were last folded again at an instant or before."""
    statement = "SELECT founding FROM leads WHERE generation_id = ? AND refolded_at <= ? AND stale_since IS NOT NULL"
    return {founding for (founding,) in ask(connection, statement, (generation_id, until))}


def load_due(connection: Connection, generation_id: int, until: Instant, limit: int) -> list[tuple[Instant, int]]:
    """Return (instant, lead) of the leads that time alone moves up to an instant, earliest first."""
    statement = "SELECT due_at, founding FROM leads WHERE generation_id = ? AND due_at <= ? ORDER BY due_at, founding LIMIT ?"
    return [(due_at, founding) for due_at, founding in ask(connection, statement, (generation_id, until, limit))]


def walk_states(connection: Connection, generation_id: int) -> Iterator[tuple[int, str]]:
    """Yield (founding position, dumped state) of every lead of a generation, in order; some thousand are held at a time."""
    after: int | None = 0
    while after is not None:
        rows = connection.execute(
            select(_TABLE.c.founding, _TABLE.c.state)
            .where(_TABLE.c.generation_id == generation_id, _TABLE.c.founding > after)
            .order_by(_TABLE.c.founding)
            .limit(_WALKED_AT_ONCE)
        ).all()
        yield from ((founding, dumped) for founding, dumped in rows)
        after = rows[-1].founding if rows else None


def load_foundings(connection: Connection, generation_id: int, upto: int) -> list[int]:
    """Return every lead that has a row, or that identity says must have one at a position, in order."""
    rows = select(_TABLE.c.founding).where(_TABLE.c.generation_id == generation_id)
    named = (select(table.c.founding).where(table.c.position <= upto) for table in (schema.bindings, schema.visitors))
    return sorted(connection.execute(union(rows, *named)).scalars())


def count_founded(connection: Connection, generation_id: int, upto: int) -> int:
    """Count the leads of a generation that were founded up to a position."""
    where = _TABLE.c.generation_id == generation_id, _TABLE.c.founding <= upto
    return int(connection.execute(select(func.count()).where(*where)).scalar_one())


def count_rows(connection: Connection) -> dict[int, int]:
    """Return how many rows each generation has."""
    counted = connection.execute(select(_TABLE.c.generation_id, func.count()).group_by(_TABLE.c.generation_id))
    return {generation_id: number for generation_id, number in counted}


def read_elsewhere(connection: Connection, old_id: int, new_id: int) -> list[tuple[int, str, str]]:
    """Return (lead, one state, the other) of the leads with a contact whose stage is another in a second generation, in order."""
    return _read_both(connection, old_id, new_id, _ONE.c.stage != _TWO.c.stage)


def read_unlike(connection: Connection, old_id: int, new_id: int, *, named_alike: bool) -> list[tuple[int, str, str]]:
    """Return (lead, one state, the other) of the leads with a contact that may stand otherwise in a second generation, in order.

    Args:
        named_alike: whether the models of both have definitions of the same names in the same order: ``met`` has a bit for
            each, and under other names bits say nothing of each other.
    """
    met = _ONE.c.met != _TWO.c.met if named_alike else (_ONE.c.met != 0) | (_TWO.c.met != 0)
    differs = (_ONE.c.stage != _TWO.c.stage) | (_ONE.c.temperature != _TWO.c.temperature) | met
    return _read_both(connection, old_id, new_id, differs)


def _read_both(connection: Connection, old_id: int, new_id: int, which: ColumnElement[bool]) -> list[tuple[int, str, str]]:
    rows = connection.execute(
        select(_TWO.c.founding, _ONE.c.state, _TWO.c.state)
        .join(_TWO, _ONE.c.founding == _TWO.c.founding)
        .where(_ONE.c.generation_id == old_id, _TWO.c.generation_id == new_id)
        .where(_TWO.c.contact, which)
        .order_by(_TWO.c.founding)
    )
    return [(founding, old, new) for founding, old, new in rows]


def stamp(connection: Connection, generation_id: int, foundings: Collection[int], position: int, updated_at: Instant) -> None:
    """Say that leads changed at a position, so that they stand behind every reader's bookmark."""
    theirs = _TABLE.c.generation_id == generation_id, any_of(connection, _TABLE.c.founding, foundings)
    connection.execute(update(_TABLE).where(*theirs).values(position=position, updated_at=updated_at))


def encode(generation_id: int, model: Model, rows: Iterable[LeadRow]) -> Encoded:
    """Return rows as the database takes them; done before the transaction begins, so that its lock is short."""
    return [_columns(generation_id, model, row) for row in rows]


def save(connection: Connection, rows: Encoded) -> None:
    """Write encoded rows, replacing those that exist."""
    upsert_rows(connection, _TABLE, rows)


def _columns(generation_id: int, model: Model, row: LeadRow) -> tuple[Any, ...]:
    lead = row.lead
    found = ranks(lead, model)[: schema.RANKS]
    return (
        generation_id,
        lead.founding,
        row.position,
        row.updated_at,
        lead.created_at,
        lead.shown_stage,
        lead.temperature,
        lead.contact or row.merged or lead.is_tombstone,
        row.emptied,
        row.parked,
        sum(1 << index for index, definition in enumerate(lead.definitions) if definition[0]),
        lead.owner,
        company_of(lead, model.lists),
        search_text(lead),
        None if row.parked or row.stale_since is not None else lead.due,
        *found,
        *[UNRANKED] * (schema.RANKS - len(found)),
        state.dump(lead),
        row.refolded_at,
        row.stale_since,
    )


def search_text(lead: Lead) -> str:
    """Return what ``q`` looks through: contact, names, company and job title, case-folded, one a line."""
    if not lead.traits:
        return ""
    values = (lead.trait(name) for name in _SEARCHED_TRAITS)
    # A log may hold a NUL, which was once let in; PostgreSQL holds none, and no step would ever be saved.
    return "\n".join(str(value).casefold() for value in values if value).replace("\0", "")
