"""``migrate``: bring the database to this version's schema, and found the log in an empty one."""

from __future__ import annotations

import click
from sqlalchemy import Engine

from lead_events import app, logs
from lead_events.cli.opening import load_settings, saying_outages
from lead_events.domain.errors import MissingMasterKey
from lead_events.settings import Settings
from lead_events.store import migrate as migrations


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; fail if the schema is older.")
def migrate(*, check: bool) -> None:
    """Bring the database to this version's schema, under a lock."""
    settings = load_settings()
    logs.configure(settings.log_level)
    engine = app.open_database(settings)
    try:
        with saying_outages():
            before = migrations.current(engine)
            if check:
                migrations.refuse(engine)
            else:
                migrations.upgrade(engine)
                _found(settings, engine)
    finally:
        engine.dispose()
    change = "is at" if before == migrations.needed() else f"went from {before or 'nothing'} to"
    click.echo(f"The schema {change} {migrations.needed()}.")


def _found(settings: Settings, engine: Engine) -> None:
    try:
        app.found(settings, engine)
    except MissingMasterKey as error:
        click.echo(f"The log is not founded yet. {error}", err=True)
