"""Laws 3, 4 and 10 over random histories, through real databases: batches, pages, ticks, repeats and crashes leave no trace."""

from __future__ import annotations

import itertools
from typing import Any

import orjson
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine

from lead_events.domain.identity import Named
from lead_events.domain.times import MINUTE, Instant
from lead_events.store import identity
from lead_events.store.engine import reading
from tests.domain.named import W1, A, B, Reference, named_logs
from tests.histories import LANGUAGE, Act, Append, Said, StepOnce, acts, logs
from tests.projections.examples import pages, some
from tests.world import World

untils = st.sampled_from([0, 60, 900, 6_000])
models = st.sampled_from([None, LANGUAGE])
"""The short model, or the one with every construct of the language."""


@some(0.3)
@given(said=logs(), around=acts(), page=pages, until=untils, document=models)
def test_live_equals_bulk(
    emptiable: Engine, said: list[Said], around: list[Act], page: int, until: int, document: dict[str, Any] | None
) -> None:
    """However a history arrives and whatever dies meanwhile, every column equals that of one run over the whole log.

    The one run starts with nothing but the log, so who is who is decided anew too.
    """
    world = World(emptiable, document)
    for _ in world.play(said, around):
        pass
    world.tick(world.clock + until * MINUTE)
    world.catch_up(page)
    live, known = world.rows(), world.identity()
    world.rebuild()
    assert live == world.rows()
    assert known == world.identity()


def without_bookkeeping(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out when time may next change a row: a due instant may pass and change nothing that anybody sees."""
    state = {name: value for name, value in orjson.loads(row["state"]).items() if name not in {"due", "ticked"}}
    return {**{name: value for name, value in row.items() if name != "due_at"}, "state": state}


@some(0.24)
@given(said=logs(), around=acts(), document=models)
def test_no_row_changes_behind_a_bookmark(
    emptiable: Engine, said: list[Said], around: list[Act], document: dict[str, Any] | None
) -> None:
    """Whoever remembers the highest ``updated_at`` ever seen misses no later version of any row."""
    world = World(emptiable, document)
    seen: dict[int, object] = {}
    bookmark: Instant = 0
    for _ in world.play(said, [*around, Append(16), StepOnce(2), StepOnce(2), StepOnce(50)]):
        rows = {row["founding"]: without_bookkeeping(row) for row in world.rows()}
        changed = [row for founding, row in rows.items() if seen.get(founding) != row]
        assert all(row["updated_at"] > bookmark for row in changed)
        assert not seen.keys() - rows.keys()
        seen = dict(rows)
        bookmark = max([bookmark, *(row["updated_at"] for row in rows.values())])


@some(0.16)
@given(said=logs(), around=acts(), until=untils, document=models)
def test_every_engine_comes_to_the_same_bytes(
    emptiable: Engine, beside: Engine, said: list[Said], around: list[Act], until: int, document: dict[str, Any] | None
) -> None:
    """One history on this engine and on SQLite: equal to the last byte."""
    digests = []
    for engine, page in ((emptiable, 2), (beside, 7)):
        world = World(engine, document)
        for _ in world.play(said, around):
            pass
        world.tick(world.clock + until * MINUTE)
        world.catch_up(page)
        digests.append(world.digest())
    assert digests[0] == digests[1]


@some(0.24)
@example(events=[Named(1, 10, W1, (A,)), Named(2, 50, W1, ()), Named(3, 50, W1, (B,))], sizes=[1, 2])
@given(events=named_logs(), sizes=st.lists(st.integers(1, 7), min_size=1, max_size=3))
def test_stored_identity_equals_the_reference(emptiable: Engine, events: list[Named], sizes: list[int]) -> None:
    """The tables of identity, and the owners that a page sees, are what the reference says, whatever the pages."""
    world = World(emptiable)
    world.append_named(events)
    upto, reference = 0, Reference()
    for size in itertools.cycle(sizes):
        told = world.named(upto, size)
        if not told:
            break
        upto += len(told)
        identity.extend(world.engine, upto, size)
        for event in told:
            reference.tell(event)
        with reading(world.engine) as connection:
            known = identity.load_known(connection, told, upto)
        assert [known.lead_of(event) for event in told] == [reference.owner(event) for event in told]
    tables = world.identity()
    assert {(ref, founding) for ref, founding, _ in tables["bindings"]} == set(reference.bindings.items())
    assert {(ref, founding) for ref, founding, _ in tables["visitors"]} == set(reference.visitors.items())
    assert tables["claims"] == sorted(reference.claims)
    assert set(tables["moves"]) == reference.moves
