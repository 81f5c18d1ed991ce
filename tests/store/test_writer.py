"""The writer acknowledges only what is committed, and lets no request suffer for another."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from lead_events.domain.errors import IncompleteSchema, InvalidEvent, QueueFull, Unavailable
from lead_events.store.engine import writing
from lead_events.store.log import Kept, Outcome
from lead_events.store.vault import Vault
from lead_events.store.waiting import Result
from lead_events.store.writer import Writer
from tests import databases
from tests.builders import page_viewed
from tests.logs import arrive, found, named, stored

_SECONDS = 20


@pytest.fixture
def vault(engine: Engine) -> Vault:
    """The vault of a log that was just founded."""
    return found(engine)


@pytest.fixture
def writer(engine: Engine, vault: Vault) -> Iterator[Writer]:
    """A writer that is running."""
    running = Writer(engine, vault)
    running.start()
    yield running
    running.drain(_SECONDS)


def short(results: list[Result]) -> list[str]:
    """Write results short."""
    return [result.kept.value if isinstance(result, Outcome) else type(result).__name__ for result in results]


def test_requests_that_wait_together_share_a_commit(engine: Engine, vault: Vault) -> None:
    """Each request gets its own outcomes, in its own order."""
    writer = Writer(engine, vault)
    futures = [writer.submit(named(f"{n}-a", f"{n}-b")) for n in range(5)]
    assert writer.stats.queued == 10
    writer.start()
    positions = [[result.position for result in future.result(_SECONDS) if isinstance(result, Outcome)] for future in futures]
    assert positions == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]
    assert writer.drain(_SECONDS)
    assert (writer.stats.batches, writer.stats.events, writer.stats.queued) == (1, 10, 0)


def test_a_commit_carries_no_more_than_a_batch(engine: Engine, vault: Vault) -> None:
    """A request is never torn apart, even when it alone is more than a batch."""
    writer = Writer(engine, vault, batch_events=3)
    futures = [writer.submit(named(*(f"{n}-{i}" for i in range(size)))) for n, size in enumerate([2, 2, 5, 1])]
    writer.start()
    assert [len(future.result(_SECONDS)) for future in futures] == [2, 2, 5, 1]
    writer.drain(_SECONDS)
    assert writer.stats.batches == 4


def test_one_bad_event_harms_no_other(engine: Engine, vault: Vault) -> None:
    """An event that names an unknown lead gets its error; all others, in its request and beside it, are kept."""
    writer = Writer(engine, vault)
    bad = arrive(event_id="bad", lead_id="ld_0000000001abcdef")
    futures = [writer.submit(batch) for batch in (named("a", "b"), [*named("c"), bad, *named("d")], named("e"))]
    writer.start()
    first, second, third = (future.result(_SECONDS) for future in futures)
    assert short(first + third) == ["created"] * 3
    assert short(second) == ["created", "InvalidEvent", "created"]
    assert isinstance(second[1], InvalidEvent)
    assert second[1].code == "unknown_lead"
    writer.drain(_SECONDS)
    assert [event_id for _, event_id in stored(engine)] == ["a", "b", "c", "d", "e"]


def test_a_full_queue_refuses_at_once(engine: Engine, vault: Vault) -> None:
    """What would go beyond the bound is refused; what is in keeps its place; one request alone always fits."""
    writer = Writer(engine, vault, queue_events=3)
    waiting = [writer.submit(named("a", "b")), writer.submit(named("c"))]
    with pytest.raises(QueueFull):
        writer.submit(named("d"))
    writer.start()
    assert [short(future.result(_SECONDS)) for future in waiting] == [["created"] * 2, ["created"]]
    assert short(writer.submit(named(*"efgh")).result(_SECONDS)) == ["created"] * 4
    writer.drain(_SECONDS)


def test_the_queue_is_bounded_in_bytes_too(engine: Engine, vault: Vault) -> None:
    """Few large events may not take more memory than many small ones."""
    writer = Writer(engine, vault, queue_bytes=10_000)
    large = arrive(page_viewed(properties={"x": "x" * 6_000}))
    writer.submit([large])
    with pytest.raises(QueueFull):
        writer.submit([large])
    writer.start()
    writer.drain(_SECONDS)


def test_draining_writes_what_waits_and_accepts_nothing_more(engine: Engine, vault: Vault) -> None:
    """Nothing that was accepted is lost by a shutdown."""
    writer = Writer(engine, vault, batch_events=1)
    futures = [writer.submit(named(f"e{n}")) for n in range(20)]
    writer.start()
    assert writer.drain(_SECONDS)
    assert all(future.done() for future in futures)
    assert len(stored(engine)) == 20
    with pytest.raises(Unavailable):
        writer.submit(named("late"))


def test_a_database_that_fails_acknowledges_nothing(engine: Engine, vault: Vault, writer: Writer) -> None:
    """Every waiter learns that it must send again, and what the operator must do; the writer goes on when it is back."""
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE head RENAME TO head_away"))
    with pytest.raises(IncompleteSchema, match="migrate"):
        writer.submit(named("a")).result(_SECONDS)
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE head_away RENAME TO head"))
    assert short(writer.submit(named("a")).result(_SECONDS)) == ["created"]


def test_an_unreachable_database_is_unavailable(engine: Engine, vault: Vault, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A file that cannot be opened, or a server that is not there, is the database's fault and not the event's."""
    away = databases.connect(
        "sqlite:////nowhere/at/all.db" if engine.dialect.name == "sqlite" else "postgresql+psycopg://nobody@127.0.0.1:1/none"
    )
    writer = Writer(away, vault)
    writer.start()
    with pytest.raises(Unavailable):
        writer.submit(named("a")).result(_SECONDS)
    writer.drain(_SECONDS)
    assert writer.stats.failed == 1


