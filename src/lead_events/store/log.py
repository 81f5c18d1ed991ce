"""The ordered, append-only store of events: found, append, read, verify. Only ``append`` adds to it.

One head row gives gapless positions in commit order. Everything slow is done before its lock is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, Row, Table, insert, select, update

from lead_events import clock
from lead_events.domain.erasing import ERASED
from lead_events.domain.times import Instant
from lead_events.store import erased, quarantine, schema
from lead_events.store import vault as vaults
from lead_events.store.dialect import ask_one, insert_tables, read_after, read_among, run
from lead_events.store.engine import writing
from lead_events.store.envelope import Arrival, Envelope, Packing, pack_batch, rename, settle
from lead_events.store.vault import LOG_REF, Vault

GENESIS = bytes(32)
"""The chain before the first event."""


class Kept(StrEnum):
    """What became of an event that reached the log."""

    CREATED = "created"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    ERASED = "erased"


class Outcome(NamedTuple):
    """What became of one event.

    Attributes:
        kept: created, duplicate, quarantined, or erased: of somebody whose data was erased after it happened, stored nowhere.
        position: its own position, or that of the event that had the id first; for an erased one, the end of the log.
    """

    kept: Kept
    position: int


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log.

    Attributes:
        position: of the last event; 0 when the log is empty.
        received_at: no later event is received at or before this instant.
        chain: running digest.
        erasures: how many there were.
    """

    log_id: bytes
    position: int
    received_at: Instant
    chain: bytes
    erasures: int = 0


def found(connection: Connection, master_key: bytes) -> None:
    """Create the empty log with its own key, unless it exists."""
    if connection.execute(select(schema.head.c.one)).first() is not None:
        return
    first = {"one": 1, "log_id": clock.random_bytes(16), "position": 0, "received_at": 0, "chain": GENESIS}
    connection.execute(insert(schema.head), first)
    connection.execute(insert(schema.identity_head), {"one": 1, "position": 0})
    connection.execute(insert(schema.changes_head), {"one": 1, "seq": 0})
    connection.execute(insert(schema.keys), {"ref": LOG_REF, "wrapped_key": vaults.first_log_key(master_key)})


def open_vault(connection: Connection, master_key: bytes, find_masters: Callable[[], Sequence[bytes]] | None = None) -> Vault:
    """Return the vault of this log.

    Args:
        master_key: 32 bytes.
        find_masters: looks up every master key that is to be had at that moment, for the time of a rotation and after it.

    Raises:
        WrongMasterKey: the log was founded with another master key.
    """
    wrapped = vaults.load_keys(connection, [LOG_REF])[LOG_REF]
    return Vault(master_key, read_head(connection).log_id, wrapped, find_masters)


def read_head(connection: Connection) -> Head:
    """Return the end of the log as this transaction sees it."""
    return Head(*ask_one(connection, "SELECT log_id, position, received_at, chain, erasures FROM head"))


def append(engine: Engine, vault: Vault, arrivals: Sequence[Arrival]) -> list[Outcome]:
    """Append a batch in one transaction; when this returns, every created event is on disk.

    Returns:
        One outcome per event, in the order given.
    """
    envelopes, packing = pack_batch(vault, arrivals)
    with writing(engine) as connection:
        return append_packed(connection, packing, envelopes)


def tick(engine: Engine, now: Instant) -> None:
    """Raise the log's clock to ``now``: no event can be received at or before it any more. Writes no event."""
    table = schema.head
    with writing(engine) as connection:
        connection.execute(update(table).where(table.c.received_at < now).values(received_at=now))


def tick_from(connection: Connection, head: Head, now: Instant) -> bool:
    """Raise the log's clock to ``now`` inside the caller's transaction, unless the log went on from ``head`` meanwhile.

    Returns:
        Whether it was raised.
    """
    table = schema.head
    here = table.c.position == head.position, table.c.received_at == head.received_at
    return connection.execute(update(table).where(*here).values(received_at=now)).rowcount == 1


def append_packed(connection: Connection, packing: Packing, envelopes: Sequence[Envelope]) -> list[Outcome]:
    """Append packed events under the head's lock, inside the caller's writing transaction."""
    page = _Page(lock_head(connection))
    packing.vault.notice(page.head.erasures)
    renamed = rename(connection, packing, envelopes) if page.head.erasures else envelopes
    settled = settle(connection, packing, renamed)
    gone = _find_erased(connection, settled) if page.head.erasures else ()
    known = _known_ids(connection, settled)
    outcomes = [
        Outcome(Kept.ERASED, page.head.position) if number in gone else page.place(connection, envelope, known)
        for number, envelope in enumerate(settled)
    ]
    page.insert(connection, packing)
    quarantine.keep(connection, packing.vault, page.conflicts)
    return outcomes


def _find_erased(connection: Connection, envelopes: Sequence[Envelope]) -> set[int]:
    """Return the numbers of the events that somebody erased since then is the subject of, or named in."""
    named = [set() if e.arrival.event.type == ERASED else {*e.blinds, e.subject} for e in envelopes]
    stretches = erased.load_stretches(connection, set().union(*named))
    at = [envelope.arrival.event.at for envelope in envelopes]
    return {number for number, names in enumerate(named) if erased.is_erased(stretches, names, at[number])}


def lock_head(connection: Connection) -> Head:
    """Return the end of the log, and let nobody append until this transaction ends."""
    statement = "UPDATE head SET position = position RETURNING log_id, position, received_at, chain, erasures"
    return Head(*run(connection, statement)[0])


