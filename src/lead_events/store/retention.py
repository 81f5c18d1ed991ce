"""What retention reads: the live generation's leads page by page, and when somebody last was in contact with them."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from lead_events.domain import state
from lead_events.domain.retention import CONTACTS
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant
from lead_events.store import identity, ownership, schema

_LEADS, _EVENTS = schema.leads, schema.events


class LeadsPage(NamedTuple):
    """Some leads, in the order of their founding, and the last one looked at; None at the end."""

    leads: list[Lead]
    last: int | None


def count_leads(connection: Connection, generation_id: int) -> int:
    """Count the rows that ``read_leads`` goes through."""
    where = _LEADS.c.generation_id == generation_id
    return int(connection.execute(select(func.count()).select_from(_LEADS).where(where)).scalar_one())


def read_leads(connection: Connection, generation_id: int, after: int, limit: int) -> LeadsPage:
    """Return the next leads that have events of their own and are folded: of a parked one nobody knows how old it is."""
    rows = connection.execute(
        select(_LEADS.c.founding, _LEADS.c.emptied, _LEADS.c.parked, _LEADS.c.state)
        .where(_LEADS.c.generation_id == generation_id, _LEADS.c.founding > after)
        .order_by(_LEADS.c.founding)
        .limit(limit)
    ).all()
    opened = [state.load(row.state) for row in rows if not row.emptied and not row.parked]
    return LeadsPage([lead for lead in opened if lead.events], rows[-1].founding if len(rows) == limit else None)


def load_with_news(connection: Connection, foundings: Collection[int], upto: int) -> set[int]:
    """Return those of some leads that have events in the log which are not folded yet: how old they are nobody knows.

    Args:
        upto: the last position that is folded.
    """
    if not foundings:
        return set()
    known, subjects = identity.load_subjects(connection, foundings, upto)
    owned = ownership.read_owned(connection, known, subjects, _EVENTS.c.position > upto)
    return {owner for owner, _ in owned if owner is not None}


def load_last_contacts(connection: Connection, foundings: Collection[int], upto: int) -> dict[int, Instant]:
    """Return when each of some leads last had an event that is a contact; those that never had one are absent.

    Args:
        upto: the last position that counts.
    """
    if not foundings:
        return {}
    known, subjects = identity.load_subjects(connection, foundings, upto)
    contacts = _EVENTS.c.position <= upto, _EVENTS.c.type.in_(CONTACTS)
    last = {owner: row.at for owner, row in ownership.read_owned(connection, known, subjects, *contacts)}
    return {founding: last[founding] for founding in foundings if founding in last}
