"""A lead's own events, in canonical order, as of any position: what a re-fold, an explanation and a replay read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import Connection

from lead_events.domain.erasing import since_erasure
from lead_events.domain.events import Event
from lead_events.store import identity, schema
from lead_events.store.dialect import read_among
from lead_events.store.opening import COLUMNS, open_events
from lead_events.store.vault import Vault

_CANONICAL = itemgetter(2, 0)  # at, position


class History(NamedTuple):
    """What a lead owns.

    Attributes:
        events: in canonical order (at, position), without those an operator left out and those before an erasure.
        position: the last position that changed which events belong to it; 0 when none ever did.
        emptied: nothing is left of what it had.
        merged_into: the lead that stands for it since somebody merged it, or None.
    """

    events: Sequence[Event]
    position: int
    emptied: bool
    merged_into: int | None


def load(
    connection: Connection, vault: Vault, foundings: Collection[int], upto: int, skips: Collection[int] = ()
) -> dict[int, History]:
    """Return the histories of leads as of a position.

    Args:
        foundings: the leads.
        upto: the last position that counts.
        skips: positions to leave out.
    """
    if not foundings:
        return {}
    known, subjects = identity.load_subjects(connection, foundings, upto)
    last_moves = identity.load_last_moves(connection, identity.with_members(known, foundings), upto)
    rows = sorted(read_among(connection, COLUMNS, subjects, by=schema.events.c.subject, upto=upto), key=_CANONICAL)
    owners = [identity.lead_of_subject(known, row[1], row[2], row[0]) for row in rows]
    wanted = set(foundings)
    mine = [(owner, row) for owner, row in zip(owners, rows, strict=True) if owner in wanted]
    opened = open_events(connection, vault, [row for _, row in mine])
    events: dict[int, list[Event]] = {founding: [] for founding in foundings}
    positions = {founding: last_moves.get(founding, 0) for founding in foundings}
    for lead, position in last_moves.items():
        survivor = known.survivors.get(lead, lead)
        positions[survivor] = max(positions.get(survivor, 0), position)
    owning = set()
    for (owner, (position, *_)), event in zip(mine, opened, strict=True):
        owning.add(owner)
        positions[owner] = max(positions[owner], position)
        if position not in skips:
            events[owner].append(event)
    into = {lead: survivor for lead, survivor in known.survivors.items() if survivor != lead}
    return {f: History(since_erasure(events[f]), positions[f], f not in owning, into.get(f)) for f in foundings}
