"""Arrays and keyed digests of our own making mean what the usual ones mean."""

from __future__ import annotations

import hmac
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import BigInteger, Boolean, Float, Integer, LargeBinary, SmallInteger, Text
from sqlalchemy.types import TypeEngine

from lead_events.store import arrays
from lead_events.store.vault import DataKey, Keyed
from tests import databases

COLUMNS: list[tuple[TypeEngine[Any], list[Any]]] = [
    (LargeBinary(), [b"", b'\0\xff"{}\\', None, b"x" * 300]),
    (Text(), ["", 'a"b\\c{,}', "пример 🐘", None, "NULL"]),
    (BigInteger(), [0, -(2**63), 2**63 - 1, None]),
    (Integer(), [0, -(2**31), 2**31 - 1, None]),
    (SmallInteger(), [0, -(2**15), 2**15 - 1, None]),
    (Float(), [0.0, -0.5, 1e308, 5e-324, None]),
    (Boolean(), [True, False, None]),
    (Text(), []),
]


@pytest.mark.usefixtures("_postgresql_server")
@pytest.mark.parametrize(("kind", "values"), COLUMNS, ids=[f"{type(kind).__name__} {len(values)}" for kind, values in COLUMNS])
def test_postgresql_reads_the_values_that_were_packed(kind: TypeEngine[Any], values: list[Any]) -> None:
    """Nulls, limits, and whatever has a meaning in the text form of arrays."""
    array = arrays.array_of(kind)
    url = databases.postgres_url().replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as connection:
        arrays.teach(connection)
        rows = connection.execute("SELECT each FROM unnest(%s) AS each", [arrays.pack(array, values)]).fetchall()
    assert [each for (each,) in rows] == values


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=300))
def test_digests_are_those_of_hmac(key: bytes, text: bytes) -> None:
    """RFC 2104, by the standard library."""
    expected = hmac.digest(key, text, "sha256")
    assert Keyed(key).digest(text) == expected
    assert DataKey(key).tag(text) == expected[:16]
