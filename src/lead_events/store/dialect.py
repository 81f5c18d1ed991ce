"""The only place where SQLite and PostgreSQL differ: bulk inserts and "is one of many".

PostgreSQL takes one array per column through ``unnest`` (about twice as fast as many VALUES), SQLite takes ``executemany``.
Statements of every commit go straight to the driver: SQLAlchemy's part of each cost more than running it.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Column, ColumnElement, Connection, Table, any_, func, literal, select
from sqlalchemy.exc import DBAPIError, NoResultFound

from lead_events.store import arrays

Row = tuple[Any, ...]
MOST_NUMBER = 2**31 - 1
"""The largest number that an integer column of either database is given; SQLite's driver refuses some, PostgreSQL others."""

_MOST_MARKS = 8_192
_LACKING_STATES = ("42P01", "42703")
_LACKING_WORDS = ("no such table", "no such column")


def run(connection: Connection, statement: str, given: Sequence[Any] = ()) -> list[Row]:
    """Run one statement in the driver's words and return its rows.

    Raises:
        DBAPIError: as if SQLAlchemy had run it.
    """
    if not connection.in_transaction():
        connection.begin()  # as SQLAlchemy does before a first statement: what is read next belongs to the same moment
    # psycopg's own way reads every value from text, which for bytes costs more than all else.
    form = {"binary": True} if connection.dialect.name == "postgresql" else {}
    return _on_driver(connection, statement, lambda cursor: cursor.execute(statement, given, **form))


def ask(connection: Connection, statement: str, given: Sequence[Any] = ()) -> list[Row]:
    """Run one statement as ``run`` does, its values marked as ``?`` for either database."""
    return run(connection, statement.replace("?", _MARKS[connection.dialect.name]), given)


def ask_one(connection: Connection, statement: str, given: Sequence[Any] = ()) -> Row:
    """Run one statement as ``ask`` does and return its first row.

    Raises:
        NoResultFound: there is none.
    """
    rows = ask(connection, statement, given)
    if not rows:
        raise NoResultFound(statement)
    return rows[0]


def may_number(number: int) -> bool:
    """Say whether something can have this number: nothing else may be asked for, and nothing else was ever given."""
    return 0 < number <= MOST_NUMBER


def begin(connection: Connection, statement: str) -> None:
    """Begin a transaction in the driver's words."""
    _on_driver(connection, statement, lambda cursor: cursor.execute(statement))


def _on_driver(connection: Connection, statement: str, act: Callable[[Any], object]) -> list[Row]:
    dialect = connection.dialect
    cursor = connection.connection.cursor()
    try:
        for listen in connection.dispatch.before_cursor_execute:  # whoever watches statements sees these too
            listen(connection, cursor, statement, None, None, False)  # noqa: FBT003 - SQLAlchemy's signature
        act(cursor)
        return list(cursor.fetchall()) if _has_rows(cursor) else []
    except dialect.loaded_dbapi.Error as error:
        raise DBAPIError.instance(
            statement, None, error, dialect.loaded_dbapi.Error, hide_parameters=True, dialect=dialect
        ) from error
    finally:
        cursor.close()


def _has_rows(cursor: Any) -> bool:
    """Say whether a statement gives rows; psycopg's description of every column took a tenth of a small statement."""
    result = getattr(cursor, "pgresult", None)
    return bool(cursor.description if result is None else result.nfields)


def lacks_schema(error: Exception) -> bool:
    """Tell whether a statement failed because the database lacks a table or column that it names.

    PostgreSQL says it in SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html), SQLite in words alone.
    """
    if not isinstance(error, DBAPIError):
        return False
    return getattr(error.orig, "sqlstate", None) in _LACKING_STATES or str(error.orig).startswith(_LACKING_WORDS)


def insert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows whose values stand in the order of the table's columns."""
    _write(connection, table, rows, "")


