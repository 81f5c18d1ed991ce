"""Lists of leads: keyset pages along the read model's indexes, at a cost that does not grow with depth.

Ranks are asked with a slack, and the caller's exact predicate decides. What parameters mean is in ``api/lead_filters``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from math import ulp
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, Subquery, select, text, tuple_, union_all

from lead_events.domain.state import Lead
from lead_events.domain.times import Instant
from lead_events.store import identity, leads, schema
from lead_events.store.dialect import any_of
from lead_events.store.leads import LeadRow

RANK_SLACK = 1e-9
"""How far a rank may be off what the exact comparison of points says, which decides."""

SORTABLE_SCORES = schema.RANKS - 1
"""How many scores of a model have an indexed rank: its first ones."""

_TABLE = schema.leads
_COLUMNS = leads.COLUMNS
# The partial indexes hold exactly these terms; a comparison with a parameter would not match them.
_CONTACT: Any = text("contact")
_MEETS_ANY: Any = text("met <> 0")
_RESEARCH: Any = text(schema.RESEARCH)
_ULPS = 8


class Order(NamedTuple):
    """The order of a list: by ``updated_at`` or by the rank with a number (0 is priority, then the scores), ties by lead."""

    rank: int | None = None
    descending: bool = False

    @property
    def column(self) -> ColumnElement[Any]:
        """Return the column that leads the order."""
        return _TABLE.c.updated_at if self.rank is None else _TABLE.c[f"rank_{self.rank}"]


class Key(NamedTuple):
    """Where a lead stands in a list: the value of the order's column, and the lead."""

    value: float
    founding: int


class RankBound(NamedTuple):
    """What the rank with a number must at least, or at most, be."""

    rank: int
    bound: float
    is_least: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """Which leads a list holds, as far as the database can tell.

    Attributes:
        stages: any of them; empty means every lead with a contact, and those that were merged.
        research: instead of those, the leads without a contact that are worth looking for one.
        met: bit of a definition that is met; 0 means any.
        updated_since, created_since: microseconds UTC, inclusive.
        updated_until: microseconds UTC, exclusive.
        words: case-folded; each stands somewhere in contact, name, company or job title.
    """

    generation_id: int
    order: Order
    stages: tuple[str, ...] = ()
    research: bool = False
    met: int = 0
    temperature: str | None = None
    owner: str | None = None
    updated_since: Instant | None = None
    updated_until: Instant | None = None
    created_since: Instant | None = None
    words: tuple[str, ...] = ()
    ranks: tuple[RankBound, ...] = ()


class Found(NamedTuple):
    """One lead of a page, and where the list goes on behind it."""

    row: LeadRow
    key: Key


def read_page(
    connection: Connection, query: Query, after: Key | None, limit: int, matches: Callable[[Lead], bool]
) -> list[Found]:
    """Return the next leads of a list that match; fewer than ``limit`` only at its end.

    Args:
        after: the last lead of the page before, or None for the first page.
        matches: the exact predicate, on what the database let through.
    """
    found: list[Found] = []
    while len(found) < limit:
        rows = connection.execute(statement(query, after, limit)).all()
        opened = (Found(leads.open_row(row), Key(row.sort_value, row.founding)) for row in rows)
        found += [each for each in opened if matches(each.row.lead)]
        if len(rows) < limit:
            break
        after = Key(rows[-1].sort_value, rows[-1].founding)
    return found[:limit]


def statement(query: Query, after: Key | None, limit: int) -> Select[Any]:
    """Return the statement of one page: one walk along an index per stage, merged by their keys alone."""
    which = [_TABLE.c.stage == stage for stage in query.stages] or [_RESEARCH if query.research else _CONTACT]
    if len(which) == 1 and not _must_sort(query):
        return _walk(query, after, limit, which[0], _COLUMNS)
    walks = [_walk(query, after, limit, each, ("founding",)) for each in which]
    merged = union_all(*(select(walk.subquery()) for walk in walks)).subquery()
    keys = select(merged).order_by(*_ordering(query.order, merged)).limit(limit).subquery("keys")
    return (
        select(*(_TABLE.c[name] for name in _COLUMNS), keys.c.sort_value)
        .join(keys, keys.c.founding == _TABLE.c.founding)
        .where(_TABLE.c.generation_id == query.generation_id)
        .order_by(*_ordering(query.order, keys))
    )


def _must_sort(query: Query) -> bool:
    """Say whether no index has the order, so that whole rows, with their states, had better stay out of the sort."""
    return bool(query.stages) and query.order.rank not in {None, 0}


