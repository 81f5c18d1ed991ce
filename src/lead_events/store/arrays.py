"""Columns of values as PostgreSQL's binary arrays: psycopg's own way writes every value as text, escaped by a pattern.

The format is that of ``array_recv``: number of dimensions, whether there may be nulls, the elements' type, their number,
the first index, and each element as its length and its bytes. Nothing here knows a table.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from struct import Struct
from typing import Any

from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import Boolean, Dialect, Float, Integer, LargeBinary, SmallInteger
from sqlalchemy.types import BigInteger, TypeEngine, UserDefinedType

_HEAD = Struct(">iiIii")
_LENGTH = Struct(">i")
_SIZED = {2: Struct(">ih"), 4: Struct(">ii"), 8: Struct(">iq")}
_DOUBLE = Struct(">id")
_NULL = _LENGTH.pack(-1)
_TRUE, _FALSE = b"\0\0\0\1\1", b"\0\0\0\1\0"


class _Array(bytes):
    """A finished array; which type it has is told by the class."""

    __slots__ = ()


class ByteaArray(_Array):
    """``bytea[]``."""


class BigintArray(_Array):
    """``bigint[]``."""


class IntegerArray(_Array):
    """``integer[]``."""


class SmallintArray(_Array):
    """``smallint[]``."""


class DoubleArray(_Array):
    """``float8[]``."""


class BooleanArray(_Array):
    """``boolean[]``."""


class TextArray(_Array):
    """``text[]``."""


_TYPES: dict[type[_Array], tuple[int, int, str]] = {
    ByteaArray: (1001, 17, "bytea"),
    BigintArray: (1016, 20, "bigint"),
    IntegerArray: (1007, 23, "integer"),
    SmallintArray: (1005, 21, "smallint"),
    DoubleArray: (1022, 701, "float8"),
    BooleanArray: (1000, 16, "boolean"),
    TextArray: (1009, 25, "text"),
}
"""The type of the array, the type of its elements (``pg_type``), and the name of the latter."""


def array_of(kind: TypeEngine[Any]) -> type[_Array]:
    """Return the array that holds values of a column's type."""
    match kind:
        case LargeBinary():
            return ByteaArray
        case Boolean():
            return BooleanArray
        case Float():
            return DoubleArray
        case SmallInteger():
            return SmallintArray
        case BigInteger():
            return BigintArray
        case Integer():
            return IntegerArray
        case _:
            return TextArray


def name_of(array: type[_Array]) -> str:
    """Return how PostgreSQL names the type of an array's elements."""
    return _TYPES[array][2]


def pack(array: type[_Array], values: Collection[Any]) -> _Array:
    """Write values as an array; ``None`` is null."""
    head = _HEAD.pack(1, 1, _TYPES[array][1], len(values), 1)
    return array(head + b"".join(_WRITERS[array](values)))


def _write_bytes(values: Collection[bytes | None]) -> list[bytes]:
    write = _LENGTH.pack
    return [_NULL if value is None else write(len(value)) + value for value in values]


def _write_texts(values: Collection[str | None]) -> list[bytes]:
    return _write_bytes([None if value is None else value.encode() for value in values])


def _write_doubles(values: Collection[float | None]) -> list[bytes]:
    write = _DOUBLE.pack
    return [_NULL if value is None else write(8, value) for value in values]


def _write_booleans(values: Collection[bool | None]) -> list[bytes]:
    return [_NULL if value is None else _TRUE if value else _FALSE for value in values]


def _write_integers(size: int) -> Callable[[Collection[int | None]], list[bytes]]:
    write = _SIZED[size].pack
    return lambda values: [_NULL if value is None else write(size, value) for value in values]


_WRITERS: dict[type[_Array], Callable[[Collection[Any]], list[bytes]]] = {
    ByteaArray: _write_bytes,
    BigintArray: _write_integers(8),
    IntegerArray: _write_integers(4),
    SmallintArray: _write_integers(2),
    DoubleArray: _write_doubles,
    BooleanArray: _write_booleans,
    TextArray: _write_texts,
}


class PackedType(UserDefinedType[Any]):
    """The type of a parameter that is a list of a column's values."""

    cache_ok = True

    def __init__(self, array: type[_Array]) -> None:
        self.array = array

    def get_col_spec(self, **_options: Any) -> str:
        """Name the type for SQLAlchemy."""
        return f"{name_of(self.array)}[]"

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any]:  # noqa: ARG002 - SQLAlchemy's signature
        """Write the list on its way to the driver."""
        return lambda values: pack(self.array, values)


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> bytes:
        return bytes(obj)


def teach(connection: Any) -> None:
    """Let a connection of psycopg send these arrays as they are."""
    for dumper in _DUMPERS:
        connection.adapters.register_dumper(*dumper)


_DUMPERS = [(array, type(array.__name__, (_Dumper,), {"oid": oid})) for array, (oid, _, _) in _TYPES.items()]
