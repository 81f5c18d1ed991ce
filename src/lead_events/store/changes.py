"""The second log: append-only, gapless ``seq``, written with the step that caused it, never rebuilt."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, select, update

from lead_events.domain.changes import Change
from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import any_of, insert_rows

_TABLE = schema.changes


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that is about to be said.

    Attributes:
        historic: its cause happened long before it was received, so nobody is to be called about it.
        replayed: the models before and after, when a promotion caused it.
    """

    change: Change
    historic: bool
    replayed: tuple[int, int] | None = None


def append(connection: Connection, drafts: Sequence[Draft], generation_id: int, said_at: Instant) -> None:
    """Give changes their ``seq`` and write them, inside the transaction of the step that caused them."""
    if not drafts:
        return
    head = schema.changes_head
    taken = update(head).values(seq=head.c.seq + len(drafts)).returning(head.c.seq)
    last = connection.execute(taken).scalar_one()
    first = last - len(drafts) + 1
    insert_rows(connection, _TABLE, [_columns(first + n, draft, generation_id, said_at) for n, draft in enumerate(drafts)])


def read_head(connection: Connection) -> int:
    """Return the ``seq`` of the last change; 0 when nothing was said."""
    return int(connection.execute(select(schema.changes_head.c.seq)).scalar_one())


def read(
    connection: Connection, after: int, limit: int, kinds: Collection[str] = (), stages: Collection[str] = ()
) -> Sequence[Row[Any]]:
    """Return up to ``limit`` changes after a ``seq``, in order.

    Args:
        kinds: only these kinds, when any is given.
        stages: only changes into these stages, when any is given.
    """
    statement = select(_TABLE).where(_TABLE.c.seq > after).order_by(_TABLE.c.seq).limit(limit)
    if kinds:
        statement = statement.where(any_of(connection, _TABLE.c.kind, kinds))
    if stages:
        statement = statement.where(any_of(connection, _TABLE.c.stage, stages))
    return connection.execute(statement).all()


def _columns(seq: int, draft: Draft, generation_id: int, said_at: Instant) -> tuple[Any, ...]:
    change = draft.change
    cause: dict[str, Any] = {"time": change.at} if change.position is None else {"event": change.position}
    if draft.replayed:
        cause["replayed"] = {"from_model": draft.replayed[0], "to_model": draft.replayed[1]}
    return (
        seq,
        change.founding,
        change.kind.value,
        change.new["stage"] if change.new else None,
        _text(change.old),
        _text(change.new),
        _text(change.detail),
        _text(cause),
        change.at,
        said_at,
        draft.historic,
        generation_id,
    )


def _text(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()
