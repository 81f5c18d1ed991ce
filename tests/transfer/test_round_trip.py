"""An export imported into an empty log gives the same leads, whatever the history; importing it again adds nothing."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, insert, select, update

from lead_events import clock
from lead_events.domain import state, wire
from lead_events.domain.consent import stamp
from lead_events.domain.events import IdentifierKind
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.signals import anonymise
from lead_events.domain.times import DAY, HOUR, MINUTE, Instant, format_instant
from lead_events.store import erasing, log, schema, sources
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival
from lead_events.store.vault import LOG_REF, first_log_key
from lead_events.transfer.exporting import export
from lead_events.transfer.importing import Counts, Importer
from lead_events.transfer.jsonl import LineRules, judge_lines
from tests import builders
from tests.histories import START, Said, logs
from tests.world import MASTER_KEY, World

NOW: Instant = START + 1_000_000 * MINUTE
SOURCE = "shop"


def original(engine: Engine) -> World:
    """Found a log with one source."""
    world = World(engine)
    with writing(engine) as connection:
        assert sources.create(connection, SOURCE).source_id == 1
    return world


def other(engine: Engine) -> World:
    """Found an empty log with another id and other keys, so that nothing can be equal by accident."""
    world = World(engine)
    with writing(engine) as connection:
        connection.execute(delete(schema.keys))
        connection.execute(insert(schema.keys), {"ref": LOG_REF, "wrapped_key": first_log_key(MASTER_KEY)})
        connection.execute(update(schema.head).values(log_id=clock.random_bytes(16)))
        world.vault = log.open_vault(connection, MASTER_KEY)
    return world


def write(world: World, **wanted: Any) -> list[bytes]:
    """Export a log as a file's lines."""
    pages = export(world.engine, world.vault, **wanted)
    return [orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for page in pages for line in page.lines]


def read(world: World, lines: list[bytes], batch: int = 50, announce: bool | None = None) -> Counts:
    """Import a file's lines."""
    importer = Importer(world.engine, world.vault, batch=batch)
    importer.take(judge_lines(LineRules(announce=announce), 1, lines, NOW))
    importer.finish()
    return importer.counts


def settle(world: World) -> list[dict[str, Any]]:
    """Let everything happen that is going to, and return the rows."""
    world.tick(NOW)
    world.catch_up()
    return world.rows()


def addressed(world: World, founding: int, number: int) -> Said:
    """Say something about a lead by its id, as a CRM does."""
    lead_id = encode_lead_id(world.vault.log_id, founding)
    body = builders.make_event(
        "lead.assigned",
        event_id=f"a-{number}",
        lead_id=lead_id,
        owner="boris",
        anonymous_id=None,
        traits={"email": "new@firm.example"},
    )
    return Said(number, world.clock + HOUR, {**body, "occurred_at": format_instant(world.clock)})


@settings(max_examples=30, suppress_health_check=list(HealthCheck))
@given(said=logs(), batch=st.sampled_from([1, 3, 50]), about=st.integers(0, 30))
def test_an_export_gives_the_same_leads_elsewhere(
    first_engine: Engine, second_engine: Engine, said: list[Said], batch: int, about: int
) -> None:
    """Every column of every lead is equal: positions, times, scores, stages, sessions, owners; twice adds nothing."""
    world, empty = original(first_engine), other(second_engine)
    world.append(said)
    world.catch_up()
    foundings = [row["founding"] for row in world.rows()]
    if foundings:
        world.append([addressed(world, foundings[about % len(foundings)], 1_000)])
    lines = write(world)
    counts = read(empty, lines, batch)
    assert (counts.created, counts.total) == (len(lines), len(lines))
    assert settle(empty) == settle(world)
    assert read(empty, lines).duplicates == len(lines)


@settings(max_examples=10, suppress_health_check=list(HealthCheck))
@given(said=logs())
def test_an_export_that_comes_home_adds_nothing(first_engine: Engine, second_engine: Engine, said: list[Said]) -> None:
    """Neither directly nor by way of another log; there is nothing to quarantine either."""
    world, empty = original(first_engine), other(second_engine)
    world.append(said)
    lines = write(world)
    assert read(world, lines, announce=False).duplicates == len(lines)
    read(empty, lines, announce=False)
    assert read(world, write(empty)).duplicates == len(lines)


