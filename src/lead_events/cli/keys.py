"""``keys`` and ``sources``: who may send and who may read."""

from __future__ import annotations

import click

from lead_events.cli.groups import Group
from lead_events.cli.opening import opened
from lead_events.cli.rotation import rotate_master
from lead_events.cli.tables import print_table
from lead_events.domain.consent import PURPOSES
from lead_events.domain.times import format_instant
from lead_events.store import api_keys
from lead_events.store import sources as all_sources
from lead_events.store.api_keys import KeyKind, Scope
from lead_events.store.engine import reading, writing


@click.group(cls=Group)
def keys() -> None:
    """Make, list and revoke API keys; rotate the master key."""


@keys.command("create")
@click.option("--kind", type=click.Choice([kind.value for kind in KeyKind]), required=True, help="write: for web pages.")
@click.option("--source", required=True, help="The website, app or system it belongs to; made if it is new.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice([scope.value for scope in Scope]), help="Repeatable.")
@click.option("--origin", "origins", multiple=True, help="A browser origin that may use a write key. Repeatable.")
def create(kind: str, source: str, scopes: tuple[str, ...], origins: tuple[str, ...]) -> None:
    """Make a key and print it, this once."""
    with opened() as database:
        database.vault()  # a key is of no use before the log is founded
        with writing(database.engine) as connection:
            key, text = api_keys.create(connection, KeyKind(kind), source, scopes, origins)
    click.echo(text)
    click.echo(f"This is shown once. To revoke it: ./lead-events keys revoke {key.key_id}", err=True)


@keys.command("list")
def list_keys() -> None:
    """List keys, without their secrets."""
    with opened() as database, reading(database.engine) as connection:
        names = all_sources.read_names(connection)
        rows = [
            (
                key.key_id,
                key.kind.value,
                names.get(key.source_id, "?"),
                " ".join(sorted(key.scopes)),
                " ".join(key.origins),
                format_instant(key.created_at),
                format_instant(key.revoked_at) if key.revoked_at else "",
            )
            for key in api_keys.read(connection)
        ]
    print_table(("key", "kind", "source", "scopes", "origins", "created", "revoked"), rows)


@keys.command("revoke")
@click.argument("key_id")
def revoke(key_id: str) -> None:
    """Make a key useless within a few seconds."""
    with opened() as database, writing(database.engine) as connection:
        key = api_keys.revoke(connection, key_id)
    click.echo(f"Key {key.key_id} is revoked.")


keys.add_command(rotate_master)


@click.group(cls=Group)
def sources() -> None:
    """The websites, apps and systems that events come from."""


@sources.command("list")
def list_sources() -> None:
    """List sources."""
    with opened() as database, reading(database.engine) as connection:
        rows = [(str(s.source_id), s.name, s.opt_in, format_instant(s.created_at)) for s in all_sources.read(connection)]
    print_table(("source", "name", "opt-in", "created"), rows)


@sources.command("opt-in")
@click.argument("source")
@click.argument("purposes", nargs=-1, type=click.Choice(PURPOSES))
def opt_in(source: str, purposes: tuple[str, ...]) -> None:
    """Say which PURPOSES need a yes before anything is done; none: a person may only opt out.

    It holds for events that arrive from now on, within five seconds, and for a lead as soon as it has one of them.
    """
    with opened() as database, writing(database.engine) as connection:
        changed = all_sources.set_opt_in(connection, source, purposes)
    click.echo(f"{changed.name} needs a yes for {changed.opt_in.replace(',', ', ') or 'nothing'}.")