def _walk(query: Query, after: Key | None, limit: int, which: Any, columns: Sequence[str]) -> Select[Any]:
    return (
        select(*(_TABLE.c[name] for name in columns), query.order.column.label("sort_value"))
        .where(_TABLE.c.generation_id == query.generation_id, which, *_conditions(query), *_behind(query, after))
        .order_by(*_ordering(query.order, None))
        .limit(limit)
    )


def _ordering(order: Order, merged: Subquery | None) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    value, founding = (order.column, _TABLE.c.founding) if merged is None else (merged.c.sort_value, merged.c.founding)
    return (value.desc(), founding.desc()) if order.descending else (value.asc(), founding.asc())


def _behind(query: Query, after: Key | None) -> Iterator[ColumnElement[bool]]:
    """Bound the walk: by where the last page ended, which is inside the bounds of time, or by those."""
    order = query.order
    if after is not None:
        place = tuple_(order.column, _TABLE.c.founding)
        yield place < tuple_(*after) if order.descending else place > tuple_(*after)
    begun = after is not None and order.rank is None
    if query.updated_since is not None and not (begun and not order.descending):
        yield _TABLE.c.updated_at >= query.updated_since
    if query.updated_until is not None and not (begun and order.descending):
        yield _TABLE.c.updated_at < query.updated_until


def _conditions(query: Query) -> Iterator[ColumnElement[bool]]:
    if query.research and query.stages:
        yield _RESEARCH
    if query.met:
        yield _MEETS_ANY
        yield _TABLE.c.met.bitwise_and(query.met) != 0
    if query.temperature is not None:
        yield _TABLE.c.temperature == query.temperature
    if query.owner is not None:
        yield _TABLE.c.owner == query.owner
    if query.created_since is not None:
        yield _TABLE.c.created_at >= query.created_since
    for word in query.words:
        yield _TABLE.c.search.contains(word, autoescape=True)
    for rank, bound, is_least in query.ranks:
        slack = max(RANK_SLACK, _ULPS * ulp(bound))
        column = _TABLE.c[f"rank_{rank}"]
        yield column >= bound - slack if is_least else column <= bound + slack


def load_owners(connection: Connection, foundings: Collection[int], upto: int) -> dict[int, int]:
    """Return, for each lead, the lead that owns its founding event as of a position: another one if it was emptied."""
    if not foundings:
        return {}
    table = schema.events
    rows: Sequence[Any] = connection.execute(
        select(table.c.position, table.c.at, table.c.refs).where(any_of(connection, table.c.position, foundings))
    ).all()
    named = [identity.name(row) for row in rows]
    known = identity.load_known(connection, named, upto)
    owners = {event.position: known.lead_of(event) for event in named}
    return {founding: owner for founding, owner in owners.items() if owner is not None}


def read_timeline(
    connection: Connection, founding: int, upto: int, before: tuple[Instant, int] | None, limit: int
) -> list[Row[Any]]:
    """Return a lead's own event rows, newest first in canonical order; fewer than ``limit`` only at the end.

    Args:
        upto: the last position that counts.
        before: only events before this (at, position).
    """
    known, subjects = identity.load_subjects(connection, [founding], upto)
    found: list[Row[Any]] = []
    while len(found) < limit:
        rows = _read_newest(connection, sorted(subjects), upto, before, limit)
        found += [row for row in rows if identity.lead_of_subject(known, row.subject, row.at, row.position) == founding]
        if len(rows) < limit:
            break
        before = rows[-1].at, rows[-1].position
    return found[:limit]


_SUBJECTS_AT_ONCE = 100


def _read_newest(
    connection: Connection, subjects: Sequence[bytes], upto: int, before: tuple[Instant, int] | None, limit: int
) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for start in range(0, len(subjects), _SUBJECTS_AT_ONCE):
        walks = [_walk_subject(subject, upto, before, limit) for subject in subjects[start : start + _SUBJECTS_AT_ONCE]]
        merged = union_all(*(select(walk.subquery()) for walk in walks)).subquery()
        rows += connection.execute(select(merged).order_by(merged.c.at.desc(), merged.c.position.desc()).limit(limit)).all()
    return sorted(rows, key=lambda row: (row.at, row.position), reverse=True)[:limit]


def _walk_subject(subject: bytes, upto: int, before: tuple[Instant, int] | None, limit: int) -> Select[Any]:
    table = schema.events
    walk = select(table).where(table.c.subject == subject, table.c.position <= upto)
    if before is not None:
        walk = walk.where(tuple_(table.c.at, table.c.position) < tuple_(*before))
    return walk.order_by(table.c.at.desc(), table.c.position.desc()).limit(limit)
