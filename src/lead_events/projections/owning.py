"""Whose each event is, for all events at once: what ``identity.lead_of_subject`` says of one."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from lead_events.domain.errors import LeadEventsError
from lead_events.projections.columns import Columns, Hashes, Ints, number_refs
from lead_events.store import owners
from lead_events.store.owners import Claims

_Claimed = list[tuple[int, int, int]]


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
        found = np.where(columns.subject >> np.uint64(63), 0, columns.subject).astype(np.int64)
        if len(self.refs):
            index = np.minimum(np.searchsorted(self.refs, columns.subject), len(self.refs) - 1)
            found = np.where(self.refs[index] == columns.subject, self.leads[index], found)
        self._resolve_claimed(columns, found)
        return self._after_merges(found)

    def _after_merges(self, found: Ints) -> Ints:
        if not self.survivors:
            return found
        merged = np.array(sorted(self.survivors), dtype=np.int64)
        standing = np.array([self.survivors[lead] for lead in sorted(self.survivors)], dtype=np.int64)
        index = np.minimum(np.searchsorted(merged, found), len(merged) - 1)
        return np.where(merged[index] == found, standing[index], found)

    def _resolve_claimed(self, columns: Columns, found: Ints) -> None:
        for index in np.flatnonzero(np.isin(columns.subject, np.array(list(self.claimed), dtype=np.uint64))).tolist():
            claims = self.claimed[int(columns.subject[index])]
            key = (int(columns.at[index]), index + 1)
            before = bisect_right(claims, key, key=lambda claim: claim[:2])
            found[index] = claims[max(before - 1, 0)][2]


def load_owners(connection: Connection, upto: int) -> Owners:
    """Return who owns what as of a position.

    Raises:
        SharedNumber: two pseudonyms have the same number; one log in a million has such a pair at ten million pseudonyms.
    """
    bound, visitors = owners.load_bound(connection, upto), owners.load_visitors(connection, upto)
    claims = owners.load_claims(connection, upto)
    several = _claimed_by_several(claims)
    sole = {ref: founding for ref, founding in zip(claims.refs, claims.foundings, strict=True) if ref not in several}
    unclaimed = {ref: founding for ref, founding in zip(*visitors, strict=True) if ref not in sole and ref not in several}
    names = dict(zip(*bound, strict=True)) | sole | unclaimed
    numbers = number_refs(list(names))
    order = np.argsort(numbers)
    refs, leads = numbers[order], np.array(list(names.values()), dtype=np.int64)[order]
    claimed = dict(zip(number_refs(list(several)).tolist(), several.values(), strict=True))
    if len(np.unique(numbers)) + len(claimed) < len(names) + len(several) or np.isin(list(claimed), refs).any():
        raise SharedNumber
    return Owners(refs, leads, claimed, owners.load_survivors(connection, upto))


def _claimed_by_several(claims: Claims) -> dict[bytes, _Claimed]:
    """Return the claims on those refs that more than one lead claimed."""
    leads: dict[bytes, int] = {}
    several = set()
    for ref, founding in zip(claims.refs, claims.foundings, strict=True):
        if leads.setdefault(ref, founding) != founding:
            several.add(ref)
    found: dict[bytes, _Claimed] = defaultdict(list)
    for ref, at, position, founding in zip(*claims, strict=True):
        if ref in several:
            found[ref].append((at, position, founding))
    return dict(found)