def insert_new_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, leaving those whose primary key exists as they are."""
    _write(connection, table, rows, "ON CONFLICT DO NOTHING")


def upsert_rows(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, replacing those with the same primary key."""
    _write(connection, table, rows, _replace_clause(table))


def any_of(connection: Connection, column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that ``column`` is one of ``values``, as one parameter where the database has arrays."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(values, arrays.PackedType(arrays.array_of(column.type))))
    if column.type.python_type is int:
        # One text of JSON instead of thousands of parameters: those took 5 to 9 % of a replay.
        listed = func.json_each(orjson.dumps(list(values)).decode()).table_valued("value")
        return column.in_(select(listed.c.value))
    return column.in_(list(values))


def read_after(connection: Connection, table: Table, after: int, limit: int) -> list[Any]:
    """Read up to ``limit`` rows whose first column, a key, is greater than ``after``, in its order; columns have their names."""
    names = tuple(column.name for column in table.columns)
    key = names[0]
    statement = f"SELECT {', '.join(names)} FROM {table.name} WHERE {key} > ? ORDER BY {key} LIMIT ?"  # noqa: S608 - of the schema
    return _named(names, ask(connection, statement, (after, limit)))


def read_next(connection: Connection, columns: Sequence[Column[Any]], after: int, limit: int) -> list[Row]:
    """Read columns of up to ``limit`` rows whose first column, a key, is greater than ``after``, in its order."""
    names, key, table = ", ".join(column.name for column in columns), columns[0].name, columns[0].table.name
    statement = f"SELECT {names} FROM {table} WHERE {key} > ? ORDER BY {key} LIMIT ?"  # noqa: S608 - of the schema
    return ask(connection, statement, (after, limit))


def read_among(
    connection: Connection,
    columns: Sequence[Column[Any]],
    values: Collection[Any],
    *,
    by: Column[Any] | None = None,
    upto: int | None = None,
    **also: Any,
) -> list[Row]:
    """Read columns of the rows whose first column is one of ``values``, and whose other columns equal ``also``.

    What the door asks for every batch goes straight to the driver: building and compiling a statement each time costs
    more than running it.

    Args:
        by: the column that is one of ``values``, if not the first.
        upto: the last ``position`` that counts, if not all do.
    """
    return run(connection, *_among(connection, columns, values, also, by, upto)) if values else []


def read_rows_among(connection: Connection, columns: Sequence[Column[Any]], values: Collection[Any], **also: Any) -> list[Any]:
    """Do what ``read_among`` does, and let the columns of the rows have their names."""
    return _named(tuple(column.name for column in columns), read_among(connection, columns, values, **also))


def _named(names: tuple[str, ...], rows: Iterable[Row]) -> list[Any]:
    return list(map(_row_type(names)._make, rows))


@lru_cache
def _row_type(names: tuple[str, ...]) -> Any:
    return namedtuple("Named", names)  # noqa: PYI024 - the names are those of columns


def _among(
    connection: Connection,
    columns: Sequence[Column[Any]],
    values: Collection[Any],
    also: Mapping[str, Any],
    by: Column[Any] | None = None,
    upto: int | None = None,
) -> tuple[str, Row]:
    first, table = columns[0] if by is None else by, columns[0].table.name
    mark = _MARKS[connection.dialect.name]
    if connection.dialect.name == "postgresql":
        given: Row = (arrays.pack(arrays.array_of(first.type), values),)
        among = f"{first.name} = ANY(%s)"
    elif first.type.python_type is int:
        given, among = (orjson.dumps(list(values)).decode(),), f"{first.name} IN (SELECT value FROM json_each(?))"  # noqa: S608
    else:
        given = _padded(tuple(values))
        among = f"{first.name} IN ({', '.join('?' * len(given))})"
    more = "".join(f" AND {name} = {mark}" for name in also)
    if upto is not None:
        more, given = f" AND position <= {mark}{more}", (*given, upto)
    names = ", ".join(f'"{column.name}"' for column in columns)
    return f"SELECT {names} FROM {table} WHERE {among}{more}", (*given, *also.values())  # noqa: S608 - names of the schema


_MARKS = {"postgresql": "%s", "sqlite": "?"}


def _padded(values: Row) -> Row:
    """Repeat the last value until there are a power of two, so that the driver knows the statement by its text."""
    count = len(values)
    return values if count >= _MOST_MARKS else values + values[-1:] * ((1 << (count - 1).bit_length()) - count)


def lock_for_numbering(connection: Connection, table: Table) -> None:
    """Let nobody else insert into a table until this transaction ends, so that its next number is free.

    SQLite has one writer at a time anyhow.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f'LOCK TABLE "{table.name}" IN SHARE ROW EXCLUSIVE MODE')


def insert_tables(connection: Connection, rows: Mapping[Table, Sequence[Row]], last: str, given: Row) -> None:
    """Insert rows into several tables as ``insert_rows`` does into one, and run one more statement.

    PostgreSQL gets it all as one statement, because each would be a way to the server and back.

    Args:
        last: the statement, its values marked as ``?``; it must not read what is inserted here.
        given: its values.
    """
    some = {table: given for table, given in rows.items() if given}
    if connection.dialect.name == "postgresql":
        columns = [column for table, given in some.items() for column in _pack_columns(table, given)]
        run(connection, f"{_insert_all(tuple(some))} {last.replace('?', '%s')}", [*columns, *given])
        return
    for table, table_rows in some.items():
        _write(connection, table, table_rows, "")
    run(connection, last, given)


def _write(connection: Connection, table: Table, rows: Sequence[Row], conflict: str) -> None:
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        run(connection, f"{_unnest(table)} {conflict}", _pack_columns(table, rows))
    else:
        statement = f"{_values(table)} {conflict}"
        _on_driver(connection, statement, lambda cursor: cursor.executemany(statement, rows))


def _pack_columns(table: Table, rows: Sequence[Row]) -> list[bytes]:
    return [arrays.pack(array, values) for array, values in zip(_arrays(table), zip(*rows, strict=True), strict=True)]


@lru_cache
def _arrays(table: Table) -> tuple[Any, ...]:
    return tuple(arrays.array_of(column.type) for column in table.columns)


@lru_cache
def _replace_clause(table: Table) -> str:
    key = ", ".join(column.name for column in table.primary_key)
    rest = ", ".join(f"{column.name} = excluded.{column.name}" for column in table.columns if not column.primary_key)
    return f"ON CONFLICT ({key}) DO UPDATE SET {rest}"


@lru_cache
def _values(table: Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join("?" for _ in table.columns)
    return f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - names come from the schema alone


@lru_cache
def _unnest(table: Table) -> str:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    given = ", ".join(f"%s::{arrays.name_of(array)}[]" for array in _arrays(table))
    return f'INSERT INTO "{table.name}" ({names}) SELECT * FROM unnest({given})'  # noqa: S608 - names come from the schema alone


@lru_cache
def _insert_all(tables: tuple[Table, ...]) -> str:
    """Return the head of a statement that inserts into all of them."""
    named = ", ".join(f"i{number} AS ({insert})" for number, insert in enumerate(map(_unnest, tables)))
    return f"WITH {named}" if named else ""


def pairs(connection: Connection, name: str, rows: Sequence[tuple[bytes, int]]) -> tuple[str, Row]:
    """Return a FROM item called ``name`` with columns (ref, number) holding ``rows``, and its parameters."""
    if connection.dialect.name == "postgresql":
        refs, numbers = zip(*rows, strict=True)
        packed = arrays.pack(arrays.ByteaArray, refs), arrays.pack(arrays.BigintArray, numbers)
        return f"unnest(%s::bytea[], %s::bigint[]) AS {name}(ref, number)", packed
    marks = ", ".join("(?, ?)" for _ in rows)
    item = f"(SELECT column1 AS ref, column2 AS number FROM (VALUES {marks})) AS {name}"  # noqa: S608 - marks and a name
    return item, tuple(value for row in rows for value in row)
