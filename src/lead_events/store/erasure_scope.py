"""What an erasure reaches: the person's events, names and keys, and what they share with others and therefore keep.

Only reads; ``erasing`` destroys.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from lead_events.domain.erasing import ERASED
from lead_events.domain.errors import Conflict
from lead_events.domain.events import IdentifierKind
from lead_events.domain.identity import Claim, Known
from lead_events.domain.lead_id import lead_ref
from lead_events.domain.times import Instant
from lead_events.store import erased, identity, ownership, schema
from lead_events.store.dialect import any_of
from lead_events.store.erased import FOR_EVER, Stretch

_BEGINNING = -FOR_EVER
_CONTACTS = (int(IdentifierKind.EMAIL), int(IdentifierKind.PHONE))


class AlreadyErased(Conflict):
    """This lead was erased before; nothing of it is left."""


@dataclass(slots=True)
class Scope:
    """What an erasure reaches.

    Attributes:
        survivor: the lead that stands for the person.
        foundings: it, and all that are merged with it.
        positions: the person's events.
        refs: strong pseudonyms bound to the person → blind index; None where it is gone already.
        browsers: refs of anonymous ids that the person was ever the owner of.
        private: those of them under which only this person's events stand.
        stretches: when which name was this person's.
        moved_on: browsers that the person still owns, so that a later visit needs another ref.
        end: the first instant that no longer belongs to what is erased, microseconds UTC.
        contact: whether others may have known of this lead.
    """

    survivor: int
    foundings: set[int]
    end: Instant
    positions: list[int] = field(default_factory=list)
    refs: dict[bytes, bytes | None] = field(default_factory=dict)
    browsers: set[bytes] = field(default_factory=set)
    private: set[bytes] = field(default_factory=set)
    stretches: list[Stretch] = field(default_factory=list)
    moved_on: set[bytes] = field(default_factory=set)
    contact: bool = False

    @property
    def subjects(self) -> set[bytes]:
        """Return the refs whose keys nobody else needs."""
        return set(self.refs) | self.private | {lead_ref(founding) for founding in self.foundings}


def measure(connection: Connection, founding: int, upto: int, erased_at: Instant) -> Scope:
    """Find what erasing a person reaches.

    Args:
        founding: any lead of the person.
        upto: the last position of the log.
        erased_at: the instant up to which what they did is theirs, microseconds UTC.

    Raises:
        AlreadyErased: there is nothing left to erase.
    """
    known, subjects = identity.load_subjects(connection, _group(connection, founding, upto), upto)
    survivor = known.survivors.get(founding, founding)
    scope = Scope(survivor, identity.with_members(known, {survivor}), erased_at + 1)
    _refuse_twice(connection, scope)
    others: set[bytes] = set()
    for owner, row in ownership.read_owned(connection, known, subjects, schema.events.c.position <= upto):
        if owner == survivor:
            scope.positions.append(row.position)
        else:
            others.add(row.subject)
    _find_names(connection, scope, known)
    scope.private = scope.browsers - others
    return scope


def _group(connection: Connection, founding: int, upto: int) -> set[int]:
    known = Known()
    identity.load_merges(connection, known, upto)
    return {known.survivors.get(founding, founding)}


def _refuse_twice(connection: Connection, scope: Scope) -> None:
    table = schema.erasures
    done = set(
        connection.execute(select(table.c.founding).where(any_of(connection, table.c.founding, scope.foundings))).scalars()
    )
    if scope.foundings <= done:
        raise AlreadyErased


def _find_names(connection: Connection, scope: Scope, known: Known) -> None:
    """Tell under which names the person went, and when; of a shared browser only the stretches that were theirs."""
    table = schema.refs
    strong = {ref for ref, founding in known.bindings.items() if known.survivors.get(founding, founding) == scope.survivor}
    rows = connection.execute(
        select(table.c.ref, table.c.blind, table.c.kind).where(any_of(connection, table.c.ref, strong))
    ).all()
    blinds = {ref: (blind, kind) for ref, blind, kind in rows}
    scope.refs = {ref: blinds[ref][0] if ref in blinds else None for ref in strong}
    scope.contact = any(kind in _CONTACTS for _, kind in blinds.values())
    scope.stretches = [Stretch(blind, _BEGINNING, scope.end) for blind, _ in blinds.values()]
    scope.stretches += [Stretch(lead_ref(founding), _BEGINNING, FOR_EVER) for founding in scope.foundings]
    for ref in known.visitors.keys() | known.claims.keys():
        owned = _owned(known, ref, scope.survivor, scope.end)
        if owned:
            scope.browsers.add(ref)
            scope.stretches += owned
            if owned[-1].high == scope.end:
                scope.moved_on.add(ref)


def _owned(known: Known, ref: bytes, survivor: int, end: Instant) -> list[Stretch]:
    """Return the stretches in which a browser was the person's, in the order of time."""
    claims = known.claims.get(ref) or [Claim(_BEGINNING, 0, known.visitors.get(ref, 0))]
    begins = [_BEGINNING, *(claim.at for claim in claims[1:])]
    return [
        Stretch(ref, low, high)
        for claim, low, high in zip(claims, begins, [*begins[1:], end], strict=True)
        if known.survivors.get(claim.founding, claim.founding) == survivor and low < high
    ]


