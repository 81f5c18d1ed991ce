"""``erase`` and ``scrub``: forget a person, and wipe what the database's files may still hold of them."""

from __future__ import annotations

import click
import orjson

from lead_events import app, clock
from lead_events.cli.opening import opened
from lead_events.domain.errors import NotFound
from lead_events.domain.lead_id import decode_lead_id
from lead_events.store import erasing, scrubbing, sources
from lead_events.store.engine import writing

_SOURCE = "command line"


@click.command()
@click.argument("lead_id")
@click.option("--dry-run", is_flag=True, help="Count what would be destroyed, and destroy nothing.")
@click.option("--as", "author", required=True, help="Who decided it.")
@click.option("--reason", help="A code such as asked; name nobody in it, for it stays.")
def erase(*, lead_id: str, dry_run: bool, author: str, reason: str | None) -> None:
    """Erase a person's data for ever and print the signed receipt."""
    with opened() as database:
        vault = database.vault()
        founding = decode_lead_id(vault.log_id, lead_id)
        if founding is None:
            raise NotFound("lead", lead_id)
        if dry_run:
            answer = erasing.preview(database.engine, founding)
        else:
            with writing(database.engine) as connection:
                source = sources.create(connection, _SOURCE)
            wanted = erasing.Request(founding, source.source_id, author, clock.now(), reason)
            answer = erasing.erase(database.engine, vault, wanted, app.erasure_ledger(database.settings))
    click.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode())


@click.command()
def scrub() -> None:
    """Wipe what the database's files still hold of rows that are gone.

    SQLite does it by itself within seconds of an erasure; on PostgreSQL this rewrites the tables of leads and keys, which
    nobody can read or write meanwhile.
    """
    with opened() as database:
        done = scrubbing.scrub(database.engine)
    click.echo(done)
