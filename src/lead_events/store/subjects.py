"""Everything that stands under one person's names: identifiers, events, changes, quarantine, as of a position.

Long lists are read page by page, each in a transaction of its own, so that a long history needs no more memory than a short one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from lead_events.domain.events import Identifier
from lead_events.domain.identity import Known
from lead_events.domain.lead_id import addressed_lead
from lead_events.store import identity, quarantine, schema
from lead_events.store import vault as vaults
from lead_events.store.dialect import any_of
from lead_events.store.quarantine import Quarantined
from lead_events.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Subjects:
    """One person as of a position.

    Attributes:
        founding: the lead that stands for the person.
        members: that lead and those merged into it.
        refs: every pseudonym under which the person's events may stand, a shared browser's too.
        known: who owns what of them.
        upto: the position.
    """

    founding: int
    members: frozenset[int]
    refs: frozenset[bytes]
    known: Known
    upto: int


def load(connection: Connection, founding: int, upto: int) -> Subjects:
    """Return the person that a lead stands for, as of a position."""
    known, refs = identity.load_subjects(connection, [founding], upto)
    return Subjects(founding, frozenset(identity.with_members(known, [founding])), frozenset(refs), known, upto)


def load_identifiers(connection: Connection, vault: Vault, subjects: Subjects) -> list[Identifier]:
    """Return the strong identifiers that are bound to a person, sorted."""
    bound = [ref for ref in subjects.refs if subjects.known.bindings.get(ref) in subjects.members]
    values = vaults.load_values(connection, vault, bound).values()
    return sorted((each for each in values if each is not None), key=lambda each: (each.kind, each.system, each.value))


def list_browsers(subjects: Subjects) -> list[str]:
    """Return the pseudonyms of the browsers that a person used, hex, sorted; shared ones too."""
    strong = subjects.known.bindings.keys()
    return sorted(ref.hex() for ref in subjects.refs if ref not in strong and addressed_lead(ref) is None)


def read_changes(connection: Connection, members: Collection[int], after: int, limit: int) -> Sequence[Row[Any]]:
    """Return up to ``limit`` of what was said of leads after a ``seq``, in order."""
    table = schema.changes
    mine = any_of(connection, table.c.founding, members), table.c.seq > after
    return connection.execute(select(table).where(*mine).order_by(table.c.seq).limit(limit)).all()


def read_quarantined(connection: Connection, vault: Vault, subjects: Subjects) -> list[Quarantined]:
    """Return the quarantined events that would be a person's if they were in the log."""
    return [
        each
        for each in quarantine.read_under(connection, vault, subjects.refs)
        if each.event is not None
        and identity.lead_of_subject(subjects.known, each.key_ref, each.event.at, subjects.upto + 1) == subjects.founding
    ]
