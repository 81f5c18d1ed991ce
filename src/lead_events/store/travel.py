"""A lead's own events as they were known at an instant: who owned what then, and what an import said was known already.

Two clocks: what happened by ``as_of``, as far as it was known at ``known_at``. What the events come to is the fold's.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, select

from lead_events.domain.errors import InvalidInstant
from lead_events.domain.events import Event
from lead_events.domain.identity import Known
from lead_events.domain.times import Instant, parse_instant
from lead_events.store import histories, identity, listing, ownership, parked, schema
from lead_events.store.histories import History
from lead_events.store.opening import open_events
from lead_events.store.vault import Vault

_KNOWN_AT = '"known_at":'


class View(NamedTuple):
    """From where a lead is looked at.

    Attributes:
        as_of: what happened later does not count, microseconds UTC.
        known_at: what was known later does not count, microseconds UTC; None for everything that is known.
        position: the last position received by then; identity stands as it was decided there.
        end: the last position that is known now.
    """

    as_of: Instant
    known_at: Instant | None
    position: int
    end: int


class Past(NamedTuple):
    """A lead as a view shows it.

    Attributes:
        founding: the lead that the one asked for stood for, by its founding position.
        events: those that happened by then, in canonical order.
        position: the last position that changed which events these are.
        received_at: when that one was received, microseconds UTC.
        earliest: when the first event that the view knows of happened, be it later than ``as_of``; None without any.
    """

    founding: int
    events: list[Event]
    position: int
    received_at: Instant
    earliest: Instant | None


def load(connection: Connection, vault: Vault, founding: int, view: View) -> Past:
    """Return what a view shows of a lead, or of the lead that owned its founding event then."""
    history = _load_known(connection, vault, founding, view)
    if history.emptied:
        owner = listing.load_owners(connection, [founding], view.position).get(founding, founding)
        if owner != founding:
            founding, history = owner, _load_known(connection, vault, owner, view)
    events = [event for event in history.events if event.at <= view.as_of]
    whole = len(events) == len(history.events)
    position = history.position if whole else max((event.position for event in events), default=0)
    earliest = history.events[0].at if history.events else None
    return Past(founding, events, position, _received_at(connection, events, position), earliest)


def _received_at(connection: Connection, events: list[Event], position: int) -> Instant:
    found = next((event.received_at for event in reversed(events) if event.position == position), None)
    table = schema.events
    where = table.c.position == position
    return found or connection.execute(select(table.c.received_at).where(where)).scalar() or 0


def _load_known(connection: Connection, vault: Vault, founding: int, view: View) -> History:
    skips = parked.load_skips(connection, view.known_at)
    history = histories.load(connection, vault, [founding], view.position, skips)[founding]
    if view.known_at is None or view.position >= view.end:
        return history
    rows = _read_imported(connection, founding, view, view.known_at)
    if not rows:
        return history
    imported = [event for event in open_events(connection, vault, rows) if event.position not in skips]
    events = sorted([*history.events, *imported], key=lambda event: (event.at, event.position))
    return history._replace(events=events, position=max(history.position, *(row.position for row in rows)), emptied=False)


def _read_imported(connection: Connection, founding: int, view: View, known_at: Instant) -> list[Row[Any]]:
    """Return events received later of which their import says that they were known already.

    They had no place in the log then: who owns them is told by names as they are bound now, and by the merges of then.
    """
    known, subjects = identity.load_subjects(connection, [founding], view.end, view.position)
    table = schema.events
    later = table.c.position > view.position, table.c.position <= view.end
    imported = table.c.body.contains(_KNOWN_AT, autoescape=True)
    owned = ownership.read_owned(connection, known, subjects, *later, imported, columns=tuple(table.c))
    return [row for owner, row in owned if owner == founding and _was_known(row.body, known_at)]


def _was_known(body: str, known_at: Instant) -> bool:
    said = orjson.loads(body).get("known_at")
    try:
        return isinstance(said, str) and parse_instant(said) <= known_at
    except InvalidInstant:
        return False


def load_members(connection: Connection, founding: int, view: View) -> set[int]:
    """Return a lead and all those that were merged into it at the position of a view."""
    known = Known()
    identity.load_merges(connection, known, view.position)
    return identity.with_members(known, [founding])
