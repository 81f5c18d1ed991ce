"""``parked``: leads whose fold failed; look, mend, and let them go on."""

from __future__ import annotations

import click

from lead_events import clock
from lead_events.cli.groups import Group
from lead_events.cli.opening import Opened, opened
from lead_events.cli.tables import print_table
from lead_events.domain.errors import NotFound
from lead_events.domain.lead_id import decode_lead_id, encode_lead_id
from lead_events.domain.times import format_instant
from lead_events.projections import projector
from lead_events.store import generations
from lead_events.store import parked as parking
from lead_events.store.engine import reading, writing
from lead_events.store.parked import Parked
from lead_events.store.vault import Vault


@click.group(cls=Group)
def parked() -> None:
    """Leads whose fold failed; their events are safe in the log."""


@parked.command("list")
def list_parked() -> None:
    """List parked leads: since when, at which event, why."""
    with opened() as database:
        vault = database.vault()
        rows = [
            (encode_lead_id(vault.log_id, lead.founding), str(lead.position), format_instant(lead.since), lead.error)
            for lead in _load(database)
        ]
    print_table(("lead", "position", "since", "error"), rows)


@parked.command("retry")
@click.argument("lead_ids", nargs=-1)
@click.option("--all", "everyone", is_flag=True, help="Retry every parked lead.")
def retry(lead_ids: tuple[str, ...], *, everyone: bool) -> None:
    """Fold parked leads again from their own events, after whatever was wrong is mended."""
    if not lead_ids and not everyone:
        raise click.UsageError("Name leads, or say --all.")
    with opened() as database:
        vault = database.vault()
        waiting = _load(database)
        chosen = waiting if everyone else [_find(vault, waiting, lead_id) for lead_id in lead_ids]
        _refold(database, vault, [lead.founding for lead in chosen])
        left = {lead.founding for lead in _load(database)}
    still = sum(lead.founding in left for lead in chosen)
    click.echo(f"{len(chosen) - still} of {len(chosen)} leads go on; {still} are still parked.")


@parked.command("skip")
@click.argument("lead_id")
@click.option("--reason", required=True, help="Why this event is left out; kept for ever.")
def skip(lead_id: str, reason: str) -> None:
    """Leave the event that parked a lead out of every fold, and fold the lead again."""
    with opened() as database:
        vault = database.vault()
        lead = _find(vault, _load(database), lead_id)
        with writing(database.engine) as connection:
            parking.skip(connection, lead.position, reason, clock.now())
        _refold(database, vault, [lead.founding])
    click.echo(f"Event {lead.position} is left out.")


def _load(database: Opened) -> list[Parked]:
    with reading(database.engine) as connection:
        return parking.load_all(connection, generations.load_live(connection).generation_id)


def _find(vault: Vault, waiting: list[Parked], lead_id: str) -> Parked:
    founding = decode_lead_id(vault.log_id, lead_id)
    found = next((lead for lead in waiting if lead.founding == founding), None)
    if found is None:
        raise NotFound("parked lead", lead_id)
    return found


def _refold(database: Opened, vault: Vault, foundings: list[int]) -> None:
    with reading(database.engine) as connection:
        live = generations.load_live(connection)
    model = projector.Models(database.engine).of(live)
    projector.refold(database.engine, vault, live.generation_id, model, foundings)
