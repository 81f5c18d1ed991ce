"""The composition root: from settings to an open database and its vault, which every command begins with.

What is served over HTTP is wired in ``asgi``, apart: few commands serve, and importing all of the API takes as long as the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import structlog
import yaml
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

import lead_events
from lead_events import master_key
from lead_events.domain.errors import Misconfigured, MissingMasterKey
from lead_events.domain.retention import Periods
from lead_events.projections.replay import Opening
from lead_events.settings import Settings
from lead_events.store import engine as engines
from lead_events.store import log, migrate
from lead_events.store.engine import reading
from lead_events.store.erasing import reapply
from lead_events.store.erasure_ledger import Ledger
from lead_events.store.vault import Vault

_logger = structlog.get_logger(__name__)


def open_database(settings: Settings) -> Engine:
    """Open the database of the settings, making the folder of an SQLite file."""
    path = sqlite_path(settings)
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    return engines.create(settings.database_url)


def sqlite_path(settings: Settings) -> Path | None:
    """Return the file of an SQLite database, None for PostgreSQL."""
    url = make_url(settings.database_url)
    return Path(url.database) if url.get_backend_name() == "sqlite" and url.database else None


def load_master_key(settings: Settings) -> bytes:
    """Return the master key from where the settings say it is, the newest if there are several.

    Raises:
        MissingMasterKey: it is nowhere.
        Misconfigured: what is there is no key.
    """
    found = find_masters(settings)()
    if not found:
        raise MissingMasterKey
    return found[0]


def find_masters(settings: Settings) -> Callable[[], Sequence[bytes]]:
    """Return what looks up every master key there is at that moment, newest first: a file may change, a setting cannot.

    Raises:
        Misconfigured: the setting holds something else than keys.
    """
    if settings.master_key is not None:
        given = master_key.parse_all(settings.master_key.get_secret_value(), "LEAD_EVENTS_MASTER_KEY")
        return partial(tuple, given)
    path = master_key_path(settings)
    return partial(master_key.read_all, path) if path is not None else tuple


def periods(settings: Settings) -> Periods:
    """Return how long whose data stay."""
    return Periods(
        visitor_months=settings.retention_visitor_months,
        unqualified_months=settings.retention_unqualified_months,
        prospect_months=settings.retention_prospect_months,
        access_months=settings.retention_access_months,
        quarantine_days=settings.retention_quarantine_days,
    )


def describe_opening(settings: Settings) -> Opening:
    """Return what other processes need to open the same database.

    Raises:
        Misconfigured: the master key is missing or unreadable.
    """
    return Opening(settings.database_url, load_master_key(settings), find_masters(settings))


def found(settings: Settings, engine: Engine) -> None:
    """Create the log with its first model and generation; an embedded database gets its own master key file.

    Raises:
        MissingMasterKey: there is none, and the database is PostgreSQL or founded already.
    """
    path = master_key_path(settings)
    embedded = sqlite_path(settings) is not None and settings.master_key is None
    if embedded and path is not None and not migrate.is_founded(engine):
        master_key.create(path)
    migrate.found(engine, load_master_key(settings), default_model())


def open_vault(settings: Settings, engine: Engine) -> Vault:
    """Return the vault of the log, once every erasure of the ledger is known to the database: a restore may have lost some.

    Raises:
        MissingMasterKey: the master key is nowhere.
        Misconfigured: the log is not founded, or was founded with another key.
    """
    key = load_master_key(settings)
    if not migrate.is_founded(engine):
        raise Misconfigured("The log does not exist yet; run: ./lead-events migrate")
    with reading(engine) as connection:
        vault = log.open_vault(connection, key, find_masters(settings))
    ledger = erasure_ledger(settings)
    if ledger is not None and (missing := reapply(engine, vault, ledger)):
        _logger.warning("erasures_reapplied", count=missing, ledger=str(ledger.path))
    return vault


def erasure_ledger(settings: Settings) -> Ledger | None:
    """Return the erasure ledger: as set, or beside an SQLite database or the master key file; None when it is nowhere."""
    if settings.erasure_ledger is not None:
        return Ledger(Path(settings.erasure_ledger))
    beside = sqlite_path(settings) or master_key_path(settings)
    return None if beside is None else Ledger(beside.with_suffix(".erasures"))


@lru_cache
def default_model() -> dict[str, Any]:
    """Return the model document shipped with the project."""
    text = files(lead_events).joinpath("default_model.yaml").read_text(encoding="utf-8")
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def master_key_path(settings: Settings) -> Path | None:
    """Return where the master key file is: as set, or beside an SQLite database."""
    if settings.master_key_file is not None:
        return Path(settings.master_key_file)
    database = sqlite_path(settings)
    return database.with_suffix(".key") if database is not None else None
