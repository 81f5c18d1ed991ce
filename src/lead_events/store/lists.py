"""Lists documents: what people change about the shipped lists of mail providers; immutable, numbered, with author and note.

Number 1 are the shipped lists, and has no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, func, insert, select

from lead_events.domain.errors import NotFound
from lead_events.domain.lists import SHIPPED_NUMBER, Lists, compile_lists
from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import lock_for_numbering, may_number

_TABLE = schema.lists


@dataclass(frozen=True, slots=True)
class PublishedLists:
    """One published lists document; the shipped lists have been there always, so they have no ``published_at``."""

    number: int
    document: dict[str, Any]
    author: str
    note: str
    published_at: Instant | None


_SHIPPED = PublishedLists(SHIPPED_NUMBER, {}, "lead-events", "shipped", None)


def publish(connection: Connection, document: dict[str, Any], author: str, note: str, published_at: Instant) -> int:
    """Store a document under the next number and return it; a document that cannot be compiled is refused.

    Raises:
        InvalidLists: says where, and what would do.
    """
    compile_lists(document)
    lock_for_numbering(connection, _TABLE)
    number = load_newest(connection) + 1
    text = orjson.dumps(document).decode()
    row = {"number": number, "document": text, "author": author, "note": note, "published_at": published_at}
    connection.execute(insert(_TABLE), row)
    return number


def load_newest(connection: Connection) -> int:
    """Return the number of the lists that the next generation is folded with."""
    return connection.execute(select(func.max(_TABLE.c.number))).scalar() or SHIPPED_NUMBER


def load(connection: Connection, number: int) -> PublishedLists:
    """Return one published document.

    Raises:
        NotFound: no lists have this number.
    """
    if number == SHIPPED_NUMBER:
        return _SHIPPED
    row = connection.execute(select(_TABLE).where(_TABLE.c.number == number)).first() if may_number(number) else None
    if row is None:
        raise NotFound("lists document", number)
    return _published(row)


def load_all(connection: Connection) -> list[PublishedLists]:
    """Return the shipped lists and every published document, oldest first."""
    return [_SHIPPED, *(_published(row) for row in connection.execute(select(_TABLE).order_by(_TABLE.c.number)))]


def load_compiled(connection: Connection, number: int | None = None) -> Lists:
    """Return the lists of a number, the newest when None, ready to look into."""
    return compile_lists(load(connection, load_newest(connection) if number is None else number).document)


def _published(row: Row[Any]) -> PublishedLists:
    return PublishedLists(row.number, orjson.loads(row.document), row.author, row.note, row.published_at)
