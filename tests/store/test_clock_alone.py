"""Nothing is written and only the clock moves: order and thresholds, asked by the index, are those of the exact scores."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from sqlalchemy import Engine, select

from lead_events.api.lead_filters import compile_filters
from lead_events.domain.model import Model, compile_model
from lead_events.domain.scoring import value_at
from lead_events.domain.times import DAY, Instant, parse_instant
from lead_events.store import leads, listing, schema
from lead_events.store.engine import reading, snapshot, writing
from lead_events.store.leads import LeadRow

NOON = parse_instant("2026-11-21T12:00:00Z")
TEN_YEARS = 3_652 * DAY
SIZE = 150
NEARLY = 2e-12
"""Scores closer than this share are one score: a rank has sixteen digits, and spends some on the instant."""


def frozen(engine: Engine, half_life: int) -> Model:
    """Save leads whose points were given over a year, some a hair apart, and return their model."""
    model = compile_model({"scores": {"heat": {"half_life": f"{half_life}d", "rules": []}}, "definitions": {}})
    random = Random(half_life)
    rows = []
    for founding in range(1, SIZE + 1):
        lead = model.begin(founding)
        lead.traits = {"email": [f"p{founding}@firm.example", NOON, founding, 0]}
        value = random.choice([50.0, 100.0, 100.0 + 1e-6 * random.random(), random.uniform(0.01, 1_000)])
        lead.scores = [[value, NOON - random.randrange(365 * DAY)]]
        rows.append(LeadRow(lead, founding, NOON, emptied=False, parked=False))
    with writing(engine) as connection:
        leads.save(connection, leads.encode(1, model, rows))
    return model


def content(engine: Engine) -> list[tuple[object, ...]]:
    """Return every column of every lead."""
    with reading(engine) as connection:
        return [tuple(row) for row in connection.execute(select(schema.leads).order_by(schema.leads.c.founding))]


def ask(engine: Engine, model: Model, at: Instant, **filters: object) -> list[int]:
    """Return the leads of a list at an instant, in its order."""
    query, matches = compile_filters({"sort": "-scores.heat", **filters}, model, 1, at)
    with snapshot(engine) as connection:
        return [found.row.lead.founding for found in listing.read_page(connection, query, None, SIZE + 1, matches)]


@pytest.mark.parametrize("half_life", [1, 7, 30, 90, 365])
def test_ten_years_pass_and_nothing_is_refreshed(engine: Engine, half_life: int) -> None:
    """At every instant the index gives the order of the exact scores, and exactly the leads that reach a threshold."""
    model = frozen(engine, half_life)
    before = content(engine)
    with reading(engine) as connection:
        everybody = {founding: row.lead for founding, row in leads.load(connection, 1, range(1, SIZE + 1)).items()}
    random = Random(2 * half_life)
    met = 0
    for at in (NOON, *sorted(NOON + random.randrange(TEN_YEARS) for _ in range(12)), NOON + TEN_YEARS):
        exact = {founding: value_at(lead, 0, model.scores[0], at) or 0.0 for founding, lead in everybody.items()}
        order = [exact[founding] for founding in ask(engine, model, at)]
        assert len(order) == SIZE
        assert all(later <= earlier * (1 + NEARLY) for earlier, later in pairwise(order)), at
        middle = sorted(exact.values())[SIZE // 2]
        for points in {value for value in (0.01, 50.0, middle, middle * 1.0001) if value > 0}:
            reach = {founding for founding, value in exact.items() if value >= points}
            assert set(ask(engine, model, at, min_score=[["heat", points]])) == reach, (at, points)
            met += 0 < len(reach) < SIZE
    assert met >= 5
    assert content(engine) == before
