"""Lets a quarantined event into the log after all; what stays in quarantine, and how, is ``store/quarantine``."""

from __future__ import annotations

from sqlalchemy import Engine

from lead_events.store import log, quarantine
from lead_events.store.engine import reading, writing
from lead_events.store.log import Outcome
from lead_events.store.vault import Vault


def release(engine: Engine, vault: Vault, quarantine_id: str) -> Outcome:
    """Append a quarantined event under an id that tells where it came from, and forget it in quarantine.

    Raises:
        NotQuarantined: nothing is quarantined under this id.
        NotFound: its content was erased.
    """
    with reading(engine) as connection:
        found = quarantine.load(connection, vault, quarantine_id)
    # Appended first and forgotten then: a crash in between leaves a duplicate to release again, never a loss.
    (outcome,) = log.append(engine, vault, [quarantine.released(found)])
    with writing(engine) as connection:
        quarantine.take(connection, vault, quarantine_id)
    return outcome
