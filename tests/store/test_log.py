"""The contract of the log, the same on every database: order, once, nothing missed, nothing personal, nothing changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import DBAPIError

from lead_events.domain.errors import InvalidEvent
from lead_events.store import log, schema
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival, pack_batch
from lead_events.store.log import Kept, Outcome
from lead_events.store.vault import Vault, WrongMasterKey
from tests import databases
from tests.builders import form_submitted, make_event, page_viewed
from tests.logs import ARRIVAL, MASTER_KEY, arrive, count, found, named, stored


@pytest.fixture
def vault(engine: Engine) -> Vault:
    """The vault of a log that was just founded."""
    return found(engine)


def kept(outcomes: Sequence[Outcome]) -> list[tuple[str, int]]:
    """Write outcomes short."""
    return [(outcome.kept.value, outcome.position) for outcome in outcomes]


def hold(engine: Engine, vault: Vault, arrivals: list[Arrival]) -> ExitStack:
    """Append within a transaction that stays open until the stack is closed."""
    stack = ExitStack()
    envelopes, packing = pack_batch(vault, arrivals)
    connection = stack.enter_context(writing(engine))
    log.append_packed(connection, packing, envelopes)
    return stack


def test_positions_are_gapless_and_follow_the_order_given(engine: Engine, vault: Vault) -> None:
    """Events of several batches stand at 1, 2, 3 … in the order they were appended."""
    log.append(engine, vault, named("a", "b"))
    log.append(engine, vault, named("c"))
    assert stored(engine) == [(1, "a"), (2, "b"), (3, "c")]
    with reading(engine) as connection:
        assert log.read_head(connection).position == 3
        assert [row.event_id for row in log.read(connection, after=1, limit=1)] == ["b"]


def test_an_event_sent_again_is_a_duplicate_of_the_first(engine: Engine, vault: Vault) -> None:
    """A retry, alone or inside its own batch, changes nothing and learns the original position."""
    assert kept(log.append(engine, vault, named("a", "a"))) == [("created", 1), ("duplicate", 1)]
    assert kept(log.append(engine, vault, named("b", "a"))) == [("created", 2), ("duplicate", 1)]
    assert stored(engine) == [(1, "a"), (2, "b")]


def test_a_retry_with_another_sent_at_is_a_duplicate(engine: Engine, vault: Vault) -> None:
    """Clients change only ``sent_at`` when they send again, and it is not part of what they said."""
    first, again = (page_viewed(event_id="a", sent_at=f"2026-11-21T12:00:0{second}Z") for second in (1, 9))
    log.append(engine, vault, [arrive(first)])
    assert kept(log.append(engine, vault, [arrive(again, at=ARRIVAL + 1)])) == [("duplicate", 1)]


def test_two_sources_may_use_the_same_id(engine: Engine, vault: Vault) -> None:
    """An id belongs to its source, so one source cannot take another's."""
    outcomes = log.append(engine, vault, [arrive(event_id="a"), arrive(event_id="a", source_id=2)])
    assert kept(outcomes) == [("created", 1), ("created", 2)]


@pytest.mark.parametrize("together", [True, False])
def test_other_content_under_a_taken_id_is_quarantined(engine: Engine, vault: Vault, together: bool) -> None:
    """It is neither dropped nor an overwrite, whether it comes in the same batch or later."""
    first, other = arrive(event_id="a"), arrive(page_viewed("/terms", event_id="a"))
    batches = [[first, other]] if together else [[first], [other]]
    outcomes = [outcome for batch in batches for outcome in log.append(engine, vault, batch)]
    assert kept(outcomes) == [("created", 1), ("quarantined", 1)]
    assert stored(engine) == [(1, "a")]
    assert count(engine, "quarantine") == 1


