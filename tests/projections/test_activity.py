"""The activity ledger: written behind the log, by anybody, holding nothing sealed, and dropped when it speaks otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from lead_events.domain import signatures
from lead_events.domain.events import REF_BYTES
from lead_events.domain.lead_id import lead_ref
from lead_events.domain.signatures import NUMBERS
from lead_events.projections.activity import Keeper, read_activity
from lead_events.projections.columns import Columns, make_columns, number_refs, pack, unpack
from lead_events.projections.verifying_activity import verify_activity
from lead_events.projections.worker import keep_ledger
from lead_events.store import activity, schema
from lead_events.store.engine import reading, snapshot, writing
from tests.histories import Said, logs, say
from tests.projections.examples import some
from tests.projections.narrow import documents, other_points
from tests.projections.recalled import compare, model
from tests.world import World

refs = st.one_of(st.binary(min_size=REF_BYTES, max_size=REF_BYTES), st.integers(1, 2**40).map(lead_ref))
rows = st.tuples(
    st.integers(-(2**62), 2**62),
    refs,
    st.none() | refs,
    st.integers(0, 2**31 - 1),
    st.tuples(*[st.floats(allow_nan=True)] * NUMBERS),
)


def same(one: Columns, two: Columns) -> bool:
    """Say whether columns are equal, bit by bit."""
    pairs: list[tuple[Any, Any]] = [
        (one.at, two.at),
        (one.subject, two.subject),
        (one.browser, two.browser),
        (one.signature, two.signature),
    ]
    pairs += list(zip(one.numbers, two.numbers, strict=True))
    return all(np.array_equal(a, b, equal_nan=a.dtype.kind == "f") for a, b in pairs)


@given(st.lists(rows, max_size=30))
def test_columns_survive_being_packed(some: list[Any]) -> None:
    """Times from before every instant, refs of leads and of nobody, numbers that are none."""
    at, subjects, browsers, numbers, beside = zip(*some, strict=True) if some else ((), (), (), (), ())
    columns = make_columns(at, subjects, browsers, numbers, beside)
    assert same(unpack(pack(columns)), columns)


def test_a_lead_that_is_addressed_has_its_own_number() -> None:
    """A pseudonym never has the number of a lead."""
    addressed, pseudonym = number_refs(lead_ref(7) + bytes(15) + b"\x07").tolist()
    assert addressed == 7
    assert pseudonym >> 63 == 1


def looks(count: int) -> list[Any]:
    """So many pages of one visitor, each another one."""
    return [say(n, n, anonymous_id="w", context={"page": {"path": f"/page-{n}"}}) for n in range(count)]


def read(world: World) -> tuple[list[str], Columns]:
    """Read the log in columns."""
    with snapshot(world.engine) as connection:
        upto = connection.execute(select(schema.head.c.position)).scalar_one()
        found = read_activity(connection, world.vault, upto)
    return list(found.texts), found.columns


def spelled(found: tuple[list[str], Columns]) -> list[str]:
    """Return the signature of each event, whatever their numbers are."""
    texts, columns = found
    return [texts[number] for number in columns.signature.tolist()]


def heads(world: World) -> activity.Head | None:
    """Return how far the ledger is."""
    with reading(world.engine) as connection:
        return activity.read_head(connection)


def test_two_who_keep_it_write_each_segment_once(emptiable: Engine) -> None:
    """Whoever comes second learns what the first wrote, and goes on from there."""
    world = World(emptiable)
    world.append(looks(11))
    expected = read(world)
    keepers = [Keeper(emptiable, world.vault, 2) for _ in range(2)]
    for turn in range(8):
        keepers[turn % 2].extend()
    head = heads(world)
    assert head is not None
    assert (head.segments, head.signatures) == (5, 10)
    assert spelled(read(world)) == spelled(expected)
    assert np.array_equal(read(world)[1].at, expected[1].at)


def test_a_worker_keeps_it_a_few_segments_at_a_time(emptiable: Engine) -> None:
    """And comes to the end of the log in the end."""
    world = World(emptiable)
    world.append(looks(11))
    keeper = Keeper(emptiable, world.vault, 2)
    kept = []
    for _ in range(3):
        keep_ledger(keeper)
        kept.append(getattr(heads(world), "segments", 0))
    assert kept == [3, 5, 5]


def test_what_was_written_under_another_revision_is_written_anew(emptiable: Engine) -> None:
    """It is not read meanwhile."""
    world = World(emptiable)
    world.append(looks(4))
    keeper = Keeper(emptiable, world.vault, 2)
    keep_ledger(keeper)
    expected = spelled(read(world))
    with writing(emptiable) as connection:
        connection.execute(update(schema.activity_head).values(revision=signatures.REVISION + 1))
        connection.execute(update(schema.activity_signatures).values(content="nonsense"))
    assert spelled(read(world)) == expected
    keep_ledger(Keeper(emptiable, world.vault, 2))
    head = heads(world)
    assert head is not None
    assert (head.revision, head.segments) == (signatures.REVISION, 2)
    assert spelled(read(world)) == expected


def test_a_facet_with_too_many_values_is_given_up_and_read_from_the_log(emptiable: Engine) -> None:
    """Previews say the same before and after, and events of other types keep theirs."""
    world = World(emptiable, model({"when": {"type": "nothing.done"}}))
    downloads = [say(n, n, "file.downloaded", anonymous_id="w", context={"page": {"path": "/files"}}) for n in range(20, 22)]
    world.append([*looks(9), *downloads])
    world.catch_up()
    keeper = Keeper(emptiable, world.vault, 2, most=3)
    while keeper.extend():
        pass
    with reading(emptiable) as connection:
        assert activity.load_demoted(connection) == {"page.viewed": frozenset({"context.page.path"})}
    head = heads(world)
    assert head is not None
    assert head.signatures < 9
    compare(world, model({"when": {"type": "page.viewed", "context.page.path": "/page-7"}}), 0)


def test_signatures_hold_nothing_that_is_sealed(emptiable: Engine) -> None:
    """Neither values nor the names of fields that the type does not declare."""
    world = World(emptiable)
    secrets: Sequence[Any] = [
        say(1, 1, "search.performed", anonymous_id="w", properties={"query": "SECRET cure"}),
        say(2, 2, "form.submitted", anonymous_id="w", traits={"email": "SECRET@firm.example"}, properties={"form_id": "f"}),
        say(3, 3, "signal.lit", anonymous_id="w", properties={"SECRET_name": "SECRET value"}),
        say(4, 4, anonymous_id="w", context={"page": {"path": "/a", "url": "https://a.example/?q=SECRET"}, "ip": "SECRET"}),
        say(5, 5, anonymous_id="w", properties={"SECRET_too": 5}),
    ]
    world.append(secrets)
    texts = " ".join(read(world)[0])
    assert "SECRET" not in texts
    assert "/a" in texts


def different(world: World) -> tuple[list[int], list[int]]:
    """Compare the ledger with the log; returns positions and segments."""
    told: list[tuple[int, int]] = []
    verdict = verify_activity(world.engine, world.vault, lambda done, of: told.append((done, of)))
    assert told == [(1, len(told))] * len(told)
    return verdict.different, verdict.unreadable


def test_a_ledger_that_says_something_else_is_found(emptiable: Engine) -> None:
    """One signature, one time, one segment: whatever was planted."""
    world = World(emptiable)
    world.append(looks(7))
    keeper = Keeper(emptiable, world.vault, 3)
    keep_ledger(keeper)
    assert different(world) == ([], [])
    with writing(emptiable) as connection:
        first = next(activity.load_segments(connection, 1))
        columns = unpack(first)
        later = Columns(columns.at + np.array([0, 1, 0]), *(getattr(columns, name) for name in Columns.__slots__[1:]))
        table = schema.activity_segments
        connection.execute(update(table).where(table.c.number == 0).values(columns=pack(later)))
        text = signatures.write(signatures.Signature("page.viewed", {"context": {"page": {"path": "/other"}}}))
        planted = update(schema.activity_signatures).where(schema.activity_signatures.c.number == 4)
        connection.execute(planted.values(content=text))
    assert different(world) == ([2, 5], [])
    with writing(emptiable) as connection:
        connection.execute(update(table).where(table.c.number == 1).values(columns=b"nonsense"))
    assert different(world) == ([2], [1])


def test_a_facet_that_was_given_up_later_is_no_difference(emptiable: Engine) -> None:
    """Segments from before go on telling it."""
    world = World(emptiable)
    world.append(looks(9))
    keeper = Keeper(emptiable, world.vault, 3, most=3)
    while keeper.extend():
        pass
    assert different(world) == ([], [])


@some(0.4)
@given(said=logs(), place=st.integers(0, 9), document=documents, size=st.sampled_from([1, 3]))
def test_an_erasure_rewrites_nothing_and_nobody_sees_more(
    emptiable: Engine, said: list[Said], place: int, document: dict[str, Any], size: int
) -> None:
    """A ledger from before it says what the log says now, and agrees with it."""
    world = World(emptiable, document)
    world.append(said)
    world.catch_up()
    keeper = Keeper(emptiable, world.vault, size)
    while keeper.extend():
        pass
    before = heads(world)
    world.erase(place)
    world.catch_up()
    assert heads(world) == before
    assert different(world) == ([], [])
    compare(world, other_points(document, 5), 0)
