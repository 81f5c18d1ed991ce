"""Retention: who has been kept too long, counted first, then forgotten as an erasure forgets.

Everything is decided by the live generation as it stands and by the instant given, so the same call gives the same answer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sqlalchemy import Engine

from lead_events import clock
from lead_events.domain.errors import LeadEventsError
from lead_events.domain.retention import Periods, RetentionClass, access_limit, classify, limit_of, quarantine_limit
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant
from lead_events.store import generations, quarantine, reads, sources
from lead_events.store import retention as store
from lead_events.store.engine import reading, writing
from lead_events.store.erasing import Request, erase
from lead_events.store.erasure_ledger import Ledger
from lead_events.store.vault import Vault

AUTHOR = "retention"
_PAGE = 500
_DELETED_AT_ONCE = 1_000
_DAY_SECONDS = 24 * 3_600.0
_LOG = logging.getLogger(__name__)

Shred = Callable[[int, RetentionClass], None]
"""Forgets one lead for good."""


def _ignore(_done: int, _total: int) -> None:
    """Tell nobody."""


class Due(NamedTuple):
    """A lead that has been kept too long: since ``last``, microseconds UTC, nothing has happened that counts."""

    founding: int
    class_: RetentionClass
    last: Instant


@dataclass(slots=True)
class Tally:
    """How many there are of something, and the oldest instant among them."""

    count: int = 0
    oldest: Instant | None = None

    def add(self, count: int, oldest: Instant | None) -> None:
        """Count some more."""
        self.count += count
        known = [each for each in (self.oldest, oldest) if each is not None]
        self.oldest = min(known, default=None)


@dataclass(slots=True)
class Survey:
    """What has been kept too long, or what was forgotten.

    Attributes:
        leads: by class; customers are never among them.
        failed: leads that could not be forgotten, by founding position; the next run tries again.
    """

    leads: dict[RetentionClass, Tally] = field(default_factory=lambda: {each: Tally() for each in RetentionClass})
    quarantine: Tally = field(default_factory=Tally)
    accesses: Tally = field(default_factory=Tally)
    failed: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        """Count the leads of all classes."""
        return sum(tally.count for tally in self.leads.values())


def survey(engine: Engine, periods: Periods, as_of: Instant, report: Callable[[int, int], None] = _ignore) -> Survey:
    """Count what has been kept too long, and change nothing.

    Args:
        as_of: now, microseconds UTC.
        report: told (leads since the last call, leads in all).
    """
    found = Survey()
    for page in _find_due(engine, periods, as_of, report):
        for due in page:
            found.leads[due.class_].add(1, due.last)
    quarantined, read = quarantine_limit(periods, as_of), access_limit(periods, as_of)
    with reading(engine) as connection:
        if quarantined is not None:
            found.quarantine.add(*quarantine.count_older(connection, quarantined))
        if read is not None:
            found.accesses.add(*reads.count_older(connection, read))
    return found


def apply(
    engine: Engine,
    periods: Periods,
    as_of: Instant,
    shred: Shred,
    *,
    stop: threading.Event | None = None,
    report: Callable[[int, int], None] = _ignore,
) -> Survey:
    """Forget what has been kept too long; what is left when it stops, the next run finds.

    Args:
        as_of: now, microseconds UTC.
        shred: forgets one lead.
        stop: set it to end after the lead under way.
        report: told (leads since the last call, leads in all) of those looked at.

    Returns:
        What was forgotten, and who could not be.
    """
    done = Survey()
    for page in _find_due(engine, periods, as_of, report):  # page by page, so that nobody who came back meanwhile is forgotten
        for due in page:
            if stop is not None and stop.is_set():
                return done
            _forget(due, shred, done)
    _delete_old(engine, quarantine_limit(periods, as_of), quarantine.forget_older, done.quarantine)
    _delete_old(engine, access_limit(periods, as_of), reads.forget_older, done.accesses)
    return done


def shredding(engine: Engine, vault: Vault, ledger: Ledger | None) -> Shred:
    """Return what forgets a lead: an erasure, with the class as its reason."""
    with writing(engine) as connection:
        source_id = sources.create(connection, AUTHOR).source_id

    def shred(founding: int, class_: RetentionClass) -> None:
        erase(engine, vault, Request(founding, source_id, AUTHOR, clock.now(), f"retention_{class_}"), ledger)

    return shred


def run_daily(engine: Engine, vault: Vault, periods: Periods, ledger: Ledger | None, stop: threading.Event) -> None:
    """Apply retention now and once a day until told to stop; whatever goes wrong is tried again the day after."""
    while not stop.is_set():
        try:
            done = apply(engine, periods, clock.now(), shredding(engine, vault, ledger), stop=stop)
        except Exception:  # noqa: BLE001 - logged, and tried again
            _LOG.exception("retention failed")
        else:
            if done.total or done.failed or done.quarantine.count or done.accesses.count:
                _LOG.warning("retention forgot %d leads, %d could not be", done.total, len(done.failed))
        stop.wait(_DAY_SECONDS)


def _find_due(engine: Engine, periods: Periods, as_of: Instant, report: Callable[[int, int], None]) -> Iterator[list[Due]]:
    with reading(engine) as connection:
        live = generations.load_live(connection)
        total = store.count_leads(connection, live.generation_id)
    after: int | None = 0
    while after is not None:
        with reading(engine) as connection:
            page = store.read_leads(connection, live.generation_id, after, _PAGE)
            classes = {lead.founding: classify(lead) for lead in page.leads}
            prospects = [founding for founding, class_ in classes.items() if class_ is RetentionClass.PROSPECT]
            contacts = store.load_last_contacts(connection, prospects, live.position)
            candidates = (Due(lead.founding, classes[lead.founding], _last(lead, contacts)) for lead in page.leads)
            over = [due for due in candidates if _is_over(due, periods, as_of)]
            news = store.load_with_news(connection, [due.founding for due in over], live.position)
        after = page.last
        yield [due for due in over if due.founding not in news]
        report(len(page.leads), total)


def _last(lead: Lead, contacts: dict[int, Instant]) -> Instant:
    """Return the last contact of a prospect, the last event of anybody else and of prospects who never had a contact."""
    return contacts.get(lead.founding, lead.last_at)


def _is_over(due: Due, periods: Periods, as_of: Instant) -> bool:
    limit = limit_of(due.class_, periods, as_of)
    return limit is not None and due.last < limit


def _forget(due: Due, shred: Shred, done: Survey) -> None:
    try:
        shred(due.founding, due.class_)
    except LeadEventsError as error:
        _LOG.warning("a lead was kept beyond its period: %s", type(error).__name__)
        done.failed.append(due.founding)
    else:
        done.leads[due.class_].add(1, due.last)


def _delete_old(engine: Engine, until: Instant | None, forget: Callable[..., int], tally: Tally) -> None:
    if until is None:
        return
    while True:
        with writing(engine) as connection:
            count = forget(connection, until, _DELETED_AT_ONCE)
        if not count:
            return
        tally.add(count, None)