def test_received_at_rises_strictly_even_when_the_clock_goes_back(engine: Engine, vault: Vault) -> None:
    """No two events share an instant, and no later event is received earlier."""
    log.append(engine, vault, [arrive(event_id="a"), arrive(event_id="b"), arrive(event_id="c", at=ARRIVAL - 5)])
    log.append(engine, vault, [arrive(event_id="d", at=ARRIVAL + 100)])
    with reading(engine) as connection:
        instants = [row.received_at for row in log.read(connection, 0, 10)]
    assert instants == [ARRIVAL, ARRIVAL + 1, ARRIVAL + 2, ARRIVAL + 100]


def test_a_tick_is_before_every_later_event(engine: Engine, vault: Vault) -> None:
    """After a tick nothing is received at or before it, and a tick never turns the clock back."""
    log.tick(engine, ARRIVAL + 50)
    log.tick(engine, ARRIVAL)
    log.append(engine, vault, named("a"))
    with reading(engine) as connection:
        assert log.read(connection, 0, 1)[0].received_at == ARRIVAL + 51


def test_a_rolled_back_append_leaves_no_gap(engine: Engine, vault: Vault) -> None:
    """The position it would have had goes to the next event."""
    stack = hold(engine, vault, named("lost"))
    with pytest.raises(InvalidEvent), stack:
        raise InvalidEvent("no", "no")
    log.append(engine, vault, named("a"))
    assert stored(engine) == [(1, "a")]


def test_a_reader_that_follows_positions_misses_nothing(engine: Engine, vault: Vault, migrated_url: str) -> None:
    """Writers of two engines append, roll back and hold transactions while a reader asks for what is after its last."""
    other = databases.connect(migrated_url)
    done = threading.Event()
    seen: list[int] = []

    def follow() -> None:
        while True:
            last_round = done.is_set()
            with reading(other) as connection:
                page = log.read(connection, seen[-1] if seen else 0, 7)
            seen.extend(row.position for row in page)
            if last_round and not page:
                return

    def write(mine: Engine, name: str) -> None:
        for number in range(12):
            log.append(mine, vault, named(f"{name}-{number}", f"{name}-{number}.2"))
            with pytest.raises(InvalidEvent), hold(mine, vault, named(f"{name}-{number}-lost")):
                raise InvalidEvent("no", "no")
            with hold(mine, vault, named(f"{name}-{number}-held")):
                pass

    reader = threading.Thread(target=follow)
    writers = [threading.Thread(target=write, args=(mine, f"w{n}")) for n, mine in enumerate([engine, other, other])]
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    other.dispose()
    assert seen == list(range(1, 3 * 12 * 3 + 1))
    assert seen == [position for position, _ in stored(engine)]


