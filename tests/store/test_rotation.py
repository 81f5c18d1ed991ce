"""Another master key: every data key opens with the new one alone, appends go on meanwhile, and a crash loses nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, update

from lead_events.domain.errors import LeadEventsError
from lead_events.store import log, schema
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival, pack_batch
from lead_events.store.rotation import rotate
from lead_events.store.vault import LOG_REF, UnknownMasterKey, Vault, WrongMasterKey
from lead_events.store.verify import verify_log
from tests.logs import MASTER_KEY, arrive, count, found

NEW = bytes(range(50, 82))


class Died(LeadEventsError):
    """The process died here."""


def people(first: int, last: int) -> list[Arrival]:
    """Make a form of each of some people."""
    form = {"type": "form.submitted", "properties": {"form_id": "f"}}
    return [arrive({**form, "event_id": f"e{n}", "traits": {"email": f"p{n}@firm.example"}}) for n in range(first, last)]


def opening(engine: Engine, master: bytes, *others: bytes) -> Vault:
    """Open the vault with a master key, and others to be found when needed."""
    with reading(engine) as connection:
        return log.open_vault(connection, master, lambda: (master, *others))


def chain(engine: Engine) -> tuple[bytes, str]:
    """Return the end of the chain, and the sum of everything in the log."""
    with reading(engine) as connection:
        rows = connection.execute(select(schema.events, schema.sealed).outerjoin_from(
            schema.events, schema.sealed, schema.sealed.c.position == schema.events.c.position
        ).order_by(schema.events.c.position)).all()  # fmt: skip
        return log.read_head(connection).chain, repr(rows)


def test_afterwards_the_new_key_opens_everything_and_the_old_one_nothing(engine: Engine) -> None:
    """The log is byte for byte what it was, and its checks are clean before and after."""
    vault = found(engine)
    log.append(engine, vault, people(0, 12))
    before = chain(engine)
    assert verify_log(engine, vault) == []
    done = rotate(engine, vault, NEW, batch=5)
    assert (done.rewrapped, done.already, done.unopened) == (count(engine, "keys"), 0, [])
    assert chain(engine) == before
    assert verify_log(engine, opening(engine, NEW)) == []
    with pytest.raises(WrongMasterKey):
        opening(engine, MASTER_KEY)


def test_a_second_run_finds_nothing_to_do(engine: Engine) -> None:
    """What is wrapped by the new key already is left alone."""
    vault = found(engine)
    log.append(engine, vault, people(0, 3))
    rotate(engine, vault, NEW)
    again = rotate(engine, opening(engine, NEW), NEW)
    assert (again.rewrapped, again.already) == (0, count(engine, "keys"))


@pytest.mark.parametrize("dies_after", range(5))
def test_a_rotation_that_died_is_finished_by_the_next(engine: Engine, dies_after: int) -> None:
    """Wherever it died, both keys together open everything, appends go on, and the next run ends with the new key alone."""
    vault = found(engine)
    log.append(engine, vault, people(0, 8))
    with pytest.raises(Died):
        rotate(engine, vault, NEW, batch=2, report=dying_after(dies_after))
    both = opening(engine, NEW, MASTER_KEY)
    assert verify_log(engine, both) == []
    log.append(engine, both, people(8, 12))
    rotate(engine, opening(engine, NEW, MASTER_KEY), NEW, batch=2)
    assert verify_log(engine, opening(engine, NEW)) == []


def test_a_process_that_runs_meanwhile_goes_on_without_a_restart(engine: Engine) -> None:
    """Its next append wraps new keys by the new master key, also those that were packed before the rotation."""
    known: list[bytes] = [MASTER_KEY]
    with writing(engine) as connection:
        log.found(connection, MASTER_KEY)
        running = log.open_vault(connection, MASTER_KEY, lambda: known)
    log.append(engine, running, people(0, 4))
    envelopes, packing = pack_batch(running, people(2, 8))
    known.insert(0, NEW)
    rotate(engine, opening(engine, MASTER_KEY), NEW)
    with writing(engine) as connection:
        log.append_packed(connection, packing, envelopes)
    log.append(engine, running, people(8, 12))
    assert verify_log(engine, opening(engine, NEW)) == []
    assert count(engine, "events") == 12


def test_a_process_that_cannot_find_the_new_key_keeps_nothing_and_says_so(engine: Engine) -> None:
    """Its clients are told to come again, and no key is written that the new master key cannot open."""
    running = found(engine)
    rotate(engine, opening(engine, MASTER_KEY), NEW)
    with pytest.raises(UnknownMasterKey):
        log.append(engine, running, people(0, 2))
    assert count(engine, "events") == 0
    assert verify_log(engine, opening(engine, NEW)) == []


def test_a_key_that_nothing_opens_is_named_and_left_as_it_is(engine: Engine) -> None:
    """The rest is wrapped anew; whoever asked learns that the old master key must stay."""
    vault = found(engine)
    log.append(engine, vault, people(0, 3))
    broken = spoil_one_key(engine)
    done = rotate(engine, vault, NEW, batch=2)
    assert done.unopened == [broken]
    assert done.rewrapped == count(engine, "keys") - 1


def test_a_log_under_a_third_key_is_not_touched(engine: Engine) -> None:
    """Two machines that rotate to different keys at once cannot lock each other out: the second is refused."""
    vault = found(engine)
    rotate(engine, vault, NEW)
    with pytest.raises(UnknownMasterKey):
        rotate(engine, vault, bytes(32))
    assert verify_log(engine, opening(engine, NEW)) == []


def spoil_one_key(engine: Engine) -> bytes:
    """Flip a bit of one wrapped data key and return its ref."""
    table = schema.keys
    with writing(engine) as connection:
        ref: bytes = connection.execute(select(table.c.ref).where(table.c.ref != LOG_REF).limit(1)).scalar_one()
        row = connection.execute(select(table).where(table.c.ref == ref)).one()
        spoiled = row.wrapped_key[:-1] + bytes([row.wrapped_key[-1] ^ 1])
        connection.execute(update(table).where(table.c.ref == ref).values(wrapped_key=spoiled))
        return ref


def dying_after(batches: int) -> Callable[[int, int], None]:
    """Return a report that dies after some transactions."""
    left = [batches]

    def report(_done: int, _total: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Died

    return report
