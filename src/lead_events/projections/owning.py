"""Whose each event is, for all events at once: what ``identity.lead_of_subject`` says of one."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from lead_events.domain.errors import LeadEventsError
from lead_events.domain.events import REF_BYTES
from lead_events.projections.columns import Bools, Columns, Hashes, Ints, number_refs
from lead_events.store import owners
from lead_events.store.owners import Piece

_Claimed = list[tuple[int, int, int]]
_Refs = NDArray[np.bytes_]
_REF = f"S{REF_BYTES}"

_BLOCK = 1_000_000
"""Events that are joined to leads at a time: of ten million, each column on the way would take 80 MB."""


class SharedNumber(LeadEventsError):
    """Two pseudonyms of this log have the same number, so events cannot be joined to leads by it."""


@dataclass(frozen=True, slots=True)
class Owners:
    """Who owns what as of a position.

    Attributes:
        refs: numbers of refs that stand for one lead at all times, sorted; ``leads`` are theirs.
        claimed: number of a ref that several leads claimed → (at, position, lead), in canonical order.
        survivors: merged lead → the one that stands for it.
    """

    refs: Hashes
    leads: Ints
    claimed: dict[int, _Claimed]
    survivors: dict[int, int]

    def of(self, columns: Columns) -> Ints:
        """Return the lead of each event; 0 for an event about no lead."""
        found = np.zeros(len(columns.subject), dtype=np.int64)
        for begin in range(0, len(found), _BLOCK):
            some = slice(begin, begin + _BLOCK)
            found[some] = self._after_merges(self._of_some(columns, some))
        return found

    def _of_some(self, columns: Columns, some: slice) -> Ints:
        subject = columns.subject[some]
        found = np.where(subject >> np.uint64(63), 0, subject).astype(np.int64)
        if len(self.refs):
            index = np.minimum(_search(self.refs, subject), len(self.refs) - 1)
            found = np.where(self.refs[index] == subject, self.leads[index], found)
        for place in np.flatnonzero(np.isin(subject, np.array(list(self.claimed), dtype=np.uint64))).tolist():
            claims, row = self.claimed[int(subject[place])], some.start + place
            before = bisect_right(claims, (int(columns.at[row]), row + 1), key=lambda claim: claim[:2])
            found[place] = claims[max(before - 1, 0)][2]
        return found

    def _after_merges(self, found: Ints) -> Ints:
        if not self.survivors:
            return found
        merged = np.array(sorted(self.survivors), dtype=np.int64)
        standing = np.array([self.survivors[lead] for lead in sorted(self.survivors)], dtype=np.int64)
        index = np.minimum(np.searchsorted(merged, found), len(merged) - 1)
        return np.where(merged[index] == found, standing[index], found)


def _search(refs: Hashes, subject: Hashes) -> Ints:
    """Do what ``searchsorted`` does: in the order of the log, four million refs are missed by every cache (1.2 µs, so 0.2)."""
    order = np.argsort(subject)
    found = np.empty(len(subject), dtype=np.int64)
    found[order] = np.searchsorted(refs, subject[order])
    return found


def load_owners(connection: Connection, upto: int) -> Owners:
    """Return who owns what as of a position.

    Raises:
        SharedNumber: two pseudonyms have the same number; one log in a million has such a pair at ten million pseudonyms.
    """
    bound, visitors = _gather(owners.read_bound(connection, upto)), _gather(owners.read_visitors(connection, upto))
    claims = _gather(owners.read_claims(connection, upto))
    begins = np.flatnonzero(np.append(True, claims.refs[1:] != claims.refs[:-1])) if len(claims.refs) else np.zeros(0, dtype=int)
    is_shared = _is_shared(claims.leads, begins)
    sole, unclaimed = begins[~is_shared], ~np.isin(visitors.refs, claims.refs)
    refs = np.concatenate([bound.refs, claims.refs[sole], visitors.refs[unclaimed]])
    leads = np.concatenate([bound.leads, claims.leads[sole], visitors.leads[unclaimed]])
    claimed = _claimed_by_several(claims, np.repeat(is_shared, np.diff(begins, append=len(claims.refs))))
    numbers = number_refs(refs.tobytes())
    order = np.argsort(numbers)
    numbers, leads = numbers[order], leads[order]
    if (numbers[1:] == numbers[:-1]).any() or len(claimed) < is_shared.sum() or np.isin(list(claimed), numbers).any():
        raise SharedNumber
    return Owners(numbers, leads, claimed, owners.load_survivors(connection, upto))


class _Names(NamedTuple):
    """Refs, the leads that they stand for, and of claims when and at which position they were made, side by side."""

    refs: _Refs
    leads: Ints
    at: Ints
    positions: Ints


def _gather(pieces: Iterable[Piece]) -> _Names:
    """Put rows into columns, piece by piece: as objects, those of ten million events are gigabytes."""
    none = np.zeros(0, dtype=np.int64)
    refs, leads, at, positions = [np.zeros(0, dtype=_REF)], [none], [none], [none]
    for piece in pieces:
        each, *of_claim, founding = zip(*piece, strict=True)
        refs.append(np.frombuffer(b"".join(each), dtype=_REF))
        leads.append(np.array(founding, dtype=np.int64))
        for column, values in zip((at, positions), of_claim, strict=False):
            column.append(np.array(values, dtype=np.int64))
    return _Names(np.concatenate(refs), np.concatenate(leads), np.concatenate(at), np.concatenate(positions))


def _is_shared(leads: Ints, begins: Ints) -> Bools:
    """Mark the refs that more than one lead claimed."""
    if not len(leads):
        return np.zeros(0, dtype=bool)
    shared: Bools = np.minimum.reduceat(leads, begins) != np.maximum.reduceat(leads, begins)
    return shared


def _claimed_by_several(claims: _Names, which: Bools) -> dict[int, _Claimed]:
    """Return marked claims, by the numbers of their refs."""
    found: dict[int, _Claimed] = defaultdict(list)
    columns = number_refs(claims.refs[which].tobytes()), claims.at[which], claims.positions[which], claims.leads[which]
    for number, at, position, lead in zip(*(column.tolist() for column in columns), strict=True):
        found[number].append((at, position, lead))
    return dict(found)
