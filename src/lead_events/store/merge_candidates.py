"""Pairs of leads that may be one person, in the order in which the log gave reason to think so."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, select, tuple_

from lead_events.store import schema


class Candidate(NamedTuple):
    """Two leads, by founding position, the earlier first, and what speaks for it.

    Attributes:
        position: of the event that gave the reason.
    """

    position: int
    one: int
    two: int
    evidence: str

    @property
    def place(self) -> tuple[int, int, int]:
        """Return where it stands in the list."""
        return self.position, self.one, self.two


def read(connection: Connection, after: tuple[int, int, int] | None, upto: int, limit: int) -> list[Candidate]:
    """Return the next candidates, merged ones too.

    Args:
        after: the place of the last one known.
        upto: the last position that counts.
    """
    table = schema.candidates
    columns = table.c.position, table.c.one, table.c.two
    query = select(*columns, table.c.evidence).where(table.c.position <= upto).order_by(*columns).limit(limit)
    if after is not None:
        query = query.where(table.c.position >= after[0], tuple_(*columns) > tuple_(*after))
    return [Candidate(*row) for row in connection.execute(query)]