def count(connection: Connection, scope: Scope) -> dict[str, int]:
    """Count what is destroyed, by kind."""
    table = schema.sealed
    where = any_of(connection, table.c.position, scope.positions)
    return {
        "leads": len(scope.foundings),
        "events": len(scope.positions),
        "sealed_parts": connection.execute(select(func.count()).select_from(table).where(where)).scalar_one(),
        "identifiers": sum(blind is not None for blind in scope.refs.values()),
        "browsers": len(scope.browsers),
        "keys": _count_among(connection, schema.keys.c.ref, scope.subjects),
        "quarantined": _count_among(connection, schema.quarantine.c.key_ref, scope.subjects),
    }


def _count_among(connection: Connection, column: Any, refs: Collection[bytes]) -> int:
    return int(connection.execute(select(func.count()).where(any_of(connection, column, refs))).scalar_one())


class Covered(NamedTuple):
    """Events that lack something because somebody was erased, by position.

    Attributes:
        theirs: the erased person's own: nothing personal may be left.
        excused: those that were, as far as their instant tells: what they lack is not missed.
        naming: those that name a pseudonym of such a person, their own among them.
    """

    theirs: set[int]
    excused: set[int]
    naming: set[int]


def load_covered(connection: Connection, rows: Sequence[Any], upto: int) -> Covered:
    """Tell which of these event rows an erasure took something from on purpose.

    Args:
        upto: the position up to which identity counts.
    """
    covered = Covered(set(), set(), set())
    if not rows:
        return covered
    named = {row.position: identity.name(row) for row in rows}
    known = identity.load_known(connection, list(named.values()), upto)
    foundings = {ref: known.lead_of_strong(ref) or 0 for event in named.values() for ref in event.strong}
    owners = {position: known.lead_of(event) or 0 for position, event in named.items()}
    until = _load_erased_until(connection, {*foundings.values(), *owners.values()})
    stretches = erased.load_stretches(connection, {row.subject for row in rows})
    for row in rows:
        if any(row.position < until.get(foundings[ref], 0) for ref in named[row.position].strong):
            covered.naming.add(row.position)
        if row.type == ERASED:
            continue
        if row.position < until.get(owners[row.position], 0):
            covered.theirs.add(row.position)
        # A later claim of somebody else may have taken it over since; at equal instants the stretch alone cannot tell.
        elif erased.is_erased(stretches, [row.subject], row.at):
            covered.excused.add(row.position)
    return covered


def _load_erased_until(connection: Connection, foundings: Collection[int]) -> dict[int, int]:
    table = schema.erasures
    where = any_of(connection, table.c.founding, set(foundings))
    last = select(table.c.founding, func.max(table.c.position)).where(where).group_by(table.c.founding)
    return {founding: position for founding, position in connection.execute(last)}
