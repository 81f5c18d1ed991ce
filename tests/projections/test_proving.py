"""The chain of promotions: the same wherever the log is, computed by hand as by the code, and every planted change is found."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from lead_events import clock
from lead_events.domain import wire
from lead_events.domain.proof import Link
from lead_events.projections import promotion, verifying
from lead_events.projections.projector import Models
from lead_events.projections.proving import prove
from lead_events.store import generations, log, promotions, schema
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival, pack_batch
from lead_events.store.verify import verify_log
from tests.projections.built import build, publish
from tests.projections.mailing import DOCUMENT, forms, publish_lists
from tests.world import World, empty


@pytest.fixture
def world(emptiable: Engine) -> World:
    """A log in which model 2 went live, then the newest lists with it, and then both were rolled back to model 2 alone."""
    world = World(emptiable, DOCUMENT)
    world.append(forms(["firm.example", "gmail.com"]))
    world.catch_up()
    compiled = Models(emptiable)
    promotion.promote(emptiable, world.vault, build(world, publish(world, {**DOCUMENT, "name": "the second"})), compiled)
    publish_lists(world, {"free": {"add": ["firm.example"]}})
    promotion.promote(emptiable, world.vault, build(world, 2), compiled)
    promotion.rollback(emptiable, world.vault, compiled)
    return world


def copy(one: Engine, other: Engine) -> None:
    """Put every row of a database into another one."""
    with writing(other) as connection, reading(one) as source:
        empty(connection)
        for table in schema.metadata.sorted_tables:
            for row in source.execute(select(table)).mappings():
                connection.execute(insert(table), dict(row))


def test_the_chain_says_what_was_live_and_holds_together(world: World) -> None:
    """The founding, two promotions and a rollback, each with its model, its lists and where it stands."""
    proof = prove(world.engine)
    assert proof.findings == []
    shown = [(link.generation_id, link.model, link.list_revision, link.lists_digest is not None) for link in proof.links]
    assert shown == [(1, 1, 1, False), (2, 2, 1, False), (3, 2, 2, True), (2, 2, 1, False)]
    assert [link.position for link in proof.links] == [0, 3, 4, 5]
    assert len({link.digest for link in proof.links}) == 4


def test_it_is_the_same_on_another_database(world: World, beside: Engine) -> None:
    """Every line of it, and every line of a generation's digest: on SQLite as on PostgreSQL."""
    copy(world.engine, beside)
    assert prove(beside) == prove(world.engine)
    for generation_id in (1, 2, 3):
        assert verifying.digest(beside, generation_id) == verifying.digest(world.engine, generation_id)


def test_anybody_can_compute_it(world: World) -> None:
    """From the rows of the log and the documents alone, as the guide says."""
    tables = schema.models, schema.lists
    with reading(world.engine) as connection:
        rows = connection.execute(select(schema.events).order_by(schema.events.c.position)).all()
        documents = [{row.number: json.loads(row.document) for row in connection.execute(select(table))} for table in tables]

    def sha(value: Any) -> str:
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    chain, digest = bytes(32), sha(["", 0, None, 1, 1, sha(documents[0][1]), None, 1, None, bytes(32).hex()])
    found = [digest]
    for row in rows:
        numbers = row.position.to_bytes(8, "big") + row.received_at.to_bytes(8, "big")
        chain = hashlib.sha256(chain + numbers + row.row_hash).digest()
        if row.type == "generation.promoted":
            told = json.loads(row.body)["properties"]
            number = told["list_revision"]
            lists = None if number == 1 else sha(documents[1][number])
            place = row.position, row.received_at, told["generation_id"], told["model"]
            digest = sha([digest, *place, sha(documents[0][told["model"]]), told["fold_revision"], number, lists, chain.hex()])
            found.append(digest)
    assert [link.digest for link in prove(world.engine).links] == found


