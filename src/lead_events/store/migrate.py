"""Brings a database to this version's schema, under a lock, and puts into it what a service cannot be without.

The steps themselves are Alembic scripts in ``migrations/``. Nothing here reads settings or package files of upper layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, select, text

from lead_events import clock
from lead_events.domain.errors import Misconfigured, OlderSchema
from lead_events.domain.lead import FOLD_REVISION
from lead_events.domain.lists import SHIPPED_NUMBER
from lead_events.store import generations, log, models, schema
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Status

_PACKAGE = Path(__file__).resolve().parents[1]
_LOCK = 0x6C656164  # any number that all our processes agree on


class NewerSchema(Misconfigured):
    """The database has schema {0}, which a newer lead-events made; install that version."""


def current(engine: Engine) -> str | None:
    """Return the schema revision of a database, or None for one that was never migrated."""
    with reading(engine) as connection:
        return _revision(connection)


@lru_cache
def needed() -> str:
    """Return the schema revision that this version works with."""
    return str(_scripts().get_current_head())


def refuse(engine: Engine) -> None:
    """Let pass only a database whose schema is this version's.

    Raises:
        OlderSchema: names the command to run.
        NewerSchema: this version is too old for it.
    """
    found_revision = current(engine)
    if found_revision == needed():
        return
    if found_revision is not None and found_revision not in _known():
        raise NewerSchema(found_revision)
    raise OlderSchema(found_revision or "none", needed())


def upgrade(engine: Engine) -> bool:
    """Run the migrations that are missing, in one transaction, while nobody else can.

    Returns:
        Whether anything was to do.

    Raises:
        NewerSchema: the database was made by a newer version.
    """
    if current(engine) == needed():
        return False
    with _alone(engine) as connection:
        before = _revision(connection)
        if before is not None and before not in _known():
            raise NewerSchema(before)
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        return before != _revision(connection)


def found(engine: Engine, master_key: bytes, document: Mapping[str, Any]) -> None:
    """Create the log, model 1 and the live generation 1, as far as they do not exist.

    Args:
        master_key: 32 bytes; it stays the key of this log.
        document: the model document that is published as model 1.

    Raises:
        InvalidModel: the document cannot be compiled.
    """
    with _alone(engine) as connection:
        log.found(connection, master_key)
        if connection.execute(select(schema.models.c.number).limit(1)).first() is None:
            _seed(connection, dict(document))


def is_founded(engine: Engine) -> bool:
    """Tell whether the database, at the current schema, has a log."""
    with reading(engine) as connection:
        return connection.execute(select(schema.head.c.one)).first() is not None


def _seed(connection: Connection, document: dict[str, Any]) -> None:
    now = clock.now()
    number = models.publish(connection, document, "lead-events", "shipped", now)
    generations.create(
        connection,
        model_number=number,
        fold_revision=FOLD_REVISION,
        list_revision=SHIPPED_NUMBER,
        status=Status.LIVE,
        created_at=now,
    )


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Open a writing transaction that no other migration or foundation can enter.

    SQLite's ``BEGIN IMMEDIATE`` is that already; PostgreSQL takes a lock that ends with the transaction.
    """
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
        yield connection


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


@lru_cache
def _known() -> frozenset[str]:
    return frozenset(script.revision for script in _scripts().walk_revisions())


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_configuration())


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    return configuration


def _folder() -> Path:
    """Return where the scripts are: in the package when installed from a wheel, else beside the sources."""
    for folder in (_PACKAGE / "migrations", _PACKAGE.parents[1] / "migrations"):
        if (folder / "env.py").exists():
            return folder
    raise Misconfigured("The migrations are missing; install lead-events again.")