def _known_ids(connection: Connection, envelopes: Sequence[Envelope]) -> dict[tuple[int, str], tuple[int, bytes]]:
    table = schema.event_ids
    by_source: dict[int, set[str]] = {}
    for envelope in envelopes:
        by_source.setdefault(envelope.arrival.source_id, set()).add(envelope.arrival.event.event_id)
    known = {}
    for source_id, ids in by_source.items():
        columns = (table.c.event_id, table.c.position, table.c.tag)
        rows = read_among(connection, columns, ids, source_id=source_id)
        known.update({(source_id, event_id): (position, tag) for event_id, position, tag in rows})
    return known


class _Page:
    """Rows of one append while their positions are given out."""

    def __init__(self, head: Head) -> None:
        self.head = head
        self.position = head.position
        self.received_at = head.received_at
        self.chain = head.chain
        self.events: list[tuple[Any, ...]] = []
        self.ids: list[tuple[Any, ...]] = []
        self.sealed: list[tuple[Any, ...]] = []
        self.conflicts: list[tuple[Envelope, int]] = []
        self.needed: set[bytes] = set()

    def place(self, connection: Connection, envelope: Envelope, known: dict[tuple[int, str], tuple[int, bytes]]) -> Outcome:
        """Give an event its position, or find that its id is taken."""
        name = (envelope.arrival.source_id, envelope.arrival.event.event_id)
        original = known.get(name)
        if original is not None:
            return self._repeat(connection, envelope, *original)
        self._take(envelope)
        known[name] = (self.position, envelope.tag)
        return Outcome(Kept.CREATED, self.position)

    def insert(self, connection: Connection, packing: Packing) -> None:
        """Write the rows and the new end of the log."""
        if not self.needed:
            return
        rows = _create(packing, self.needed)
        rows |= {schema.events: self.events, schema.event_ids: self.ids, schema.sealed: self.sealed}
        end = self.position, self.received_at, self.chain
        insert_tables(connection, rows, "UPDATE head SET position = ?, received_at = ?, chain = ?", end)

    def _take(self, envelope: Envelope) -> None:
        arrival, event = envelope.arrival, envelope.arrival.event
        self.position += 1
        self.received_at = max(arrival.arrived_at, self.received_at + 1)
        self.chain = link(self.chain, self.position, self.received_at, envelope.row_hash)
        self.events.append((
            self.position, envelope.subject, event.at, self.received_at, arrival.source_id, event.event_id,
            event.type, event.version, envelope.refs, envelope.body, envelope.sealed_digest, envelope.row_hash,
        ))  # fmt: skip
        self.ids.append((arrival.source_id, event.event_id, self.position, envelope.tag))
        if envelope.sealed is not None:
            self.sealed.append((self.position, envelope.key_ref, envelope.nonce, envelope.sealed))
        self.needed.update(envelope.blinds)
        self.needed.add(envelope.key_ref)

    def _repeat(self, connection: Connection, envelope: Envelope, position: int, tag: bytes) -> Outcome:
        if tag == envelope.tag or not self._key_exists(connection, position):
            return Outcome(Kept.DUPLICATE, position)
        self.needed.update(envelope.blinds)
        self.needed.add(envelope.key_ref)
        self.conflicts.append((envelope, position))
        return Outcome(Kept.QUARANTINED, position)

    def _key_exists(self, connection: Connection, position: int) -> bool:
        """Say whether the key that tagged an event still exists; without it nothing can be compared."""
        subject = next((row[1] for row in self.events if row[0] == position), None)
        if subject is not None:
            return True
        table = schema.events
        found_subject = connection.execute(select(table.c.subject).where(table.c.position == position)).scalar_one()
        return bool(vaults.load_keys(connection, [found_subject]))


def link(chain: bytes, position: int, received_at: Instant, row_hash: bytes) -> bytes:
    """Return the chain after one more event: SHA-256(chain ‖ position ‖ received_at ‖ row_hash)."""
    return hashlib.sha256(chain + position.to_bytes(8, "big") + received_at.to_bytes(8, "big") + row_hash).digest()


def _create(packing: Packing, needed: set[bytes]) -> dict[Table, list[tuple[Any, ...]]]:
    """Return the rows of the refs and keys that kept events need; a duplicate creates nothing."""
    refs = {blind: row for blind, row in packing.new.refs.items() if blind in needed}
    owned = {row[0] for row in refs.values()}
    keys = {ref: wrapped for ref, wrapped in packing.new.keys.items() if ref in owned or ref in needed}
    # If this transaction is rolled back, the next one that uses them notices under the lock.
    packing.vault.remember({blind: row[0] for blind, row in refs.items()}, keys)
    return {schema.refs: [(blind, *row) for blind, row in refs.items()], schema.keys: list(keys.items())}


def read(connection: Connection, after: int, limit: int) -> Sequence[Row[Any]]:
    """Return up to ``limit`` event rows after a position, in order."""
    return read_after(connection, schema.events, after, limit)


def read_chains(connection: Connection, positions: Collection[int]) -> dict[int, bytes]:
    """Return the chain after each of some positions, computed from the stored rows in one walk along the log.

    A position behind the end of the log has the chain of the end.
    """
    table, chain, after = schema.events, GENESIS, 0
    columns = table.c.position, table.c.received_at, table.c.row_hash
    found = {}
    for upto in sorted(set(positions)):
        while after < upto:
            where = table.c.position > after, table.c.position <= upto
            rows = connection.execute(select(*columns).where(*where).order_by(table.c.position).limit(10_000)).all()
            for position, received_at, row_hash in rows:
                chain = link(chain, position, received_at, row_hash)
            after = rows[-1].position if rows else upto
        found[upto] = chain
    return found