def test_every_type_of_event_survives(first_engine: Engine, second_engine: Engine) -> None:
    """All built-in types with their example properties, public and trusted, come back exactly as they are stored."""
    world, empty = original(first_engine), other(second_engine)
    bodies = [
        builders.make_event(name, event_id=name, user_id=None if name == "spend.recorded" else "u1")
        for name in builders.EXAMPLES
        if name not in {"lead.merged", "lead.unmerged", "lead.erased", "generation.promoted"}
    ]
    bodies.append(builders.make_event("sauna.visited", event_id="custom", anything={"deep": [1, 2.5, None]}))
    world.append([Said(number, NOW, body) for number, body in enumerate(bodies)])
    lines = write(world)
    assert read(empty, lines).created == len(bodies)
    assert [stored(line) for line in write(empty)] == [stored(line) for line in lines]


def test_what_the_door_decided_survives(first_engine: Engine, second_engine: Engine) -> None:
    """Purposes that need a yes, a privacy signal and anonymity come back as they are stored, and so do the leads."""
    world, empty = original(first_engine), other(second_engine)
    bodies = [
        builders.page_viewed(event_id="nobody"),
        builders.form_submitted(event_id="form"),
        builders.page_viewed(event_id="v"),
    ]
    nobody, form, view = (Said(number, NOW, body).admitted() for number, body in enumerate(bodies))
    stamped = [anonymise(nobody), stamp(form, opt_in=("profiling",), gpc=True), stamp(view, opt_in=("contact",))]
    log.append(world.engine, world.vault, [Arrival(1, event, NOW) for event in stamped])
    lines = write(world)
    assert read(empty, lines).created == 3
    assert read(empty, lines).duplicates == 3
    assert [stored(line) for line in write(empty)] == [stored(line) for line in lines]
    assert settle(empty) == settle(world)
    row = next(row for row in empty.rows() if row["contact"])
    lead = state.load(row["state"])
    assert (lead.opt_in, lead.gpc, lead.profiled, lead.events) == (["contact", "profiling"], True, False, 2)


def test_plain_lines_are_stamped_as_their_source_asks(first_engine: Engine) -> None:
    """A file of a source that needs a yes is no way round it; a forged stamp of an export is refused."""
    world = original(first_engine)
    with writing(world.engine) as connection:
        sources.set_opt_in(connection, SOURCE, ["profiling"])
    plain = orjson.dumps({**builders.form_submitted(event_id="a"), "source": SOURCE})
    assert read(world, [plain]).created == 1
    assert [orjson.loads(line)["opt_in"] for line in write(world)] == [["profiling"]]
    forged = orjson.dumps({**orjson.loads(write(world)[0]), "event_id": "b", "opt_in": ["everything"]})
    assert read(world, [forged]).rejected == 1


def stored(line: bytes) -> dict[str, Any]:
    """Return a line without the name of its source."""
    return {name: value for name, value in orjson.loads(line).items() if name != "source"}


def test_merges_and_erasures_come_along(first_engine: Engine, second_engine: Engine) -> None:
    """Lead ids mean something in one log only, so a merge names its leads by what founded them; a tombstone stays one."""
    world, empty = original(first_engine), other(second_engine)
    people = [builders.make_event("form.submitted", event_id=f"f-{n}", traits={"email": f"p{n}@firm.example"}) for n in range(4)]
    world.append([Said(number, START + number * HOUR, {**body, "anonymous_id": None}) for number, body in enumerate(people)])
    one, two = (encode_lead_id(world.vault.log_id, founding) for founding in (1, 2))
    merge = {"type": "lead.merged", "event_id": "m-1", "properties": {"lead_id": one, "into": two}, "author": "anna"}
    admitted = wire.admit(merge, arrival=START + DAY, trusted=True, phone_region=None, new_event_id=str, own=True)
    log.append(world.engine, world.vault, [Arrival(1, admitted, START + DAY)])
    world.catch_up()
    erasing.erase(world.engine, world.vault, erasing.Request(4, 1, "dpo", START + 2 * DAY))
    lines = write(world)
    assert read(empty, lines).created == len(lines)
    assert settle(empty) == settle(world)
    assert [row["emptied"] for row in world.rows()] == [False, True, False, False]
    assert read(empty, lines).duplicates == len(lines)


