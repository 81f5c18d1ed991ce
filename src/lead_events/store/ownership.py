"""Which events leads own as of a position: of some leads, or of all that were founded in a range of positions.

Who owns what is decided in ``store/identity``; what the events say is read in ``store/opening``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, select

from lead_events.domain.identity import Known
from lead_events.domain.lead_id import lead_ref
from lead_events.store import identity, schema
from lead_events.store.dialect import any_of, read_among

_EVENTS = schema.events
_KEY = _EVENTS.c.subject, _EVENTS.c.at, _EVENTS.c.position
_REFS_AT_ONCE = 5_000
_SEVERAL = 2


def read_owned(
    connection: Connection,
    known: Known,
    subjects: Collection[bytes],
    *conditions: ColumnElement[bool],
    columns: Sequence[Column[Any]] = _KEY,
) -> list[tuple[int | None, Any]]:
    """Read the events that stand under some subjects, in canonical order, each with the lead that owns it.

    Args:
        known: who owns what of these subjects.
        conditions: of the rows that count.
        columns: what to read of each, with ``subject``, ``at`` and ``position`` among them.
    """
    where = any_of(connection, _EVENTS.c.subject, subjects), *conditions
    rows = connection.execute(select(*columns).where(*where).order_by(_EVENTS.c.at, _EVENTS.c.position))
    return [(identity.lead_of_subject(known, row.subject, row.at, row.position), row) for row in rows]


class Founded(NamedTuple):
    """The leads founded after ``low`` and up to ``high``, as of a position.

    Attributes:
        foundings: the leads.
        known: who owns what among them.
        refs: under which their events may stand, but for those that address a lead of the range.
        upto: the position.
    """

    low: int
    high: int
    foundings: set[int]
    known: Known
    refs: set[bytes]
    upto: int


def load_founded(connection: Connection, low: int, high: int, upto: int) -> Founded:
    """Return the leads founded after ``low`` and up to ``high``, and who owns what among them as of a position."""
    known = Known()
    identity.load_merges(connection, known, upto)
    others = _members_elsewhere(known, low, high)

    def in_range(table: Any) -> Any:
        of_range = table.c.founding.between(low + 1, high) | any_of(connection, table.c.founding, others)
        return of_range & (table.c.position <= upto)

    for table, found in ((schema.bindings, known.bindings), (schema.visitors, known.visitors)):
        rows = connection.execute(select(table.c.ref, table.c.founding).where(in_range(table))).all()
        found.update({ref: founding for ref, founding in rows})
    foundings = {lead for lead in (*known.bindings.values(), *known.visitors.values()) if low < lead <= high}
    table = schema.claims
    claimed = connection.execute(select(table.c.ref).distinct().where(in_range(table))).scalars()
    anonymous = set(known.visitors) | set(claimed)
    for some in _batched(anonymous):
        identity.load_browsers(connection, known, some, upto)
    addressed = {lead_ref(lead) for lead in others if not low < lead <= high}
    return Founded(low, high, foundings, known, set(known.bindings) | anonymous | addressed, upto)


def read_founded(connection: Connection, founded: Founded, *more: str) -> list[tuple[Any, ...]]:
    """Read (lead, at, position, …) of every event that the leads of a range own, by lead and in canonical order.

    Args:
        more: names of further columns of ``events``.
    """
    low, high = founded.low, founded.high
    columns = (*_KEY, *(_EVENTS.c[name] for name in more))
    addressed = _EVENTS.c.subject > lead_ref(low), _EVENTS.c.subject <= lead_ref(high), _EVENTS.c.position <= founded.upto
    # Events addressed to a lead inside the range are found by the range of its addresses.
    rows: list[Any] = list(connection.execute(select(*columns).where(*addressed)))
    for some in _batched(founded.refs):
        rows += read_among(connection, columns, some, by=_EVENTS.c.subject, upto=founded.upto)
    return sorted(key for key in _owned(founded.known, rows) if key[0] is not None and low < key[0] <= high)


def _owned(known: Known, rows: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Put the lead that owns an event in its subject's place; only a browser that several claimed has several."""
    leads: dict[bytes, int | None] = {}
    for subject, at, position, *rest in rows:
        if subject in leads:
            lead = leads[subject]
        else:
            lead = identity.lead_of_subject(known, subject, at, position)
            if len(known.claims.get(subject, ())) < _SEVERAL:
                leads[subject] = lead
        yield lead, at, position, *rest


def load_moves(connection: Connection, founded: Founded) -> dict[int, tuple[int, int]]:
    """Return, for leads of a range that ever gained or lost events to another, (last position, its receipt)."""
    moves, low, high = schema.moves, founded.low, founded.high
    others = _members_elsewhere(founded.known, low, high)
    of_range = moves.c.founding.between(low + 1, high) | any_of(connection, moves.c.founding, others)
    rows = connection.execute(
        select(moves.c.founding, moves.c.position, _EVENTS.c.received_at)
        .join(_EVENTS, _EVENTS.c.position == moves.c.position)
        .where(of_range, moves.c.position <= founded.upto)
        .order_by(moves.c.position)
    ).all()
    # What happened to a lead happened to the one that stands for it, too.
    last = {founding: (position, received_at) for founding, position, received_at in rows}
    survivors = founded.known.survivors
    return last | {survivors.get(founding, founding): (position, at) for founding, position, at in rows}


def _members_elsewhere(known: Known, low: int, high: int) -> set[int]:
    """Return the leads that a lead of the range stands for, itself among them."""
    return {lead for lead, survivor in known.survivors.items() if low < survivor <= high}


def _batched(refs: Collection[bytes]) -> Iterable[list[bytes]]:
    """Divide refs into lists that a statement can take."""
    listed = list(refs)
    return (listed[start : start + _REFS_AT_ONCE] for start in range(0, len(listed), _REFS_AT_ONCE))