def change(world: World, table: Any, **values: Any) -> None:
    """Change the rows of a number behind everybody's back."""
    number = values.pop("number")
    key = next(iter(table.primary_key))
    with writing(world.engine) as connection:
        assert connection.execute(update(table).where(key == number).values(values)).rowcount == 1


@pytest.mark.parametrize(
    ("table", "number", "first", "finding"),
    [
        (schema.models, 2, 1, "promotion at position 3: model 2 is not the document that was promoted"),
        (schema.models, 1, 0, "promotion at position 3: model 1 is not the document that was live before"),
        (schema.lists, 2, 2, "promotion at position 4: lists 2 are not the document that was promoted"),
    ],
)
def test_a_changed_document_is_found(world: World, table: Any, number: int, first: int, finding: str) -> None:
    """Be it live, replaced since, or the one that the log was founded with; and every link from the first one on is another."""
    before = prove(world.engine).links
    text = '{"free": {}}' if table is schema.lists else json.dumps({**DOCUMENT, "name": "another"})
    change(world, table, number=number, document=text)
    proof = prove(world.engine)
    assert finding in proof.findings
    same = [one.digest == other.digest for one, other in zip(before, proof.links, strict=True)]
    assert same == [place < first for place in range(4)]


def test_a_document_that_is_gone_is_found(world: World) -> None:
    """A number without a document explains nothing."""
    with writing(world.engine) as connection:
        connection.execute(schema.lists.delete())
    assert prove(world.engine).findings == ["promotion at position 4: There is no lists document '2'."]


def test_an_edited_promotion_is_found(world: World) -> None:
    """By the hashes of the log, by the generation it names, and by the link after it."""
    with writing(world.engine) as connection:
        events = schema.events
        (body,) = connection.execute(select(events.c.body).where(events.c.position == 4)).scalars()
        edited = body.replace('"generation_id":3', '"generation_id":2').replace('"list_revision":2', '"list_revision":1')
        assert edited != body
        connection.execute(update(events).where(events.c.position == 4).values(body=edited))
    assert verify_log(world.engine, world.vault) != []
    assert prove(world.engine).findings == [
        "promotion at position 4: lists 1 are not the document that was promoted",
        "promotion at position 5: it says that generation 3 was live before, not 2",
    ]


def test_a_generation_that_went_live_without_a_promotion_is_found(world: World) -> None:
    """Or says that it is of another model than the promotion told."""
    change(world, schema.generations, number=2, status="retired")
    change(world, schema.generations, number=3, status="live", model_number=1)
    assert prove(world.engine).findings == [
        "promotion at position 4: generation 3 says that it is of another model, lists or fold revision",
        "generation 3 is live, and the log says that generation 2 is",
    ]


def test_promotions_of_earlier_versions_stand_as_they_are(world: World) -> None:
    """An event without digests proves less, and is no mistake; the next promotion tells of its model."""
    with writing(world.engine) as connection:
        live = generations.lock_live(connection)
        new = generations.load(connection, 1)
        properties = {"generation_id": 1, "model": 1, "previous_id": live.generation_id, "announce": "none"}
        event = wire.admit(
            {"type": promotions.TYPE, "properties": properties},
            arrival=clock.now(), trusted=True, phone_region=None, new_event_id=clock.new_event_id, own=True,
        )  # fmt: skip
        envelopes, packing = pack_batch(world.vault, [Arrival(0, event, clock.now())])
        log.append_packed(connection, packing, envelopes)
        generations.flip(connection, live, new, clock.now(), clock.now() + 1)
    proof = prove(world.engine)
    assert proof.findings == []
    last: Link = proof.links[-1]
    assert (last.generation_id, last.model, last.fold_revision) == (1, 1, None)
    with reading(world.engine) as connection:
        assert promotions.load_live_at(connection, last.position - 1).generation_id == 2
        assert promotions.load_live_at(connection, last.position).generation_id == 1
        assert promotions.load_live_at(connection, 2) == promotions.FOUNDING
