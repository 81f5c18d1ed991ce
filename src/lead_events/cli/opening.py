"""What most commands begin with: settings from the environment, an open database, its vault."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, OperationalError

from lead_events import app, logs
from lead_events.domain.errors import Unavailable
from lead_events.settings import Settings, load
from lead_events.store import migrate
from lead_events.store.dialect import lacks_schema
from lead_events.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Opened:
    """A database at this version's schema."""

    settings: Settings
    engine: Engine

    def vault(self) -> Vault:
        """Open the vault.

        Raises:
            Misconfigured: the master key is missing or wrong.
        """
        return app.open_vault(self.settings, self.engine)


def load_settings(**overrides: object) -> Settings:
    """Read the settings from the environment; options that were given (not None) win."""
    found = load(os.environ)
    given = {name: value for name, value in overrides.items() if value is not None}
    return Settings.model_validate({**found.model_dump(), **given})


@contextmanager
def opened() -> Iterator[Opened]:
    """Open the database of the settings for one command.

    Raises:
        Misconfigured: its schema is not this version's.
        Unavailable: it cannot be reached.
    """
    settings = load_settings()
    logs.configure(settings.log_level)
    engine = app.open_database(settings)
    try:
        with saying_outages():
            migrate.refuse(engine)
            yield Opened(settings, engine)
    finally:
        engine.dispose()


@contextmanager
def saying_outages() -> Iterator[None]:
    """Say in one line what a driver says of a database that cannot be used.

    Raises:
        Unavailable: it cannot be reached, or lacks what this version needs.
    """
    try:
        yield
    except DBAPIError as error:
        if not isinstance(error, OperationalError) and not lacks_schema(error):
            raise
        raise Unavailable(f"The database cannot be used: {_first_line(error.orig)}") from None


def _first_line(error: object) -> str:
    """Return what a driver says, without the statement and the hints that follow."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
