"""Quarantine keeps what never entered the log, sealed, counted, and ready to be released or forgotten."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, delete, select

from lead_events.domain.errors import NotFound
from lead_events.store import log, quarantine, schema
from lead_events.store.engine import reading, writing
from lead_events.store.log import Kept
from lead_events.store.vault import Vault
from tests.builders import form_submitted
from tests.logs import arrive, count, found, named

_FIRST = form_submitted(event_id="a", traits={"email": "anna@firm.example"})
_OTHER = form_submitted(event_id="a", traits={"email": "boris@firm.example"})


@pytest.fixture
def vault(engine: Engine) -> Vault:
    """The vault of a log with one event and one conflict with it, sent twice."""
    opened = found(engine)
    log.append(engine, opened, [arrive(_FIRST)])
    for _ in range(2):
        log.append(engine, opened, [arrive(_OTHER)])
    return opened


def test_a_conflict_is_kept_once_and_counted(engine: Engine, vault: Vault) -> None:
    """The same conflict sent twice is one entry with its content, the event it ran into, and a count."""
    with reading(engine) as connection:
        [entry] = quarantine.read(connection, vault)
    assert (entry.event_id, entry.original_position, entry.times) == ("a", 1, 2)
    assert entry.event is not None
    assert entry.event == arrive(_OTHER).event


def test_a_different_conflict_is_another_entry(engine: Engine, vault: Vault) -> None:
    """Each content under a taken id is kept by itself."""
    log.append(engine, vault, named("a"))
    with reading(engine) as connection:
        assert sorted(entry.times for entry in quarantine.read(connection, vault)) == [1, 2]


def test_nothing_of_it_is_readable_at_rest(engine: Engine, vault: Vault) -> None:
    """The row holds no value of the event."""
    with reading(engine) as connection:
        rows = repr([tuple(row) for row in connection.execute(select(schema.quarantine))])
    assert "boris" not in rows


def test_a_released_event_enters_the_log_under_its_own_id(engine: Engine, vault: Vault) -> None:
    """Release takes it out and appends it; releasing it again finds nothing."""
    with reading(engine) as connection:
        [entry] = quarantine.read(connection, vault)
    with writing(engine) as connection:
        taken = quarantine.take(connection, vault, entry.quarantine_id)
    [outcome] = log.append(engine, vault, [quarantine.released(taken)])
    assert (outcome.kept, outcome.position) == (Kept.CREATED, 2)
    assert count(engine, "quarantine") == 0
    with pytest.raises(NotFound), writing(engine) as connection:
        quarantine.take(connection, vault, entry.quarantine_id)


def test_content_whose_key_was_destroyed_cannot_be_released(engine: Engine, vault: Vault) -> None:
    """Erasing the person leaves the count of what happened and none of its words."""
    with writing(engine) as connection:
        key_ref = connection.execute(select(schema.quarantine.c.key_ref)).scalar_one()
        connection.execute(delete(schema.keys).where(schema.keys.c.ref == key_ref))
    with reading(engine) as connection:
        [entry] = quarantine.read(connection, vault)
    assert entry.event is None
    with pytest.raises(NotFound):
        quarantine.released(entry)
