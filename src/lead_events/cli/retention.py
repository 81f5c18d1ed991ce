"""``retention``: what has been kept beyond its period; shown first, then forgotten for good."""

from __future__ import annotations

import sys

import click

from lead_events import app, clock
from lead_events.cli.bars import show_bar
from lead_events.cli.opening import opened
from lead_events.cli.tables import print_table
from lead_events.domain.retention import Periods, RetentionClass
from lead_events.domain.times import Instant, format_instant
from lead_events.projections import retention as projecting
from lead_events.projections.retention import Survey

_FOUND = 1


@click.command("retention")
@click.option("--dry-run", is_flag=True, help="Change nothing; print what would go, by class.")
def retention(*, dry_run: bool) -> None:
    """Forget, as an erasure does, whoever has been kept beyond the periods that are set; customers stay."""
    with opened() as database:
        periods, now = app.periods(database.settings), clock.now()
        with show_bar("retention") as advance:
            if dry_run:
                found = projecting.survey(database.engine, periods, now, advance)
            else:
                shred = projecting.shredding(database.engine, database.vault(), app.erasure_ledger(database.settings))
                found = projecting.apply(database.engine, periods, now, shred, report=advance)
    _print(found, periods)
    click.echo(_summary(found, dry_run=dry_run), err=True)
    if found.failed:
        sys.exit(_FOUND)


def _print(found: Survey, periods: Periods) -> None:
    rows = [
        (class_.value, _months(periods.months_of(class_)), str(tally.count), _date(tally.oldest))
        for class_, tally in found.leads.items()
        if class_ is not RetentionClass.CUSTOMER
    ]
    days = f"{periods.quarantine_days} days" if periods.quarantine_days else "for ever"
    rows.append(("quarantine", days, str(found.quarantine.count), _date(found.quarantine.oldest)))
    rows.append(("access lines", _months(periods.access_months), str(found.accesses.count), _date(found.accesses.oldest)))
    print_table(("class", "kept", "beyond it", "oldest"), rows)


def _summary(found: Survey, *, dry_run: bool) -> str:
    if dry_run:
        return f"{found.total:,} leads would be forgotten; nothing was changed."
    failed = f", {len(found.failed):,} could not be: run it again" if found.failed else ""
    return f"{found.total:,} leads are forgotten{failed}."


def _months(months: int) -> str:
    return f"{months} months" if months else "for ever"


def _date(instant: Instant | None) -> str:
    return "" if instant is None else format_instant(instant)[:10]
