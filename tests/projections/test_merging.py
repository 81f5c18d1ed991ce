"""Law 9 through real databases: an unmerge leaves nothing behind, and rows with merges in them are what the log says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from lead_events.domain import wire
from lead_events.domain.identity import Known
from lead_events.domain.times import MINUTE, format_instant
from lead_events.projections import replay
from lead_events.projections.projector import Models
from lead_events.store import identity, listing, log, schema
from lead_events.store.engine import reading
from lead_events.store.envelope import Arrival
from tests.building import build_parts
from tests.histories import START, Said, logs
from tests.projections.examples import pages, some
from tests.projections.merging import Act, Edit, Join, Say, Story, merges, own
from tests.world import World

LEDGER = {"position", "updated_at"}
"""Columns that follow the order of the log; all others are content."""


def without_merges(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """Put an event about nobody in the place of every merge, so that all others keep their positions."""
    money = {
        "type": "spend.recorded",
        "properties": {"channel": "ads", "amount": "1", "currency": "EUR", "from_day": "2026-01-01", "to_day": "2026-01-02"},
    }
    return [
        own(money, each.event.event_id, each.arrived_at) if each.event.type in {"lead.merged", "lead.unmerged"} else each
        for each in arrivals
    ]


def content(world: World) -> list[dict[str, Any]]:
    """Return every column of every lead that the set of its events decides."""
    return [{name: value for name, value in row.items() if name not in LEDGER} for row in world.rows()]


@some(0.5)
@given(said=logs(), around=merges, page=pages)
def test_after_an_unmerge_every_lead_is_as_if_the_merge_had_never_been(
    emptiable: Engine, said: list[Said], around: list[Act], page: int
) -> None:
    """Content equals, to the last byte, that of a log in which nobody ever merged."""
    story = Story(World(emptiable))
    story.play(said, around, page)
    story.part()
    end = story.world.clock + 900 * MINUTE
    story.world.tick(end)
    story.world.catch_up(page)
    parted = content(story.world)
    twin = World(emptiable)
    for _, arrivals in story.told:
        log.append(twin.engine, twin.vault, without_merges(arrivals))
    twin.tick(end)
    twin.catch_up()
    assert parted == content(twin)


VISITOR_EDITED_WHILE_MERGED = (
    [
        Said(0, START, {"type": "page.viewed", "anonymous_id": "w1"}),
        Said(1, START, {"type": "page.viewed", "anonymous_id": "w2"}),
    ],
    [Say(2), Join(0, 1), Edit(0), Edit(0)],
)


@some(0.5)
@example(said=VISITOR_EDITED_WHILE_MERGED[0], around=VISITOR_EDITED_WHILE_MERGED[1], page=50)
@given(said=logs(), around=merges, page=pages)
def test_rows_with_merges_are_what_one_run_and_a_build_come_to(
    emptiable: Engine, said: list[Said], around: list[Act], page: int
) -> None:
    """Live, over any pages, equals one run over the whole log and a build in narrow parts: every column, every tombstone."""
    story = Story(World(emptiable))
    story.play(said, around, page)
    world = story.world
    live, known = world.rows(), world.identity()
    assert [row["founding"] for row in live if row["emptied"] and row["contact"]] == merged_away(world)
    assert differing(built(world), live) == []
    world.rebuild()
    assert differing(world.rows(), live) == []
    assert world.identity() == known


def differing(rows: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return (lead, column, one value, the other) for everything that two lists of rows do not agree on."""
    one, two = ({row["founding"]: row for row in each} for each in (rows, others))
    return [
        (founding, name, one.get(founding, {}).get(name), two.get(founding, {}).get(name))
        for founding in sorted(one.keys() | two.keys())
        for name in schema.leads.columns.keys()  # noqa: SIM118 - not a dictionary
        if one.get(founding, {}).get(name) != two.get(founding, {}).get(name)
    ]


def merged_away(world: World) -> list[int]:
    """Return the leads for which another stands since somebody merged them."""
    with reading(world.engine) as connection:
        known = Known()
        identity.load_merges(connection, known, identity.read_checkpoint(connection))
    return sorted(lead for lead, survivor in known.survivors.items() if lead != survivor)


def built(world: World) -> list[dict[str, Any]]:
    """Build a generation beside the live one, in parts of five positions, and return its rows."""
    generation_id = replay.begin(world.engine, 1, part_positions=5)
    build_parts(world.engine, world.vault, Models(world.engine), generation_id)
    return world.rows(generation_id)


@some(0.3)
@given(said=logs(), around=merges)
def test_a_merged_id_leads_to_the_one_that_stands_for_it(emptiable: Engine, said: list[Said], around: list[Act]) -> None:
    """Every emptied lead's id resolves to a lead that has events, and a merged one's to its survivor."""
    story = Story(World(emptiable))
    story.play(said, around, 50)
    rows = {row["founding"]: row for row in story.world.rows()}
    emptied = [founding for founding, row in rows.items() if row["emptied"]]
    with reading(story.world.engine) as connection:
        upto = log.read_head(connection).position
        owners = listing.load_owners(connection, emptied, upto)
        known = Known()
        identity.load_merges(connection, known, upto)
    assert set(owners) == set(emptied)
    assert not any(rows[owner]["emptied"] for owner in owners.values())
    own_events = {lead for lead in known.survivors if lead in owners and not _moved_away(story.world, lead)}
    assert all(owners[lead] == known.survivors[lead] for lead in own_events)


