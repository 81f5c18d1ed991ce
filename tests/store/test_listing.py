"""Keyset pages walk along the indexes, from any place, on both databases; and a moment is one moment."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from lead_events.domain.decay import rank_of_threshold
from lead_events.domain.model import Model, compile_model
from lead_events.domain.scoring import ranks, value_at
from lead_events.domain.state import Lead
from lead_events.domain.times import DAY, SECOND, parse_instant
from lead_events.store import leads, listing
from lead_events.store.engine import reading, snapshot, writing
from lead_events.store.leads import LeadRow
from lead_events.store.listing import Key, Order, Query, RankBound, read_page

NOON = parse_instant("2026-11-21T12:00:00Z")
MODEL: Model = compile_model({"scores": {"heat": {"half_life": "30d", "rules": []}, "fit": {"rules": []}}, "definitions": {}})
STAGES = ("visitor", "lead", "mql", "sal")
SIZE = 600


def everyone(_lead: Lead) -> bool:
    """Let every lead through."""
    return True


@pytest.fixture
def crowd(engine: Engine) -> Engine:
    """Six hundred leads with ties in every order; a third without a contact."""
    rows = []
    for founding in range(1, SIZE + 1):
        lead = MODEL.begin(founding)
        if founding % 3:
            lead.traits = {"email": [f"p{founding}@firm.example", NOON, founding, 0]}
        lead.stage = STAGES[founding % 4] if founding % 3 else "visitor"
        lead.scores = [[float(founding % 7), NOON - founding % 5 * DAY], [float(founding % 4), NOON]]
        rows.append(LeadRow(lead, founding, NOON + founding * 7 % 100 * SECOND, emptied=False, parked=False))
    with writing(engine) as connection:
        leads.save(connection, leads.encode(1, MODEL, rows))
        leads.save(connection, leads.encode(2, MODEL, rows[:5]))
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE leads")
    return engine


def walk(engine: Engine, query: Query, page: int) -> list[int]:
    """Read a whole list in pages; return the leads in order."""
    found: list[int] = []
    after: Key | None = None
    while True:
        with snapshot(engine) as connection:
            rows = read_page(connection, query, after, page, everyone)
        found += [row.lead.founding for row, _ in rows]
        if len(rows) < page:
            return found
        after = rows[-1].key


def reference(engine: Engine, query: Query) -> list[int]:
    """Read every row and sort it here."""
    with reading(engine) as connection:
        rows = leads.load(connection, query.generation_id, range(1, SIZE + 1)).values()
    chosen = [row for row in rows if (row.lead.stage in query.stages if query.stages else row.lead.contact)]
    return [founding for _, founding in sorted((value(row, query), row.lead.founding) for row in chosen)]


def value(row: LeadRow, query: Query) -> float:
    """Return what a row is ordered by."""
    return row.updated_at if query.order.rank is None else ranks(row.lead, MODEL)[query.order.rank]


@pytest.mark.parametrize("stages", [(), ("mql",), ("mql", "sal", "visitor")])
def test_pages_of_any_size_are_the_whole_list_in_order(crowd: Engine, stages: tuple[str, ...]) -> None:
    """Every order and page size gives each lead of the generation once, ties by lead."""
    for order in (Order(), *(Order(rank, descending=True) for rank in (None, 0, 1, 2))):
        query = Query(generation_id=1, order=order, stages=stages)
        expected = reference(crowd, query)
        for page in (1_000, 37):
            assert walk(crowd, query, page) == (expected[::-1] if order.descending else expected), (order, page)


def test_a_page_is_full_unless_the_list_ends(crowd: Engine) -> None:
    """When the exact predicate refuses most of what the index gives, the walk goes on until the page is full."""
    query = Query(generation_id=1, order=Order())
    with snapshot(crowd) as connection:
        found = read_page(connection, query, None, 4, lambda lead: lead.founding % 50 == 1)
        assert len(found) == 4
        rest = read_page(connection, query, found[-1].key, 100, lambda lead: lead.founding % 50 == 1)
    assert len({each.row.lead.founding for each in found + rest}) == 8


def test_the_slack_never_loses_a_lead_that_has_exactly_the_points(crowd: Engine) -> None:
    """A threshold in ranks lets through every lead whose points, exactly computed, reach it at that instant."""
    score = MODEL.scores[0]
    with reading(crowd) as connection:
        rows = [row for row in leads.load(connection, 1, range(1, SIZE + 1)).values() if row.lead.contact]
    for later in (0, 3 * DAY, 400 * DAY):
        values = {row.lead.founding: value_at(row.lead, 0, score, NOON + later) or 0.0 for row in rows}
        for points in sorted(set(values.values()) - {0.0})[::6]:
            bound = RankBound(1, rank_of_threshold(points, NOON + later, score.half_life), is_least=True)
            with snapshot(crowd) as connection:
                page = read_page(connection, Query(generation_id=1, order=Order(), ranks=(bound,)), None, SIZE, everyone)
            found = {each.row.lead.founding for each in page}
            assert found >= {founding for founding, value in values.items() if value >= points}, (later, points)


def plan(engine: Engine, query: Query, after: Key) -> str:
    """Return how the database would read a page."""
    compiled = listing.statement(query, after, 20).compile(engine, compile_kwargs={"literal_binds": True})
    explain = "EXPLAIN (COSTS OFF) " if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    with reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql("SET LOCAL enable_sort = off")
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(explain + str(compiled)))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ({"order": Order()}, "ix_leads_contact_updated"),
        ({"order": Order(descending=True)}, "ix_leads_contact_updated"),
        ({"order": Order(0, descending=True)}, "ix_leads_contact_rank_0"),
        ({"order": Order(2, descending=True)}, "ix_leads_contact_rank_2"),
        ({"order": Order(), "stages": ("mql",)}, "ix_leads_stage_updated"),
        ({"order": Order(0, descending=True), "stages": ("mql",)}, "ix_leads_stage_priority"),
    ],
)
def test_a_page_deep_in_a_list_starts_where_its_key_stands(crowd: Engine, query: dict[str, Any], index: str) -> None:
    """The index is entered at the key, not walked from its beginning, and nothing is sorted."""
    found = plan(crowd, Query(generation_id=1, **query), Key(5, 5))
    assert index in found
    assert "SORT" not in found.upper().replace("SORT KEY", "")
    assert "TEMP B-TREE" not in found
    column = query["order"].column.name
    entered = f"ROW({column}, founding)" if crowd.dialect.name == "postgresql" else f"({column},founding)"
    line = next(line for line in found.splitlines() if entered in line)
    assert "Index Cond" in line or "SEARCH" in line


def test_a_snapshot_sees_one_moment(crowd: Engine) -> None:
    """What another transaction commits between two statements of a reader is not seen by the second."""
    query = Query(generation_id=1, order=Order())
    with snapshot(crowd) as connection:
        before = read_page(connection, query, None, SIZE, everyone)
        lead = MODEL.begin(SIZE + 1)
        lead.traits = {"phone": ["+74951234567", NOON, 1, 0]}
        with writing(crowd) as other:
            leads.save(other, leads.encode(1, MODEL, [LeadRow(lead, SIZE + 1, NOON, emptied=False, parked=False)]))
        assert len(read_page(connection, query, None, SIZE * 2, everyone)) == len(before)
    with snapshot(crowd) as connection:
        assert len(read_page(connection, query, None, SIZE * 2, everyone)) == len(before) + 1
