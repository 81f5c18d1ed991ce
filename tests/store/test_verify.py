"""``verify log`` finds one flipped bit, wherever it is, and nothing in a log that was left alone."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine, func, select, text, update
from sqlalchemy.exc import DBAPIError

from lead_events.domain.errors import LeadEventsError
from lead_events.domain.wire import admit
from lead_events.store import log, schema, verify
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival
from tests import databases
from tests.builders import form_submitted, make_event, page_viewed, spend_recorded

MASTER_KEY = bytes(range(32))
ARRIVAL = 1_795_262_400_000_000
COLUMNS = [
    (table, column.name)
    for table in (schema.head, schema.events, schema.event_ids, schema.sealed, schema.keys, schema.refs)
    for column in table.columns
    # The log's clock has no second record.
    if (table.name, column.name) not in {("head", "one"), ("head", "received_at")}
]


@pytest.fixture
def written(engine: Engine) -> Engine:
    """A log with some of everything."""
    return write(engine)


def write(engine: Engine) -> Engine:
    """Found a log and append a few events of every kind of sealing."""
    with writing(engine) as connection:
        log.found(connection, MASTER_KEY)
        vault = log.open_vault(connection, MASTER_KEY)
    wire = [
        page_viewed(event_id="a"),
        form_submitted(event_id="b", fields={"need": "a site"}),
        make_event("chat.message_sent", event_id="c", user_id="u-1"),
        make_event("custom.happened", event_id="d", traits={"phone": "+74951234567"}, colour="red"),
        spend_recorded(event_id="e"),
    ]
    events = [admit(event, arrival=ARRIVAL, trusted=True, phone_region=None, new_event_id=str) for event in wire]
    log.append(engine, vault, [Arrival(1, event, ARRIVAL) for event in events])
    return engine


def find(engine: Engine) -> list[str]:
    """Return what an operator reads: findings, or why the log cannot even be opened."""
    try:
        with reading(engine) as connection:
            vault = log.open_vault(connection, MASTER_KEY)
        return [str(finding) for finding in verify.verify_log(engine, vault)]
    except (LeadEventsError, LookupError, DBAPIError) as error:
        return [repr(error)]


def forget_triggers(connection: Connection) -> None:
    """Do what only somebody with the database's own rights can do."""
    if connection.dialect.name == "sqlite":
        for name in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
    else:
        connection.exec_driver_sql("DROP FUNCTION IF EXISTS refuse_change CASCADE")


def flip(value: Any, bit: int) -> Any:
    """Flip one bit of a stored value."""
    if isinstance(value, int):
        return value ^ (1 << bit % 15)
    stored = bytearray(value.encode() if isinstance(value, str) else value)
    stored[bit // 8 % len(stored)] ^= 1 << (bit % 8)
    return stored.decode() if isinstance(value, str) else bytes(stored)


def flip_somewhere(connection: Connection, table: Any, name: str, row: int, bit: int) -> bool:
    """Flip a bit of one column of one row through SQL; tell whether a stored value changed."""
    column = table.c[name]
    columns = list(table.primary_key.columns)
    rows = connection.execute(select(*columns, column.label("flipped")).order_by(*columns)).all()
    rows = [row for row in rows if row.flipped or row.flipped == 0]
    if not rows:
        return False
    *key, value = rows[row % len(rows)]
    try:
        flipped = flip(value, bit)
    except UnicodeDecodeError:
        return False
    if "\0" in str(flipped) and isinstance(flipped, str):
        return False
    where = [column == part for column, part in zip(columns, key, strict=True)]
    return bool(connection.execute(update(table).where(*where).values({name: flipped})).rowcount)


def test_an_untouched_log_has_no_findings(written: Engine) -> None:
    """Nothing is found where nothing is wrong, and progress reaches the end."""
    seen: list[tuple[int, int]] = []
    with reading(written) as connection:
        vault = log.open_vault(connection, MASTER_KEY)
    assert verify.verify_log(written, vault, lambda done, total: seen.append((done, total))) == []
    assert seen[-1] == (5, 5)


def test_an_empty_log_has_no_findings(engine: Engine) -> None:
    """A log that was only founded verifies."""
    with writing(engine) as connection:
        log.found(connection, MASTER_KEY)
    assert find(engine) == []


@pytest.mark.parametrize(("table", "column"), COLUMNS, ids=str)
def test_one_flipped_bit_in_any_column_is_found(written: Engine, table: Any, column: str) -> None:
    """Whichever column it is in, an operator hears of it, and putting it back makes it good again."""
    with writing(written) as connection:
        forget_triggers(connection)
    with written.connect() as connection:
        before = connection.execute(select(func.count()).select_from(table)).scalar_one()
    with writing(written) as connection:
        assert flip_somewhere(connection, table, column, 0, 3)
    assert before > 0
    assert find(written) != []


@pytest.mark.parametrize("table", ["events", "event_ids", "sealed", "keys", "refs"])
def test_one_missing_row_is_found(written: Engine, table: str) -> None:
    """A row that somebody removed is missed."""
    with writing(written) as connection:
        forget_triggers(connection)
        key = next(iter(schema.metadata.tables[table].primary_key.columns))
        last = connection.execute(select(key).order_by(key.desc()).limit(1)).scalar_one()
        connection.execute(schema.metadata.tables[table].delete().where(key == last))
    assert find(written) != []


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A closed SQLite log to copy."""
    url = databases.migrate(databases.fresh_sqlite_url(tmp_path_factory.mktemp("verify")))
    engine = write(databases.connect(url))
    engine.dispose()
    return url


@given(where=st.sampled_from(COLUMNS), row=st.integers(0, 99), bit=st.integers(0, 9_999))
def test_one_flipped_bit_in_any_row_is_found(
    template: str, tmp_path_factory: pytest.TempPathFactory, where: tuple[Any, str], row: int, bit: int
) -> None:
    """Random bits of random rows, on copies of one log."""
    engine = databases.connect(databases.copy_sqlite(template, tmp_path_factory.mktemp("flip")))
    try:
        with writing(engine) as connection:
            forget_triggers(connection)
        try:
            with writing(engine) as connection:
                changed = flip_somewhere(connection, *where, row, bit)
        except DBAPIError:
            changed = False
        assume(changed)
        assert find(engine) != []
    finally:
        engine.dispose()


def test_one_flipped_bit_in_the_file_never_passes_for_another_log(template: str, tmp_path: Path) -> None:
    """Bits flipped in the file itself either change nothing that is stored, or are found."""
    chance = random.Random(20261121)
    original = snapshot(template)
    changed = 0
    for _ in range(25):
        url = databases.copy_sqlite(template, tmp_path)
        path = Path(url.removeprefix("sqlite:///"))
        content = bytearray(path.read_bytes())
        content[chance.randrange(100, len(content))] ^= 1 << chance.randrange(8)
        path.write_bytes(content)
        if snapshot(url) != original:
            changed += 1
            assert found_in_file(url) != []
    assert changed > 0


def snapshot(url: str) -> object:
    """Return everything stored in the log's tables, or the error that reading it gives."""
    engine = databases.connect(url)
    try:
        with engine.connect() as connection:
            names = sorted({table.name for table, _ in COLUMNS})
            return [sorted(map(repr, connection.exec_driver_sql(f"SELECT * FROM {name}").all())) for name in names]
    except (DBAPIError, ValueError) as error:
        return repr(error)
    finally:
        engine.dispose()


def found_in_file(url: str) -> list[str]:
    """Return the findings of a database file."""
    engine = databases.connect(url)
    try:
        return find(engine)
    finally:
        engine.dispose()
