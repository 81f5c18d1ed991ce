"""Companies as a read over leads: grouped by the key that each lead's row carries, along one index."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, case, func, select, text

from lead_events.domain.times import Instant
from lead_events.store import leads, schema
from lead_events.store.dialect import any_of
from lead_events.store.leads import LeadRow

_TABLE = schema.leads
# The partial index holds exactly this term.
_KNOWN: Any = text("company IS NOT NULL")


class CompanyRow(NamedTuple):
    """One company of one generation.

    Attributes:
        key: its domain, or ``name:`` and its name.
        leads, contacts: how many leads it has, and how many of them can be reached.
        updated_at: when the last of them changed, microseconds UTC.
        best: the one of them with the highest priority.
    """

    key: str
    leads: int
    contacts: int
    updated_at: Instant
    best: LeadRow


def read_page(connection: Connection, generation_id: int, after: str | None, limit: int) -> list[CompanyRow]:
    """Return the next companies by key."""
    return _read(connection, generation_id, _TABLE.c.company > after if after is not None else None, limit)


def load(connection: Connection, generation_id: int, key: str) -> CompanyRow | None:
    """Return one company, None when no lead belongs to it."""
    found = _read(connection, generation_id, _TABLE.c.company == key, 1)
    return found[0] if found else None


def read_leads(connection: Connection, generation_id: int, key: str, limit: int) -> list[LeadRow]:
    """Return the leads of a company, highest priority first."""
    columns = [_TABLE.c[name] for name in leads.COLUMNS]
    where = _TABLE.c.generation_id == generation_id, _KNOWN, _TABLE.c.company == key
    query = select(*columns).where(*where).order_by(_TABLE.c.rank_0.desc(), _TABLE.c.founding).limit(limit)
    return [leads.open_row(row) for row in connection.execute(query)]


def _read(connection: Connection, generation_id: int, which: ColumnElement[bool] | None, limit: int) -> list[CompanyRow]:
    columns = (
        _TABLE.c.company,
        func.count().label("leads"),
        func.sum(case((_TABLE.c.contact, 1), else_=0)).label("contacts"),
        func.max(_TABLE.c.updated_at).label("updated_at"),
    )
    query = select(*columns).where(_TABLE.c.generation_id == generation_id, _KNOWN)
    if which is not None:
        query = query.where(which)
    rows = connection.execute(query.group_by(_TABLE.c.company).order_by(_TABLE.c.company).limit(limit)).all()
    best = _load_best(connection, generation_id, [row.company for row in rows])
    return [CompanyRow(row.company, row.leads, int(row.contacts), row.updated_at, best[row.company]) for row in rows]


def _load_best(connection: Connection, generation_id: int, keys: Collection[str]) -> dict[str, LeadRow]:
    if not keys:
        return {}
    place = func.row_number().over(partition_by=_TABLE.c.company, order_by=(_TABLE.c.rank_0.desc(), _TABLE.c.founding))
    where = _TABLE.c.generation_id == generation_id, _KNOWN, any_of(connection, _TABLE.c.company, keys)
    placed = select(_TABLE.c.founding, place.label("place")).where(*where).subquery()
    columns = [_TABLE.c[name] for name in ("company", *leads.COLUMNS)]
    query = select(*columns).join(placed, placed.c.founding == _TABLE.c.founding)
    found = connection.execute(query.where(_TABLE.c.generation_id == generation_id, placed.c.place == 1))
    return {row.company: leads.open_row(row) for row in found}
