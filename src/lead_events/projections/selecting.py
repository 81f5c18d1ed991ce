"""Which events of which leads a fold must see, chosen from columns: exactly those that ``domain.relevance`` calls for.

What stays is in canonical order; of every lead that stays, its first event does too, for it founds the lead.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lead_events.domain.erasing import ERASED
from lead_events.domain.profile import KEPT_SESSIONS, SESSION_GAP
from lead_events.domain.relevance import Use
from lead_events.domain.signatures import Signature
from lead_events.projections.columns import Bools, Columns, Ints


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the events of a log.

    Attributes:
        uses: what the events of each signature are needed for (``Use``), by its number.
        everything: whether every event of every lead is.
        everybody: whether leads are, who did nothing that matters.
        skips: positions that an operator left out.
    """

    uses: Sequence[int]
    everything: bool
    everybody: bool
    skips: Collection[int] = ()


class Selection(NamedTuple):
    """The events that stay, by lead and in canonical order.

    Attributes:
        leads: founding positions, ascending.
        starts: per lead, where its events begin; one more at the end.
        rows: per event, its place in the columns: its position less one.
        in_log: per event, whether it must be read from the log.
        apart: leads that cannot be told from columns, and are to be folded from their whole history.
        first_at: of the first event of any lead that can; None when there is none. Microseconds UTC.
    """

    leads: Ints
    starts: Ints
    rows: Ints
    in_log: Bools
    apart: frozenset[int]
    first_at: int | None


def select(columns: Columns, owners: Ints, signatures: Sequence[Signature], wanted: Wanted) -> Selection:
    """Choose the events that a fold must see.

    Args:
        columns: the log from its first event on.
        owners: the lead of each event, 0 for none.
        signatures: by number.
        wanted: what is asked.
    """
    owners = owners.copy()
    owners[[position - 1 for position in wanted.skips if position <= len(owners)]] = 0
    use = np.array(wanted.uses or [0], dtype=np.uint8)[columns.signature]
    leads = _Leads(owners, use)
    erased = np.array([signature.type == ERASED for signature in signatures] or [False])[columns.signature]
    apart = leads.having(erased)
    matters = (use & (Use.KEPT | Use.STAMPED)) > 0
    staying = leads.having(owners > 0 if wanted.everything or wanted.everybody else matters)
    some = np.flatnonzero(staying[owners] & ~apart[owners])
    order = some[np.lexsort((columns.at[some], owners[some]))]
    lead = owners[order]
    keep = _is_first(lead) | ((use[order] & Use.KEPT) > 0) | wanted.everything
    keep |= leads.having((use & Use.GATE) > 0)[lead]
    keep |= _first_stamps(lead, use[order], columns.signature[order])
    in_sessions = leads.having((use & Use.SESSION) > 0)[lead] | wanted.everything
    crowded = _keep_sessions(lead, columns, order, in_sessions, keep)
    apart[crowded] = True
    keep &= ~apart[lead]
    return _selection(order[keep], lead[keep], use, apart, columns.at[(owners > 0) & ~apart[owners]])


def _selection(rows: Ints, lead: Ints, use: NDArray[np.uint8], apart: Bools, at: Ints) -> Selection:
    first = np.flatnonzero(_is_first(lead))
    starts = np.append(first, len(lead))
    first_at = int(at.min()) if len(at) else None
    in_log = (use[rows] & Use.IN_LOG) > 0
    return Selection(lead[first], starts, rows, in_log, frozenset(np.flatnonzero(apart).tolist()), first_at)


class _Leads:
    """Marks leads by their events."""

    def __init__(self, owners: Ints, use: NDArray[np.uint8]) -> None:
        self._owners = owners
        self._size = int(owners.max(initial=0)) + 1
        self._use = use

    def having(self, events: Bools) -> Bools:
        """Return, per founding position, whether the lead has one of these events; nobody is at 0."""
        marked = np.zeros(self._size, dtype=bool)
        marked[self._owners[events]] = True
        marked[0] = False
        return marked


def _is_first(sorted_keys: NDArray[np.int64]) -> Bools:
    changes: Bools = np.diff(sorted_keys, prepend=-1) != 0
    return changes


def _first_stamps(lead: Ints, use: NDArray[np.uint8], signature: NDArray[np.int32]) -> Bools:
    """Mark, of each lead and signature, the first event that tells which purposes need a yes."""
    stamped = np.flatnonzero(use & Use.STAMPED)
    pairs = lead[stamped] * (int(signature.max(initial=0)) + 1) + signature[stamped]
    marked = np.zeros(len(lead), dtype=bool)
    marked[stamped[np.unique(pairs, return_index=True)[1]]] = True
    return marked


def _keep_sessions(lead: Ints, columns: Columns, order: Ints, in_sessions: Bools, keep: Bools) -> Ints:
    """Keep what holds a visit together whose kept events alone would fall into several; returns leads with many browsers.

    A visit ends after a gap without any event of its browser. Of too many browsers a lead forgets some, and which ones
    depends on every event.
    """
    some = np.flatnonzero(in_sessions & (columns.browser[order] != 0))
    browser = columns.browser[order[some]]
    sort = np.lexsort((browser, lead[some]))
    some, browser = some[sort], browser[sort]
    who, at = lead[some], columns.at[order[some]]
    changes = (np.diff(who, prepend=-1) != 0) | (np.diff(browser.astype(np.int64), prepend=np.int64(0)) != 0)
    visit = np.cumsum(changes | (np.diff(at, prepend=at[:1]) > SESSION_GAP))
    kept = np.flatnonzero(keep[some])
    torn = (np.diff(visit[kept]) == 0) & (np.diff(at[kept]) > SESSION_GAP)
    keep[some[np.isin(visit, visit[kept][1:][torn])]] = True
    owners, browsers = np.unique(who[changes], return_counts=True)
    return owners[browsers > KEPT_SESSIONS]