def test_racing_writers_share_one_ref_for_one_person(engine: Engine, vault: Vault, migrated_url: str) -> None:
    """Two processes that meet a person at the same moment agree on the pseudonym."""
    other = databases.connect(migrated_url)
    start = threading.Barrier(4)

    def write(mine: Engine, name: str) -> None:
        for number in range(8):
            start.wait()
            log.append(
                mine, vault, [arrive(form_submitted(event_id=f"{name}-{number}", traits={"email": f"a{number}@x.example"}))]
            )

    threads = [threading.Thread(target=write, args=(mine, f"w{n}")) for n, mine in enumerate([engine, other] * 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.dispose()
    with reading(engine) as connection:
        subjects = {bytes(row.subject) for row in log.read(connection, 0, 100)}
    assert count(engine, "events") == 32
    assert len(subjects) == 8


def test_no_personal_value_stands_in_the_log(engine: Engine, vault: Vault) -> None:
    """Identifiers, traits, free text and private parts of links are nowhere in the rows of events."""
    secrets = [
        "anna@firm.example",
        "+74951234567",
        "u-4711",
        "visitor-77",
        "Kuznetsova",
        "call me at noon",
        "t0ken",
        "203.0.113.9",
    ]
    event = make_event(
        "form.submitted",
        event_id="e",
        anonymous_id="visitor-77",
        user_id="u-4711",
        traits={"email": secrets[0], "phone": secrets[1], "last_name": secrets[4]},
        fields={"question": secrets[5]},
        form_id="contact",
        context={"page": {"url": f"https://shop.example/?token={secrets[6]}&mail={secrets[0]}"}, "ip": secrets[7]},
    )
    log.append(engine, vault, [arrive(event), arrive(make_event("custom.said", event_id="f", user_id="u-4711", what=secrets[5]))])
    with reading(engine) as connection:
        for table in (schema.events, schema.event_ids, schema.sealed, schema.keys, schema.refs, schema.head):
            rows = repr([tuple(row) for row in connection.execute(select(table))])
            assert [secret for secret in secrets if secret in rows or secret.encode().hex() in rows] == []


def test_refs_and_keys_are_created_for_kept_events_only(engine: Engine, vault: Vault) -> None:
    """A duplicate leaves the vault as it was; an event that is refused creates nothing."""
    anna = form_submitted(event_id="a", traits={"email": "anna@firm.example"})
    log.append(engine, vault, [arrive(anna)])
    before = count(engine, "refs"), count(engine, "keys")
    log.append(engine, vault, [arrive(anna), arrive(anna)])
    assert (count(engine, "refs"), count(engine, "keys")) == before == (1, 2)
    with pytest.raises(InvalidEvent, match="lead"):
        log.append(
            engine, vault, [arrive(form_submitted(traits={"email": "b@firm.example"})), arrive(lead_id="ld_0000000001abcdef")]
        )
    assert (count(engine, "refs"), count(engine, "keys"), count(engine, "events")) == (*before, 1)


@pytest.mark.parametrize("change", [update(schema.events).values(body="{}"), delete(schema.events)])
def test_the_database_refuses_to_change_events(engine: Engine, vault: Vault, change: object) -> None:
    """What was appended stays as it is, whoever asks."""
    log.append(engine, vault, named("a"))
    with pytest.raises(DBAPIError), writing(engine) as connection:
        connection.execute(change)  # type: ignore[call-overload]
    assert stored(engine) == [(1, "a")]


def test_a_log_opens_with_its_own_master_key_only(engine: Engine, vault: Vault) -> None:
    """Founding twice keeps the first log; another master key is recognised at once."""
    found(engine)
    with reading(engine) as connection:
        assert log.open_vault(connection, MASTER_KEY).log_id == vault.log_id
        with pytest.raises(WrongMasterKey):
            log.open_vault(connection, bytes(32))


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One log for all examples of a property, which bring ids of their own."""
    with ExitStack() as stack:
        if request.param == "postgresql":
            request.getfixturevalue("_postgresql_server")
            url = databases.migrate(stack.enter_context(databases.temporary_postgres_database()))
        else:
            url = databases.migrate(databases.fresh_sqlite_url(tmp_path_factory.mktemp("shared")))
        engine = databases.connect(url)
        found(engine)
        yield engine
        engine.dispose()


@given(batches=st.lists(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=6), max_size=5))
def test_each_id_is_kept_once_however_it_is_batched(shared: Engine, batches: list[list[tuple[int, bool]]]) -> None:
    """Of all that was sent under one id, the first is created, its equals are duplicates, all else is quarantined."""
    vault = found(shared)
    with reading(shared) as connection:
        start = log.read_head(connection).position
    first: dict[int, tuple[bool, int]] = {}
    for batch in batches:
        said = [
            arrive(page_viewed("/a" if plain else "/b", event_id=f"{start}-{number}-{len(batches)}")) for number, plain in batch
        ]
        for (number, plain), outcome in zip(batch, log.append(shared, vault, said), strict=True):
            original = first.setdefault(number, (plain, outcome.position))
            expected = Kept.DUPLICATE if original[0] == plain else Kept.QUARANTINED
            fresh = start + len(first) == outcome.position and outcome.kept is Kept.CREATED
            assert fresh or (outcome.kept is expected and outcome.position == original[1])
    assert len(stored(shared)) == start + len(first)