def _moved_away(world: World, lead: int) -> bool:
    """Say whether a lead's founding event was a visitor's that a claim gave to somebody else."""
    with reading(world.engine) as connection:
        rows = connection.execute(select(schema.events).where(schema.events.c.position == lead)).all()
        named = [identity.name(row) for row in rows]
        known = identity.load_known(connection, named, log.read_head(connection).position)
    known.merged = set()
    known._survivors = None
    return known.lead_of(named[0]) != lead


PEOPLE: tuple[tuple[str, dict[str, Any]], ...] = (
    ("w1", {"anonymous_id": "w1"}),
    ("w2", {"anonymous_id": "w2"}),
    ("c1", {"crm_ids": {"hubspot": "c1"}}),
    ("u1", {"user_id": "u1"}),
    ("u2", {"user_id": "u2"}),
    ("anna", {"traits": {"email": "anna@firm.example"}}),
)


@st.composite
def namings(draw: st.DrawFn) -> list[tuple[int, tuple[int, ...]]]:
    """A few events, each with the minute it happened and the identifiers it names; never two of a kind."""
    some_of = st.sets(st.sampled_from(range(len(PEOPLE))), min_size=1, max_size=3)
    one_of_a_kind = some_of.filter(lambda found: not {0, 1} <= found and not {3, 4} <= found)
    return draw(
        st.lists(st.tuples(st.integers(0, 5), one_of_a_kind.map(lambda found: tuple(sorted(found)))), min_size=2, max_size=5)
    )


@some(0.4)
@given(named=namings(), data=st.data())
def test_leads_and_candidates_together_are_the_same_for_all_arrivals(
    emptiable: Engine, named: list[tuple[int, tuple[int, ...]]], data: st.DataObject
) -> None:
    """Whoever is joined by a lead or by a candidate is joined by the events that name them, in whatever order they arrive."""
    expected = _join((tuple(PEOPLE[each][0] for each in who) for _, who in named))
    for arrived in (named, data.draw(st.permutations(named)), data.draw(st.permutations(named))):
        world = World(emptiable)
        for number, (minute, who) in enumerate(arrived):
            body: dict[str, Any] = {"type": "page.viewed", "event_id": f"e-{number}"}
            body["occurred_at"] = format_instant(START - (10 - minute) * MINUTE)
            for each in who:
                body |= PEOPLE[each][1]
            world.append([Said(number, START + number * MINUTE, body)])
            world.step()
        assert _joined(world, {PEOPLE[each][0] for _, who in named for each in who}) == expected


def _join(groups: Iterable[tuple[Any, ...]]) -> set[frozenset[Any]]:
    found: list[set[Any]] = []
    for each in groups:
        touching = [one for one in found if one & set(each)]
        found = [one for one in found if one not in touching] + [set(each).union(*touching)]
    return {frozenset(one) for one in found}


def _joined(world: World, names: set[str]) -> set[frozenset[str]]:
    """Return which identifiers share a lead, or are joined by candidates, from identity's tables alone."""
    tables = world.identity()
    owners = [(bytes(ref), founding) for ref, founding, _ in (*tables["bindings"], *tables["visitors"])]
    owners += [(bytes(ref), founding) for ref, _, _, founding in tables["claims"]]
    claimed = {bytes(ref) for ref, *_ in tables["claims"]}
    visitors = {bytes(ref) for ref, *_ in tables["visitors"]} - claimed
    bound = {founding for ref, founding in owners if ref in claimed or ref not in visitors}
    with reading(world.engine) as connection:
        columns = schema.candidates.c.one, schema.candidates.c.two
        pairs = [tuple(row) for row in connection.execute(select(*columns))]
        refs = _refs(world, connection, names)
    # A claimed browser belongs to those who claimed it, no longer to the visitor that it began as.
    edges: list[tuple[Any, ...]] = [(ref, founding) for ref, founding in owners if ref not in claimed or founding in bound]
    groups = _join([*edges, *pairs])
    return {found for each in groups if (found := frozenset(name for name in names if refs[name] in each))}


def _refs(world: World, connection: Any, names: set[str]) -> dict[str, bytes]:
    """Return the pseudonym of each identifier, found by an event that names nothing else known to the vault."""
    found: dict[str, bytes] = {}
    for name, body in PEOPLE:
        if name in names:
            event = wire.admit(
                {"type": "page.viewed", **body}, arrival=START, trusted=True, phone_region=None, new_event_id=lambda: "probe"
            )
            (identifier,) = event.identifiers
            if "anonymous_id" in body:
                found[name] = world.vault.anonymous_ref(identifier.value)
            else:
                blind = world.vault.blind(identifier)
                found[name] = bytes(
                    connection.execute(select(schema.refs.c.ref).where(schema.refs.c.blind == blind)).scalar_one()
                )
    return found
