"""Erases a person: pseudonyms, keys and sealed parts go, the log's structure stays, and nothing of theirs comes back.

One transaction under the log's lock. Read models follow by folding ``lead.erased``, which leaves an empty lead.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, delete, select, update

from lead_events import clock
from lead_events.domain import wire
from lead_events.domain.errors import Unavailable
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.times import Instant
from lead_events.store import erased, erasure_ledger, erasure_receipts, identity, log, quarantine, schema
from lead_events.store.dialect import any_of
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival, pack_batch
from lead_events.store.erased import Rename
from lead_events.store.erasure_ledger import Ledger
from lead_events.store.erasure_scope import AlreadyErased, Scope, count, measure
from lead_events.store.generations import Status
from lead_events.store.vault import Vault

_PAGE = 2_000


class Undecided(Unavailable):
    """Events arrived faster than they could be told apart; try again."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who is to be erased, by whose decision.

    Attributes:
        founding: any lead of the person; all that are merged with it go too.
        source_id: of the key that asked.
        author: who decided it.
        asked_at: microseconds UTC by this server's clock.
        reason: a code such as ``asked``; anything else is sealed.
    """

    founding: int
    source_id: int
    author: str
    asked_at: Instant
    reason: str | None = None


def preview(engine: Engine, founding: int) -> dict[str, Any]:
    """Count what an erasure would destroy, and destroy nothing.

    Raises:
        AlreadyErased: there is nothing left to erase.
    """
    with reading(engine) as connection:
        head = log.read_head(connection)
    identity.extend(engine, head.position, _PAGE)
    with reading(engine) as connection:
        scope = measure(connection, founding, head.position, head.received_at + 1)
        return count(connection, scope)


def erase(engine: Engine, vault: Vault, request: Request, ledger: Ledger | None = None) -> dict[str, Any]:
    """Erase a person; when this returns, what is left is on its way out of the read models and nowhere else.

    Args:
        ledger: the file outside the database that survives a restore, if there is one; it is written first.

    Returns:
        The signed receipt.

    Raises:
        AlreadyErased: there is nothing left to erase.
        Undecided: the log grew faster than identity could follow.
    """
    return _erase_under_lock(engine, vault, request, ledger, clock.new_event_id(), None)


def reapply(engine: Engine, vault: Vault, ledger: Ledger) -> int:
    """Erase again what a restored database has forgotten to have erased; call it before the service opens.

    Returns:
        How many erasures were missing.
    """
    missing = _missing(engine, ledger.read(vault.log_id))
    for entry in missing:
        with writing(engine) as connection:
            erased.remember(connection, entry.stretches, {})
            head = log.read_head(connection)
        for founding in entry.foundings:
            if founding <= head.position:
                _erase_again(engine, vault, entry, founding)
        with writing(engine) as connection:
            _count_erasure(connection)
            erasure_receipts.keep(connection, entry.erasure_id, [0], 0, entry.erased_at, "{}")
    return len(missing)


def _missing(engine: Engine, entries: Sequence[erasure_ledger.Entry]) -> list[erasure_ledger.Entry]:
    table = schema.erasures
    with reading(engine) as connection:
        done = set(connection.execute(select(table.c.erasure_id).distinct()).scalars())
    return [entry for entry in entries if entry.erasure_id not in done]


def _erase_again(engine: Engine, vault: Vault, entry: erasure_ledger.Entry, founding: int) -> None:
    request = Request(founding, entry.source_id, entry.author, clock.now(), "restored")
    try:
        _erase_under_lock(engine, vault, request, None, f"{entry.erasure_id}:{founding}", entry.erased_at)
    except AlreadyErased:  # by an earlier entry, or as a member of the same person
        return


def _erase_under_lock(
    engine: Engine, vault: Vault, request: Request, ledger: Ledger | None, erasure_id: str, until: Instant | None
) -> dict[str, Any]:
    for _ in range(20):
        with reading(engine) as connection:
            end = log.read_head(connection).position
        identity.extend(engine, end, _PAGE)
        with writing(engine) as connection:
            head = log.lock_head(connection)
            if identity.read_checkpoint(connection) != head.position:
                continue  # something was appended in between; the lock is given back
            erased_at = max(request.asked_at, head.received_at + 1)
            scope = measure(connection, request.founding, head.position, erased_at if until is None else until)
            if ledger is not None:
                ledger.write(_enter(vault, request, scope, erasure_id, erased_at))
            return _erase(connection, vault, request, scope, erasure_id, erased_at)
    raise Undecided


def _erase(
    connection: Connection, vault: Vault, request: Request, scope: Scope, erasure_id: str, erased_at: Instant
) -> dict[str, Any]:
    counts = count(connection, scope)
    _destroy(connection, vault, scope)
    _count_erasure(connection)
    position = _say(connection, vault, request, scope, erased_at)
    erased.remember(connection, scope.stretches, _rename(connection, scope))
    receipt = erasure_receipts.sign(vault, scope.foundings, erasure_id, erased_at, position, counts)
    erasure_receipts.keep(connection, erasure_id, scope.foundings, position, erased_at, orjson.dumps(receipt).decode())
    return receipt


def _rename(connection: Connection, scope: Scope) -> dict[bytes, Rename]:
    """Give the browsers that the person still owned a new ref, by the ref they had first."""
    names = erased.load_names(connection, scope.moved_on)
    return {names.get(ref, ref): Rename(scope.end, clock.random_bytes(len(ref))) for ref in sorted(scope.moved_on)}


def _destroy(connection: Connection, vault: Vault, scope: Scope) -> None:
    subjects = scope.subjects
    quarantine.discard_within(connection, vault, scope.browsers - scope.private, scope.stretches)
    gone = (
        (schema.quarantine.c.key_ref, subjects),
        (schema.sealed.c.position, scope.positions),
        (schema.refs.c.ref, set(scope.refs)),
        (schema.keys.c.ref, subjects),
        (schema.parked.c.founding, scope.foundings),
    )
    for column, values in gone:
        connection.execute(delete(column.table).where(any_of(connection, column, values)))
    _drop_rows(connection, scope.foundings)


def _drop_rows(connection: Connection, foundings: Collection[int]) -> None:
    """Delete the rows of generations that are never stepped again and wait to be dropped."""
    table, kept = schema.leads, schema.generations
    over = select(kept.c.generation_id).where(kept.c.status.in_([Status.FAILED, Status.RETIRED]), kept.c.built_at.is_(None))
    connection.execute(delete(table).where(any_of(connection, table.c.founding, foundings), table.c.generation_id.in_(over)))


def _count_erasure(connection: Connection) -> None:
    table = schema.head
    connection.execute(update(table).values(erasures=table.c.erasures + 1))


def _say(connection: Connection, vault: Vault, request: Request, scope: Scope, now: Instant) -> int:
    """Append ``lead.erased`` for the person, and for every lead merged into them, so that an unmerge brings nothing back."""
    arrivals = []
    for founding in sorted(scope.foundings, key=lambda each: each == scope.survivor):
        body: dict[str, Any] = {
            "type": "lead.erased",
            "lead_id": encode_lead_id(vault.log_id, founding),
            "author": request.author,
            "properties": {"events": len(scope.positions), "contact": scope.contact, "reason": request.reason},
        }
        admitted = wire.admit(body, arrival=now, trusted=True, phone_region=None, new_event_id=clock.new_event_id, own=True)
        arrivals.append(Arrival(request.source_id, admitted, now))
    envelopes, packing = pack_batch(vault, arrivals)
    return log.append_packed(connection, packing, envelopes)[-1].position


def _enter(vault: Vault, request: Request, scope: Scope, erasure_id: str, erased_at: Instant) -> erasure_ledger.Entry:
    return erasure_ledger.Entry(
        log_id=vault.log_id,
        erasure_id=erasure_id,
        erased_at=erased_at,
        source_id=request.source_id,
        author=request.author,
        foundings=tuple(sorted(scope.foundings)),
        stretches=tuple(scope.stretches),
    )
