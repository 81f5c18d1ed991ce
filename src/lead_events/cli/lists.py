"""``lists``: publish, list and show what is different from the shipped lists of mail providers."""

from __future__ import annotations

import getpass
from pathlib import Path

import click
import orjson

from lead_events.cli.documents import FILE, check_lists
from lead_events.cli.groups import Group
from lead_events.cli.opening import opened
from lead_events.cli.tables import print_table


@click.group(cls=Group)
def lists() -> None:
    """Lists of free and of disposable mail providers: immutable, numbered, with author and note."""


@lists.command("publish")
@click.argument("file", type=FILE)
@click.option("--author", help="Who answers for it.  [default: your login name]")
@click.option("--note", default="", help="Why; kept for ever.")
def publish(file: Path, *, author: str | None, note: str) -> None:
    """Publish a document under the next number; a worker builds the live model anew with it.

    That goes live by itself if no lead differs, and otherwise waits for promote.
    """
    from lead_events import clock
    from lead_events.store import lists as published
    from lead_events.store.engine import writing

    document = check_lists(file)
    with opened() as database, writing(database.engine) as connection:
        number = published.publish(connection, document, author or getpass.getuser(), note, clock.now())
    click.echo(f"Lists {number} are published. A worker builds the live model with them; see: ./lead-events generations")


@lists.command("list")
def list_lists() -> None:
    """List the shipped lists and what was published, oldest first."""
    from lead_events.domain.times import format_instant
    from lead_events.store import lists as published
    from lead_events.store.engine import reading

    with opened() as database, reading(database.engine) as connection:
        found = published.load_all(connection)
    rows = [
        (str(each.number), each.author, each.note, format_instant(each.published_at) if each.published_at else "")
        for each in found
    ]
    print_table(("number", "author", "note", "published"), rows)


@lists.command("show")
@click.argument("number", type=int)
@click.option("--yaml", "as_yaml", is_flag=True, help="As YAML, to change a copy of it.")
def show(number: int, *, as_yaml: bool) -> None:
    """Print a document as JSON, or as YAML."""
    from lead_events.store import lists as published
    from lead_events.store.engine import reading

    with opened() as database, reading(database.engine) as connection:
        document = published.load(connection, number).document
    if as_yaml:
        import yaml

        click.echo(yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120), nl=False)
    else:
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())
