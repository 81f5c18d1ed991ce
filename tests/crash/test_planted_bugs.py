"""Every checker of this folder finds the bug that it exists for, planted by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Connection, delete, insert, select, text, update

from lead_events.store import log, schema
from lead_events.store.engine import writing
from lead_events.store.verify import verify_log
from tests.crash.rounds import Campaign, campaign

EVENTS = 60


@pytest.fixture
def begun(sqlite_copy: str, tmp_path: Path) -> Iterator[Campaign]:
    """A small campaign in which all is well; the checkers ask both databases the same."""
    with campaign(sqlite_copy, tmp_path) as one:
        one.append(EVENTS)
        assert one.findings() == []
        allow_everything(one)
        yield one


def allow_everything(begun: Campaign) -> None:
    """Drop the triggers that make the log append-only."""
    with writing(begun.engine) as connection:
        for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            connection.execute(text(f"DROP TRIGGER {name}"))


def lose_the_last_commit(connection: Connection) -> None:
    """Do what a disk does that lied about a sync: the last batch was never there, and nothing else shows it."""
    events = schema.events
    last = connection.execute(select(events).where(events.c.position == EVENTS - 5)).one()
    chain = log.read_chains(connection, [last.position])[last.position]
    for table in (schema.events, schema.event_ids, schema.sealed):
        connection.execute(delete(table).where(table.c.position > last.position))
    end = {"position": last.position, "received_at": last.received_at, "chain": chain}
    connection.execute(update(schema.head).values(end))


def invent_an_event(connection: Connection) -> None:
    """Store what nobody sent."""
    events = schema.events
    connection.execute(update(events).where(events.c.position == 7).values(event_id="invented"))


def keep_an_event_twice(connection: Connection) -> None:
    """Store an event again at the end."""
    row = connection.execute(select(schema.events).where(schema.events.c.position == 7)).mappings().one()
    connection.execute(insert(schema.events), {**row, "position": EVENTS + 1})


def leave_a_gap(connection: Connection) -> None:
    """Lose an event in the middle."""
    connection.execute(delete(schema.events).where(schema.events.c.position == 7))


def swap_two_events(connection: Connection) -> None:
    """Keep two events at each other's positions."""
    events = schema.events
    for old, new in ((7, 10_000), (8, 7), (10_000, 8)):
        connection.execute(update(events).where(events.c.position == old).values(position=new))


def plant_a_lead(connection: Connection) -> None:
    """Add a row that no event explains."""
    row = dict(connection.execute(select(schema.leads).limit(1)).mappings().one())
    planted = orjson.loads(row["state"]) | {"founding": 10_000}
    connection.execute(insert(schema.leads), row | {"founding": 10_000, "state": orjson.dumps(planted).decode()})


def lose_a_lead(connection: Connection) -> None:
    """Forget a row that the log explains."""
    connection.execute(delete(schema.leads).where(schema.leads.c.founding == 1))


def skip_an_event(connection: Connection) -> None:
    """Take points away that an event gave."""
    leads = schema.leads
    for founding, state in connection.execute(select(leads.c.founding, leads.c.state)).all():
        content = orjson.loads(state)
        if any(value for value, _ in content["scores"]):
            content["scores"] = [[value / 2, since] for value, since in content["scores"]]
            changed = orjson.dumps(content).decode()
            connection.execute(update(leads).where(leads.c.founding == founding).values(state=changed))
            return


def leave_a_change_out(connection: Connection) -> None:
    """Lose a change in the middle of the feed."""
    connection.execute(delete(schema.changes).where(schema.changes.c.seq == 3))


def say_something_twice(connection: Connection) -> None:
    """Say the last change again under the next number."""
    changes = schema.changes
    last = connection.execute(select(changes).order_by(changes.c.seq.desc()).limit(1)).mappings().one()
    connection.execute(insert(changes), {**last, "seq": last["seq"] + 1})
    connection.execute(update(schema.changes_head).values(seq=last["seq"] + 1))


def break_a_chain(connection: Connection) -> None:
    """Let a lead's last change begin where none ended."""
    changes = schema.changes
    said = connection.execute(select(changes.c.seq).where(changes.c.kind == "lead.score_changed").order_by(changes.c.seq.desc()))
    wrong = orjson.dumps({"stage": "customer", "temperature": "hot", "qualified": []}).decode()
    connection.execute(update(changes).where(changes.c.seq == said.scalars().first()).values(old=wrong))


@pytest.mark.parametrize(
    ("plant", "words"),
    [
        (lose_the_last_commit, "acknowledged and not stored"),
        (invent_an_event, "stored and never sent: invented"),
        (keep_an_event_twice, "stored 2 times"),
        (leave_a_gap, "positions have gaps"),
        (swap_two_events, "stored at 8"),
        (plant_a_lead, "nothing in the log explains this row"),
        (lose_a_lead, "the log has this lead, the read model has not"),
        (skip_an_event, "gives another scores"),
        (leave_a_change_out, "seq has gaps"),
        (say_something_twice, "said 2 times"),
        (break_a_chain, "and the last ended at"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_is_found(begun: Campaign, plant: Callable[[Connection], Any], words: str) -> None:
    """What is wrong is named."""
    with writing(begun.engine) as connection:
        plant(connection)
    assert any(words in finding for finding in begun.findings())


def test_a_lost_commit_is_seen_by_nothing_but_the_ledger(begun: Campaign) -> None:
    """The log alone cannot know what it lost, which is why clients write down what they were promised."""
    with writing(begun.engine) as connection:
        lose_the_last_commit(connection)
    assert verify_log(begun.engine, begun.vault) == []
