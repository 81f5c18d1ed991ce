"""Folds a page: leads it only appends to go on from their rows, all others are folded again from their own events.

Poison parks one lead: it stays as it was before the event that could not be folded.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row

from lead_events.domain import state
from lead_events.domain.changes import NOBODY, Before, Change, ChangeKind, changes_of, changes_of_refold, remember, standing
from lead_events.domain.erasing import ERASED
from lead_events.domain.events import Event
from lead_events.domain.identity import Key
from lead_events.domain.lead import FOLD_REVISION, fold
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.state import Lead
from lead_events.domain.times import DAY, Instant
from lead_events.projections.pages import REFOLD_EVERY, Page
from lead_events.store import histories
from lead_events.store.changes import Draft
from lead_events.store.histories import History
from lead_events.store.leads import LeadRow
from lead_events.store.opening import open_events
from lead_events.store.parked import Parked
from lead_events.store.vault import Vault

BEGINNING = state.BEGINNING

LONG_HISTORY = 20_000
"""Events of a lead from which on it is not folded again with every page that would need it."""

HISTORIC_AFTER = DAY
"""A change whose cause happened longer than this before its receipt is recorded, but nobody is called about it."""


@dataclass(slots=True)
class Folded:
    """What a page comes to: rows to save, leads to park, changes to say in their order."""

    rows: list[LeadRow] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)


def fold_page(connection: Connection, vault: Vault, page: Page) -> Folded:
    """Fold every lead that a page touches."""
    folded = Folded()
    waiting = {founding for founding in page.touched if _is_waiting(page, founding)}
    in_order = {founding for founding in page.touched - waiting if _is_in_order(page, founding)}
    stale = {founding for founding in page.touched - waiting - in_order if _is_too_soon(page, founding)}
    said: list[Change] = []
    _fold_in_order(connection, vault, page, in_order, folded, said)
    _refold(connection, vault, page, page.touched - in_order - waiting - stale, folded, said)
    folded.rows += [_wait(page, founding) for founding in sorted(waiting | stale)]
    folded.drafts = _in_log_order(page, said)
    return folded


def refold_leads(connection: Connection, vault: Vault, page: Page, foundings: Collection[int]) -> Folded:
    """Fold leads again from all their events, at the page's checkpoint."""
    folded, said = Folded(), list[Change]()
    _refold(connection, vault, page, foundings, folded, said)
    folded.drafts = _in_log_order(page, said)
    return folded


def _is_waiting(page: Page, founding: int) -> bool:
    """Say whether a parked lead stays as it is; an erasure leaves nothing that could fail, nor anything to keep."""
    before = page.before.get(founding)
    is_erased = any(row.type == ERASED for row in page.owners.get(founding, ()))
    return before is not None and before.parked and not is_erased


def _is_too_soon(page: Page, founding: int) -> bool:
    """Say whether a lead's long history was folded again a moment ago; an erasure is not kept waiting."""
    before = page.before.get(founding)
    if before is None or before.refolded_at is None or any(row.type == ERASED for row in page.owners.get(founding, ())):
        return False
    return page.clock - before.refolded_at < REFOLD_EVERY


def _is_in_order(page: Page, founding: int) -> bool:
    """Say whether the page only appends to a lead, behind everything that already happened to it."""
    if founding in page.moves:
        return False
    before = page.before.get(founding)
    if before is None:
        return True
    if before.emptied or before.parked or before.stale_since is not None or page.generation.fold_revision != FOLD_REVISION:
        return False
    first = min((_key(row) for row in page.owners.get(founding, ())), default=None)
    lead = before.lead
    return first is None or (first > (lead.last_at, lead.last_position) and first[0] >= lead.ticked)


def _fold_in_order(
    connection: Connection, vault: Vault, page: Page, foundings: Collection[int], folded: Folded, said: list[Change]
) -> None:
    mine = [row for founding in foundings for row in page.owners.get(founding, ()) if row.position not in page.skips]
    opened = {event.position: event for event in open_events(connection, vault, sorted(mine, key=_position))}
    for founding in sorted(foundings):
        before = page.before.get(founding)
        new = page.owners.get(founding, [])
        events = sorted((opened[row.position] for row in new if row.position in opened), key=_event_key)
        remembered = _remember(page, before)
        trace = Trace() if page.speaks else None
        lead, failure = fold_or_park(page, founding, before.lead if before else None, events, trace)
        position = max([row.position for row in new], default=before.position if before else 0)
        _add(folded, page, lead, before, position, failure)
        if trace is not None and failure is None:
            said += changes_of(remembered, lead, page.model, trace, position, _at(events, page))


def _refold(
    connection: Connection, vault: Vault, page: Page, foundings: Collection[int], folded: Folded, said: list[Change]
) -> None:
    for founding, history in sorted(histories.load(connection, vault, foundings, page.position, page.skips).items()):
        before = page.before.get(founding)
        remembered = _remember(page, before)
        trace = Trace() if page.speaks else None
        lead, failure = fold_or_park(page, founding, None, history.events, trace)
        merged = history.merged_into is not None
        _add(folded, page, lead, before, history.position, failure, emptied=history.emptied, merged=merged)
        if len(history.events) > LONG_HISTORY or (before is not None and before.stale_since is not None):
            folded.rows[-1] = _refreshed(page, folded.rows[-1], before)
        if trace is not None and failure is None:
            at = _at(history.events, page)
            if before is not None and history.emptied != before.emptied and (lead.contact or remembered.contact):
                said.append(_regrouped(page, remembered, lead, history, at))
            else:
                said += changes_of_refold(remembered, lead, page.model, trace, history.position, at)


