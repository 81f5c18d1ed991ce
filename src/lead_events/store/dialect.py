"""The only place where SQLite and PostgreSQL differ: bulk inserts and "is one of many".

PostgreSQL takes one array per column through ``unnest`` (about twice as fast as many VALUES), SQLite takes ``executemany``.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Float,
    LargeBinary,
    SmallInteger,
    Table,
    any_,
    func,
    literal,
    select,
)
from sqlalchemy.sql.type_api import TypeEngine

Row = tuple[Any, ...]


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
        return column == any_(literal(list(values), ARRAY(column.type)))
    if column.type.python_type is int:
        # One text of JSON instead of thousands of parameters: those took 5 to 9 % of a replay.
        listed = func.json_each(orjson.dumps(list(values)).decode()).table_valued("value")
        return column.in_(select(listed.c.value))
    return column.in_(list(values))


def read_after(connection: Connection, table: Table, after: int, limit: int) -> list[Any]:
    """Read up to ``limit`` rows whose first column, a key, is greater than ``after``, in its order, straight from the driver."""
    names, key = ", ".join(column.name for column in table.columns), next(iter(table.columns)).name
    mark = _MARKS[connection.dialect.name]
    statement = f"SELECT {names} FROM {table.name} WHERE {key} > {mark} ORDER BY {key} LIMIT {mark}"  # noqa: S608 - of the schema
    return list(connection.exec_driver_sql(statement, (after, limit)).all())


def read_among(connection: Connection, columns: Sequence[Column[Any]], values: Collection[Any], **also: Any) -> list[Any]:
    """Read columns of the rows whose first column is one of ``values``, and whose other columns equal ``also``.

    What the door asks for every batch goes straight to the driver: building and compiling a statement each time costs
    more than running it.
    """
    if not values:
        return []
    names = ", ".join(column.name for column in columns)
    first = columns[0]
    more = "".join(f" AND {name} = {_MARKS[connection.dialect.name]}" for name in also)
    if connection.dialect.name == "postgresql":
        among, given = f"{first.name} = ANY(%s::{_array_type(first.type)}[])", (list(values), *also.values())
    elif first.type.python_type is int:
        among, given = f"{first.name} IN (SELECT value FROM json_each(?))", (orjson.dumps(list(values)).decode(), *also.values())  # noqa: S608
    else:
        among, given = f"{first.name} IN ({', '.join('?' * len(values))})", (*values, *also.values())
    found = connection.exec_driver_sql(f"SELECT {names} FROM {first.table.name} WHERE {among}{more}", given)  # noqa: S608
    return list(found.all())


_MARKS = {"postgresql": "%s", "sqlite": "?"}


def lock_for_numbering(connection: Connection, table: Table) -> None:
    """Let nobody else insert into a table until this transaction ends, so that its next number is free.

    SQLite has one writer at a time anyhow.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(f'LOCK TABLE "{table.name}" IN SHARE ROW EXCLUSIVE MODE')


def _write(connection: Connection, table: Table, rows: Sequence[Row], conflict: str) -> None:
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        columns = tuple(map(list, zip(*rows, strict=True)))
        connection.exec_driver_sql(f"{_unnest(table)} {conflict}", columns)
    else:
        connection.exec_driver_sql(f"{_values(table)} {conflict}", list(rows))


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
    arrays = ", ".join(f"%s::{_array_type(column.type)}[]" for column in table.columns)
    return f'INSERT INTO "{table.name}" ({names}) SELECT * FROM unnest({arrays})'  # noqa: S608 - names come from the schema alone


def _array_type(kind: TypeEngine[Any]) -> str:
    match kind:
        case LargeBinary():
            return "bytea"
        case Boolean():
            return "boolean"
        case Float():
            return "float8"
        case SmallInteger():
            return "smallint"
        case BigInteger():
            return "bigint"
        case _ if kind.python_type is int:
            return "integer"
        case _:
            return "text"


def pairs(connection: Connection, name: str, rows: Sequence[tuple[bytes, int]]) -> tuple[str, Row]:
    """Return a FROM item called ``name`` with columns (ref, number) holding ``rows``, and its parameters."""
    if connection.dialect.name == "postgresql":
        refs, numbers = zip(*rows, strict=True)
        return f"unnest(%s::bytea[], %s::bigint[]) AS {name}(ref, number)", (list(refs), list(numbers))
    marks = ", ".join("(?, ?)" for _ in rows)
    item = f"(SELECT column1 AS ref, column2 AS number FROM (VALUES {marks})) AS {name}"  # noqa: S608 - marks and a name
    return item, tuple(value for row in rows for value in row)