def test_an_event_loop_gets_its_answers(engine: Engine, writer: Writer) -> None:
    """Requests of one turn of the loop share a commit, and one that gave up disturbs nobody."""

    async def send() -> list[list[Result]]:
        futures = [writer.submit_soon(named(f"e{n}")) for n in range(5)]
        futures[2].cancel()
        return await asyncio.gather(*(future for n, future in enumerate(futures) if n != 2))

    results = asyncio.run(send())
    assert [short(result) for result in results] == [["created"]] * 4
    assert len(stored(engine)) == 5
    assert writer.stats.batches == 1


def test_clients_that_come_back_are_waited_for_and_all_answered(engine: Engine, vault: Vault, writer: Writer) -> None:
    """Whoever sends again once answered is never left behind, also when most of the others that were expected stay away."""

    async def come_back(client: int, times: int) -> list[Result]:
        return [result for n in range(times) for result in await writer.submit_soon(named(f"{client}-{n}"))]

    async def send() -> list[list[Result]]:
        return await asyncio.wait_for(asyncio.gather(*(come_back(client, client + 1) for client in range(12))), _SECONDS)

    results = asyncio.run(send())
    assert [short(result) for result in results] == [["created"] * (client + 1) for client in range(12)]
    assert (writer.stats.events, writer.stats.queued) == (78, 0)
    assert writer.stats.batches < 78


@settings(max_examples=20)
@given(requests=st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), min_size=1, max_size=8), batch=st.integers(1, 6))
def test_every_request_is_answered_and_every_id_kept_once(
    tmp_path_factory: pytest.TempPathFactory, requests: list[list[int]], batch: int
) -> None:
    """However requests overlap and are batched, each id is created once and all else is a duplicate."""
    url = databases.migrate(databases.fresh_sqlite_url(tmp_path_factory.mktemp("w")))
    engine = databases.connect(url)
    writer = Writer(engine, found(engine), batch_events=batch)
    futures = [writer.submit(named(*(f"e{number}" for number in request))) for request in requests]
    writer.start()
    results = [result for future in futures for result in future.result(_SECONDS)]
    writer.drain(_SECONDS)
    engine.dispose()
    created = [result for result in results if isinstance(result, Outcome) and result.kept is Kept.CREATED]
    assert len(created) == len({number for request in requests for number in request})
    assert len(results) == sum(map(len, requests))
