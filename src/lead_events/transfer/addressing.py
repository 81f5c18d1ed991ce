"""Finds leads by the events that founded them, because a lead id means something in one log only.

What is who is decided in ``domain.identity``; here it is only looked up.
"""

from __future__ import annotations

from sqlalchemy import Engine

from lead_events.store import identity, log, lookups
from lead_events.store.engine import reading

_PAGE_EVENTS = 5_000


class Foundings:
    """Leads of one log by the source and id of an event, remembered once found."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: dict[tuple[int, str], int] = {}

    def find(self, source_id: int, event_id: str) -> int | None:
        """Return the lead that an event founded, or else belongs to; None when the log has no such event."""
        name = source_id, event_id
        if name not in self._found:
            with reading(self._engine) as connection:
                position = lookups.find_position(connection, *name)
            if position is None:
                return None
            self._found[name] = self._lead_at(position)
        return self._found[name]

    def _lead_at(self, position: int) -> int:
        with reading(self._engine) as connection:
            head = log.read_head(connection).position
        identity.extend(self._engine, head, _PAGE_EVENTS)
        with reading(self._engine) as connection:
            if identity.is_founding(connection, position):
                return position
            named = [identity.name(row) for row in log.read(connection, position - 1, 1)]
            owner = identity.load_known(connection, named, head).lead_of(named[0])
        return position if owner is None else owner