def _refreshed(page: Page, row: LeadRow, before: LeadRow | None) -> LeadRow:
    """Remember when a long history was folded; one that was stale changes now, behind every bookmark a reader could hold."""
    was_stale = before is not None and before.stale_since is not None
    return row._replace(refolded_at=page.clock, updated_at=page.clock if was_stale else row.updated_at)


def _regrouped(page: Page, before: Before, lead: Lead, history: History, at: Instant) -> Change:
    """Say that a lead was merged into another, or stands for itself again."""
    if before.contact:
        detail = {"into": history.merged_into}
        return Change(lead.founding, ChangeKind.MERGED, before.standing, None, detail, history.position, page.clock)
    return Change(lead.founding, ChangeKind.UNMERGED, None, standing(lead, page.model), {}, history.position, at)


def _remember(page: Page, before: LeadRow | None) -> Before:
    return NOBODY if before is None or not page.speaks else remember(before.lead, page.model)


def _at(events: Sequence[Event], page: Page) -> Instant:
    return events[-1].at if events else page.clock


def fold_or_park(
    page: Page, founding: int, lead: Lead | None, events: Sequence[Event], trace: Trace | None
) -> tuple[Lead, Parked | None]:
    """Fold; when an event cannot be folded, keep the lead as it was before that event, and say so."""
    saved = None if lead is None else state.dump(lead)
    try:
        return fold(lead or page.model.begin(founding), events, page.model, page.clock, trace), None
    except Exception:  # noqa: BLE001 - one lead's poison must not stop the others; _fold_prefix finds the event
        begun = page.model.begin(founding) if saved is None else state.load(saved)
        return _fold_prefix(begun, events, page.model, page.clock)


def _fold_prefix(lead: Lead, events: Sequence[Event], model: Model, clock: Instant) -> tuple[Lead, Parked | None]:
    last = lead.last_position
    for event in [*events, None]:
        saved = state.dump(lead)
        try:
            fold(lead, [event] if event else [], model, event.at if event else clock)
        except Exception as error:  # noqa: BLE001 - see fold_or_park
            reason = f"{type(error).__name__}: {error}"
            return state.load(saved), Parked(lead.founding, event.position if event else last, reason[:500], clock, 1)
        last = lead.last_position
    return lead, None


def _wait(page: Page, founding: int) -> LeadRow:
    """Keep a parked or stale lead as it is, but count the events it missed: its next fold takes them all."""
    before = page.before[founding]
    position = max([before.position, page.moves.get(founding, 0), *(row.position for row in page.owners.get(founding, ()))])
    since = None if before.parked else before.stale_since or page.clock
    return before._replace(position=position, updated_at=_updated_at(page, before.lead, before, position), stale_since=since)


def _add(
    folded: Folded,
    page: Page,
    lead: Lead,
    before: LeadRow | None,
    position: int,
    failure: Parked | None,
    *,
    emptied: bool = False,
    merged: bool = False,
) -> None:
    # A row that a promotion announced is ahead of its last event; it never goes back.
    position = position if before is None else max(position, before.position)
    updated_at = _updated_at(page, lead, before, position)
    refolded_at = None if before is None else before.refolded_at
    folded.rows.append(LeadRow(lead, position, updated_at, emptied, failure is not None, merged, refolded_at))
    if failure is not None:
        folded.parked.append(failure)


def _updated_at(page: Page, lead: Lead, before: LeadRow | None, position: int) -> Instant:
    """Return the later of the receipt of the event at ``position`` and the lead's last time move; never before what was."""
    known = BEGINNING if before is None else before.updated_at
    return max(known, page.received.get(position, BEGINNING), lead.moved)


def _in_log_order(page: Page, said: list[Change]) -> list[Draft]:
    """Order what is said: each change at the receipt of its event, or at its own instant when time caused it.

    What one lead does stays in the order in which it did it, for each change begins where the one before ended; an event
    that was received first may have happened last.
    """
    latest: dict[int, Instant] = {}
    keyed = []
    for number, change in enumerate(said):
        lead = change.founding or 0
        latest[lead] = max(_said_at(page, change), latest.get(lead, BEGINNING))
        keyed.append((latest[lead], lead, number, change))
    return [Draft(change, historic=_is_historic(page, change)) for *_, change in sorted(keyed, key=_order)]


def _order(item: tuple[Instant, int, int, Change]) -> tuple[Instant, int, int]:
    return item[:3]


def _said_at(page: Page, change: Change) -> Instant:
    if change.position is not None:
        return page.received.get(change.position, page.clock)
    return max(change.at, page.generation.clock)


def _is_historic(page: Page, change: Change) -> bool:
    if change.position in page.told:
        return not page.told[change.position]
    received = page.clock if change.position is None else page.received.get(change.position, page.clock)
    return received - change.at > HISTORIC_AFTER


def _key(row: Row[Any]) -> Key:
    return row.at, row.position


def _position(row: Row[Any]) -> int:
    return int(row.position)


def _event_key(event: Event) -> Key:
    return event.at, event.position
