"""``quarantine``: events whose id was taken by other content; look, release under a new id, or discard."""

from __future__ import annotations

import click
import orjson

from lead_events.cli.groups import Group
from lead_events.cli.noting import note_reads
from lead_events.cli.opening import opened
from lead_events.cli.tables import print_table
from lead_events.domain.times import format_instant
from lead_events.store import identity, releasing
from lead_events.store import quarantine as kept
from lead_events.store.engine import reading, writing
from lead_events.store.reads import ReadKind

_MOST = 1_000_000


@click.group(cls=Group)
def quarantine() -> None:
    """Events whose id was taken by other content; they never entered the log."""


@quarantine.command("list")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, _MOST))
def list_quarantined(limit: int) -> None:
    """List quarantined events, oldest first."""
    with opened() as database, reading(database.engine) as connection:
        rows = [
            (
                each.quarantine_id,
                each.event.type if each.event else "(erased)",
                each.event_id,
                str(each.original_position),
                format_instant(each.first_seen),
                str(each.times),
            )
            for each in kept.read(connection, database.vault(), limit)
        ]
    print_table(("id", "type", "event_id", "taken at", "first seen", "times"), rows)


@quarantine.command("show")
@click.argument("quarantine_id")
def show(quarantine_id: str) -> None:
    """Print one event as JSON, personal values and all."""
    with opened() as database:
        with reading(database.engine) as connection:
            found = kept.load(connection, database.vault(), quarantine_id)
            whose = identity.load_leads_of(connection, [found.key_ref], identity.read_checkpoint(connection))
        note_reads(database.engine, ReadKind.QUARANTINE, whose.values())
    event = found.event
    content = None if event is None else {"type": event.type, "plain": event.plain, "personal": event.personal}
    body = {"event_id": found.event_id, "original_position": found.original_position, "event": content}
    click.echo(orjson.dumps(body, option=orjson.OPT_INDENT_2).decode())


@quarantine.command("release")
@click.argument("quarantine_id")
def release(quarantine_id: str) -> None:
    """Append the event to the log under an id of its own."""
    with opened() as database:
        outcome = releasing.release(database.engine, database.vault(), quarantine_id)
    click.echo(f"It is in the log at position {outcome.position}.")


@quarantine.command("discard")
@click.argument("quarantine_id")
def discard(quarantine_id: str) -> None:
    """Forget the event; the one that had the id first stays."""
    with opened() as database:
        vault = database.vault()
        with writing(database.engine) as connection:
            kept.take(connection, vault, quarantine_id)
    click.echo("It is gone.")
