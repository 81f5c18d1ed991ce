"""Which events of which leads a fold must see, chosen from columns: exactly those that ``domain.relevance`` calls for.

What stays is in canonical order; of every lead that stays, its first event does too, for it founds the lead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lead_events.domain.profile import KEPT_SESSIONS, SESSION_GAP
from lead_events.domain.relevance import Use
from lead_events.projections.columns import Bools, Columns, Hashes, Ints

_NONE = np.zeros(0, dtype=np.int64)
_NEVER = np.iinfo(np.int64).max

_BLOCK_EVENTS = 1_000_000
"""Events that are put into order at a time: a dozen columns on the way are as long, and of ten million each takes 80 MB."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of the events of a log.

    Attributes:
        uses: what the events of each signature are needed for (``Use``), by its number.
        erasing: whether the events of each signature say that somebody was erased.
        everything: whether every event of every lead is.
        everybody: whether leads are, who did nothing that matters.
        skips: positions that an operator left out.
    """

    uses: Sequence[int]
    erasing: Sequence[bool]
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

    def blocks(self) -> Iterator[slice]:
        """Yield the places of all leads, those of so many events at a time."""
        return cut(np.diff(self.starts), _BLOCK_EVENTS)


def select(columns: Columns, owners: Ints, wanted: Wanted) -> Selection:
    """Choose the events that a fold must see.

    Args:
        columns: the log from its first event on.
        owners: the lead of each event, 0 for none; those that were left out become nobody's.
        wanted: what is asked.
    """
    owners[[position - 1 for position in wanted.skips if position <= len(owners)]] = 0
    use = np.array(wanted.uses or [0], dtype=np.uint8)[columns.signature]
    leads = _Leads(owners)
    apart = leads.having(np.array(wanted.erasing or [False])[columns.signature])
    everybody = wanted.everything or wanted.everybody
    staying = leads.having(owners > 0 if everybody else (use & (Use.KEPT | Use.STAMPED)) > 0)
    gated, in_sessions = leads.having((use & Use.GATE) > 0), leads.having((use & Use.SESSION) > 0)
    if wanted.everything:
        gated[:] = in_sessions[:] = True
    blocks = [(_NONE, _NONE)]
    for some in _blocks(owners, (staying & ~apart)[owners]):
        block = _order(columns, owners, use, some)
        keep, crowded = _keep(block, gated, in_sessions)
        apart[crowded] = True
        keep &= ~apart[block.lead]
        blocks.append((block.rows[keep], block.lead[keep]))
    rows, lead = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    told = (owners > 0) & ~apart[owners]
    first_at = int(columns.at.min(where=told, initial=_NEVER)) if told.any() else None
    starts = np.append(np.flatnonzero(_is_first(lead)), len(lead))
    in_log = (use[rows] & Use.IN_LOG) > 0
    return Selection(lead[starts[:-1]], starts, rows, in_log, frozenset(np.flatnonzero(apart).tolist()), first_at)


def _blocks(owners: Ints, staying: Bools) -> Iterator[Ints]:
    """Yield the rows of events that stay, those of so many leads at a time, by ascending leads; in log order."""
    for leads in cut(np.bincount(owners[staying]), _BLOCK_EVENTS):
        yield np.flatnonzero(staying & (owners >= leads.start) & (owners < leads.stop))


def cut(events: Ints, most_events: int, most_leads: int | None = None) -> Iterator[slice]:
    """Cut leads into stretches with no more events, nor leads, than that; at least one lead each.

    Args:
        events: of each lead.
    """
    so_far, begin = np.append(0, np.cumsum(events)), 0
    while begin < len(events):
        end = int(np.searchsorted(so_far, so_far[begin] + most_events, side="right")) - 1
        end = min(max(begin + 1, end), begin + (most_leads or len(events)), len(events))
        yield slice(begin, end)
        begin = end


class _Block(NamedTuple):
    """Events of some leads, by lead and in canonical order.

    Attributes:
        rows: their places in the columns.
    """

    rows: Ints
    lead: Ints
    at: Ints
    browser: Hashes
    signature: NDArray[np.int32]
    use: NDArray[np.uint8]


def _order(columns: Columns, owners: Ints, use: NDArray[np.uint8], some: Ints) -> _Block:
    rows = some[np.lexsort((columns.at[some], owners[some]))]
    return _Block(rows, owners[rows], columns.at[rows], columns.browser[rows], columns.signature[rows], use[rows])


def _keep(block: _Block, gated: Bools, in_sessions: Bools) -> tuple[Bools, Ints]:
    """Mark the events of a block that a fold must see; returns also the leads with too many browsers.

    Args:
        gated: per lead, whether every event may end a wait.
        in_sessions: per lead, whether where its visits begin matters.
    """
    keep = _is_first(block.lead) | ((block.use & Use.KEPT) > 0) | gated[block.lead] | _first_stamps(block)
    return keep, _keep_sessions(block, in_sessions[block.lead], keep)


class _Leads:
    """Marks leads by their events."""

    def __init__(self, owners: Ints) -> None:
        self._owners = owners
        self._size = int(owners.max(initial=0)) + 1

    def having(self, events: Bools) -> Bools:
        """Return, per founding position, whether the lead has one of these events; nobody is at 0."""
        marked = np.zeros(self._size, dtype=bool)
        marked[self._owners[events]] = True
        marked[0] = False
        return marked


def _is_first(sorted_keys: NDArray[np.int64]) -> Bools:
    changes: Bools = np.diff(sorted_keys, prepend=-1) != 0
    return changes


def _first_stamps(block: _Block) -> Bools:
    """Mark, of each lead and signature, the first event that tells which purposes need a yes."""
    stamped = np.flatnonzero(block.use & Use.STAMPED)
    pairs = block.lead[stamped] * (int(block.signature.max(initial=0)) + 1) + block.signature[stamped]
    marked = np.zeros(len(block.lead), dtype=bool)
    marked[stamped[np.unique(pairs, return_index=True)[1]]] = True
    return marked


def _keep_sessions(block: _Block, in_sessions: Bools, keep: Bools) -> Ints:
    """Keep what holds a visit together whose kept events alone would fall into several; returns leads with many browsers.

    A visit ends after a gap without any event of its browser. Of too many browsers a lead forgets some, and which ones
    depends on every event.
    """
    some = np.flatnonzero(in_sessions & (block.browser != 0))
    some = some[np.lexsort((block.browser[some], block.lead[some]))]
    who, browser, at = block.lead[some], block.browser[some], block.at[some]
    changes = (np.diff(who, prepend=-1) != 0) | (np.diff(browser.view(np.int64), prepend=np.int64(0)) != 0)
    visit = np.cumsum(changes | (np.diff(at, prepend=at[:1]) > SESSION_GAP))
    kept = np.flatnonzero(keep[some])
    torn = (np.diff(visit[kept]) == 0) & (np.diff(at[kept]) > SESSION_GAP)
    keep[some[np.isin(visit, visit[kept][1:][torn])]] = True
    owners, browsers = np.unique(who[changes], return_counts=True)
    return owners[browsers > KEPT_SESSIONS]
