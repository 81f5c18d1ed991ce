"""Model documents: immutable, numbered, with author and note."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, func, insert, select

from lead_events.domain.errors import NotFound
from lead_events.domain.model import Model, compile_model
from lead_events.domain.times import Instant
from lead_events.store import lists, schema
from lead_events.store.dialect import lock_for_numbering, may_number

_TABLE = schema.models


@dataclass(frozen=True, slots=True)
class PublishedModel:
    """One published model document."""

    number: int
    document: dict[str, Any]
    author: str
    note: str
    created_at: Instant


def publish(connection: Connection, document: dict[str, Any], author: str, note: str, created_at: Instant) -> int:
    """Store a document under the next number and return it; a document that cannot be compiled is refused.

    Raises:
        InvalidModel: says where, and what would do.
    """
    compile_model(document)
    lock_for_numbering(connection, _TABLE)
    number = (connection.execute(select(func.max(_TABLE.c.number))).scalar() or 0) + 1
    text = orjson.dumps(document).decode()
    row = {"number": number, "document": text, "author": author, "note": note, "created_at": created_at}
    connection.execute(insert(_TABLE), row)
    return number


def load(connection: Connection, number: int) -> PublishedModel:
    """Return one published model.

    Raises:
        NotFound: no model has this number.
    """
    row = connection.execute(select(_TABLE).where(_TABLE.c.number == number)).first() if may_number(number) else None
    if row is None:
        raise NotFound("model", number)
    return PublishedModel(row.number, orjson.loads(row.document), row.author, row.note, row.created_at)


def load_all(connection: Connection) -> list[PublishedModel]:
    """Return every published model, oldest first."""
    rows = connection.execute(select(_TABLE).order_by(_TABLE.c.number))
    return [PublishedModel(row.number, orjson.loads(row.document), row.author, row.note, row.created_at) for row in rows]


def load_compiled(connection: Connection, number: int, list_revision: int) -> Model:
    """Return one published model, ready to fold by with the lists of a number."""
    return compile_model(load(connection, number).document, lists.load_compiled(connection, list_revision))