def test_changed_content_under_a_known_id_is_quarantined(first_engine: Engine) -> None:
    """A line that was edited after the export is visible, and overwrites nothing."""
    world = original(first_engine)
    world.append([Said(1, NOW, builders.page_viewed("/pricing", event_id="e-1"))])
    before = write(world)
    counts = read(world, [before[0].replace(b"/pricing", b"/imprint")])
    assert (counts.created, counts.duplicates, counts.quarantined) == (0, 0, 1)
    assert write(world) == before


def test_a_lead_whose_founder_is_missing_is_refused(first_engine: Engine, second_engine: Engine) -> None:
    """Half an export cannot say who is meant, and says so instead of founding a ghost."""
    world, empty = original(first_engine), other(second_engine)
    world.append([Said(1, START, builders.page_viewed(event_id="e-1"))])
    world.catch_up()
    world.append([addressed(world, 1, 2)])
    counts = read(empty, write(world, after=1))
    assert (counts.created, counts.rejected) == (0, 1)


def test_a_known_lead_is_found_by_whoever_owns_its_founder(first_engine: Engine, second_engine: Engine) -> None:
    """In a log that knew the person before, what is said about the lead goes to the lead that the person has there."""
    world, known = original(first_engine), other(second_engine)
    world.append([Said(1, START, builders.form_submitted(event_id="e-1"))])
    world.catch_up()
    world.append([addressed(world, 1, 2)])
    known.append([Said(1, START, builders.lead_identified(event_id="old", anonymous_id=None))])
    assert read(known, write(world)).created == 2
    rows = settle(known)
    assert [(row["founding"], row["owner"]) for row in rows] == [(1, "boris")]


def test_erased_identifiers_keep_their_events_together(first_engine: Engine, second_engine: Engine) -> None:
    """Whose value is gone is known by a pseudonym, so the same events belong to the same lead."""
    world, empty = original(first_engine), other(second_engine)
    bodies = [builders.form_submitted(event_id=f"e-{n}", anonymous_id=f"w{n}", crm_ids={"hubspot": "c1"}) for n in range(3)]
    world.append([Said(n, START + n * MINUTE, body) for n, body in enumerate(bodies)])
    with writing(world.engine) as connection:
        connection.execute(delete(schema.refs).where(schema.refs.c.kind == int(IdentifierKind.EMAIL)))
    lines = write(world)
    assert all(b'"refs":[{"kind":"email"' in line for line in lines)
    read(empty, lines)
    assert settle(empty) == settle(world)


def test_imports_say_whether_they_are_to_be_told(first_engine: Engine) -> None:
    """The stored event says so, and the same line without it is the same event."""
    world = original(first_engine)
    line = orjson.dumps({**builders.page_viewed(), "source": SOURCE})
    assert read(world, [line], announce=True).created == 1
    assert read(world, [line], announce=False).duplicates == 1
    with reading(world.engine) as connection:
        body = orjson.loads(connection.execute(select(schema.events.c.body)).scalar_one())
    assert (body["announce"], body["known_at"]) == (True, builders.OCCURRED_AT)


def test_no_line_can_pass_for_a_lead(first_engine: Engine) -> None:
    """A pseudonym that addresses a lead, or none at all, is refused."""
    world = original(first_engine)
    line = {"type": "page.viewed", "event_id": "x", "at": "2026-01-05T09:00:00Z", "source": SOURCE}
    refs = [b"lead\0\0\0\0".hex() + "00" * 7 + "01", "00" * 16, "zz", "", 7]
    lines = [orjson.dumps({**line, "anonymous_ref": ref}) for ref in refs]
    assert read(world, lines).rejected == len(refs)


@pytest.mark.parametrize(("announce", "historic"), [(False, {True}), (True, {False})])
def test_changes_of_an_import_are_historic_unless_announced(first_engine: Engine, announce: bool, historic: set[bool]) -> None:
    """However old an event is, its import decides whether anybody is called about it."""
    world = original(first_engine)
    days = (0, 300)
    bodies = [
        {**builders.form_submitted(), "traits": {"email": f"a{day}@firm.example"}, "anonymous_id": f"w{day}", "source": SOURCE}
        for day in days
    ]
    lines = [
        orjson.dumps({**body, "occurred_at": format_instant(NOW - day * DAY)}) for body, day in zip(bodies, days, strict=True)
    ]
    read(world, lines, announce=announce)
    world.catch_up()
    with reading(world.engine) as connection:
        said = connection.execute(select(schema.changes.c.historic).where(schema.changes.c.kind == "lead.created")).scalars()
        assert set(said) == historic
