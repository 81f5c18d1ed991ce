"""``backup``: a consistent copy of the database, while it is in use."""

from __future__ import annotations

from pathlib import Path

import click

from lead_events.cli.opening import opened


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--pg-dump", default="pg_dump", show_default=True, help="The program that copies a PostgreSQL database.")
def backup(file: Path, pg_dump: str) -> None:
    """Copy the whole database to FILE while it is in use.

    The master key is not in the copy: keep it elsewhere, because without it the copy cannot be opened.
    """
    from lead_events.transfer.backup import back_up

    with opened() as database:
        position = back_up(database.engine, file, pg_dump)
    click.echo(f"{file}: {file.stat().st_size:,} bytes, every event up to position {position} at least.")
    click.echo("The master key is not in it; keep a copy of the key in another place.", err=True)
