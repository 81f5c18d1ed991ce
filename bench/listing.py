"""Figures: pages of the list of leads at its first and its last page over HTTP, and promotion at that number of leads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import func, select

from bench import world
from bench.client import Asking, run_fast
from bench.databases import Database
from bench.posts import get
from bench.table import Row, milliseconds, per_second, percentile
from bench.world import World
from lead_events.api import paging
from lead_events.projections import promotion
from lead_events.projections.projector import Models
from lead_events.store import generations, leads, schema
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Generation, Status
from lead_events.store.leads import LeadRow, open_row

_ASKED_SECONDS = 0.020
_PROMOTION_SECONDS = 1.0
_WHOLE = 250_000
_SAVED_AT_ONCE = 1_000
_MQL_EVERY = 20
_BARE = "/healthz"
_NOTE = (
    "The rows beyond those of the demo are copies of its leads with a contact, at other ids and ranks, one in twenty an mql; "
    "the limit is a request of the same service that asks no database; the last page is reached by a cursor made for it."
)
_PROMOTED = (
    "Called in process, no service running, at the number of rows given; "
    "the generation it replaces has no rows, nothing is left to catch up with, and nothing is announced."
)

_WHOLE_NOTE = (
    "The replay and the promotion above, added up; nothing else is asked of the database meanwhile, "
    "and the rows that were added between the two for the list of leads are in neither; peak memory is the replay's."
)


def prepare(given: World) -> list[Row]:
    """Fill the generation that was built to its number of leads, and promote it."""
    return [row for database in given.databases.values() for row in _promote(given, database)]


def run(given: World) -> list[Row]:
    """Read pages from the running service."""
    rows = []
    for name, database in given.databases.items():
        with world.awake(given, name) as server:
            for query, title in (("sort=-priority", "all with a contact"), ("sort=-priority&stage=mql", "stage mql")):
                found = run_fast(_read(server.address, database, query, given.plan.pages))
                count = _count(database, mql="mql" in query)
                given.say(f"{name}: {query}: p99 first {found['first']['p99']:.4f} s, last {found['last']['p99']:.4f} s")
                rows.append(_row(name, f"list of leads, {count:,} {title}", found))
    return rows


def _row(name: str, figure: str, found: dict[str, dict[str, float]]) -> Row:
    first, last, bare = found["first"], found["last"], found["bare"]
    worst = max(first["p99"], last["p99"])
    return Row(
        figure=figure,
        database=name,
        value=f"p99 first {milliseconds(first['p99'])}, last {milliseconds(last['p99'])}; "
        f"p50 {milliseconds(first['p50'])}, {milliseconds(last['p50'])}",
        limit=f"no query p99 {milliseconds(bare['p99'])}",
        ratio=f"{worst / bare['p99']:.1f} × the limit",
        asked="p99 ≤ 20 ms",
        reached=worst <= _ASKED_SECONDS,
        note=_NOTE,
        raw=found,
    )


async def _read(address: str, database: Database, query: str, pages: int) -> dict[str, dict[str, float]]:
    asking = await Asking.open(address)
    path = f"/v1/leads?{query}&limit=20"
    status, body = await asking.ask(get(path, database.secret_key))
    if status != 200:
        raise RuntimeError(body.decode())
    cursor = orjson.loads(body)["next_cursor"]
    last = f"{path}&cursor={_last_cursor(database, cursor)}" if cursor else path
    times: dict[str, list[float]] = {"bare": [], "first": [], "last": []}
    for _ in range(pages):
        for name, each in (("bare", _BARE), ("first", path), ("last", last)):
            begun = time.perf_counter()
            status, body = await asking.ask(get(each, database.secret_key))
            times[name].append(time.perf_counter() - begun)
            if status != 200:
                raise RuntimeError(f"{each}: {body.decode()}")
            await asyncio.sleep(0)
    asking.close()
    return {name: {"p50": percentile(some, 0.5), "p99": percentile(some, 0.99)} for name, some in times.items()}


def _last_cursor(database: Database, cursor: str) -> str:
    """Turn the cursor of the second page into that of the last one, which nobody walks to in a benchmark."""
    log_id = database.vault.log_id
    content = paging.read_cursor(log_id, "leads", cursor)
    table = schema.leads
    where = [table.c.generation_id == content["generation_id"]]
    where += [table.c.stage.in_(content["filters"]["stage"])] if content["filters"].get("stage") else [table.c.contact]
    order = table.c.rank_0, table.c.founding
    with reading(database.engine) as connection:
        row = connection.execute(select(*order).where(*where).order_by(*order).limit(1).offset(20)).first()
    return cursor if row is None else paging.write_cursor(log_id, "leads", {**content, "key": [*row]})


def _count(database: Database, *, mql: bool) -> int:
    table = schema.leads
    with reading(database.engine) as connection:
        live = generations.load_live(connection).generation_id
        where = table.c.generation_id == live, (table.c.stage == "mql") if mql else table.c.contact
        return int(connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one())


def _promote(given: World, database: Database) -> list[Row]:
    with reading(database.engine) as connection:
        ready = next((each for each in generations.load_all(connection) if each.status is Status.READY), None)
    if ready is None:
        raise RuntimeError("no generation was built that could be promoted")
    written = _fill(given, database, ready)
    begun = time.perf_counter()
    promotion.promote(database.engine, database.vault, ready.generation_id, Models(database.engine))
    seconds = time.perf_counter() - begun
    world.forget_standing_by(database)
    rows = world.lead_rows(database)
    given.say(f"{database.name}: {written:,} synthetic leads; promoted {rows:,} rows in {seconds:.3f} s")
    return [_promotion_row(database, seconds, rows, written), _whole_row(given, database, seconds)]


def _promotion_row(database: Database, seconds: float, rows: int, written: int) -> Row:
    return Row(
        figure=f"promotion, {rows:,} leads",
        database=database.name,
        value=milliseconds(seconds),
        asked="< 1 s",
        ratio=f"{seconds / _PROMOTION_SECONDS:.3f} of what is allowed",
        reached=seconds < _PROMOTION_SECONDS,
        note=_PROMOTED,
        raw={"seconds": seconds, "rows": rows, "synthetic": written},
    )


def _whole_row(given: World, database: Database, promoting: float) -> Row:
    """Say what the replay before and the promotion took together."""
    events, building = given.rebuilt[database.name]
    rate = events / (building + promoting)
    return Row(
        figure="full rebuild and promotion",
        database=database.name,
        value=f"{per_second(rate)}, {events:,} events in {building + promoting:.1f} s",
        ratio=f"{rate / _WHOLE:.2f} of what is asked",
        asked=f"≥ {_WHOLE:,}/s",
        reached=rate >= _WHOLE,
        note=_WHOLE_NOTE,
        raw={"events": events, "building_seconds": building, "promoting_seconds": promoting, "events_per_second": rate},
    )


def _fill(given: World, database: Database, generation: Generation) -> int:
    """Write copies of the leads with a contact until there are enough, or time is up."""
    generation_id, model = generation.generation_id, Models(database.engine).of(generation)
    patterns = _load_contacts(database, generation_id)
    wanted = given.plan.leads - len(patterns)
    end = time.perf_counter() + given.plan.lead_seconds
    # Behind every founding position that the log will reach in this run.
    first, written = given.positions[database.name] * 4 + 1_000_000, 0
    copies = _copies(patterns, first)
    while patterns and written < wanted and time.perf_counter() < end:
        some = [next(copies) for _ in range(min(_SAVED_AT_ONCE, wanted - written))]
        with writing(database.engine) as connection:
            leads.save(connection, leads.encode(generation_id, model, some))
        written += len(some)
    return written


def _load_contacts(database: Database, generation_id: int) -> list[Any]:
    table = schema.leads
    with reading(database.engine) as connection:
        where = table.c.generation_id == generation_id, table.c.contact, ~table.c.emptied, ~table.c.parked
        return list(connection.execute(select(table).where(*where).limit(20_000)).all())


def _copies(patterns: list[Any], founding: int) -> Iterator[LeadRow]:
    while True:
        for pattern in patterns:
            row = open_row(pattern)
            lead = row.lead
            lead.founding = founding
            lead.due = None
            for number, score in enumerate(lead.scores):
                # Any order but that of the ids, and no two alike: 0 to 200 points.
                score[0] = score[0] and ((founding * 2_654_435_761 + number) % 2**32) / 2**32 * 200
            lead.stage = "mql" if founding % _MQL_EVERY == 0 else lead.stage if lead.stage != "mql" else "lead"
            yield row
            founding += 1
