"""Checks the log against its own hashes: every row, the chain, the ids, the sealed parts, the keys and the pseudonyms.

Reads page by page in short transactions, up to the end of the log at the start, so a service may run meanwhile.
Nothing is repaired here. ``head.received_at`` is a clock without a second record; only its bounds can be checked.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import ColumnElement, Connection, Engine, Row, Select, and_, func, select
from sqlalchemy.exc import DBAPIError

from lead_events.domain.erasing import ERASED
from lead_events.domain.errors import LeadEventsError
from lead_events.domain.events import IdentifierKind
from lead_events.domain.times import Instant
from lead_events.store import erasure_scope, log, schema
from lead_events.store import vault as vaults
from lead_events.store.dialect import any_of
from lead_events.store.engine import reading
from lead_events.store.envelope import hash_row, sort_refs
from lead_events.store.vault import Vault

PAGE_ROWS = 1_000
MOST_FINDINGS = 1_000

Progress = Callable[[int, int], None]
"""Told (rows since the last call, rows in all) after every page."""

_UNREADABLE = (InvalidTag, ValueError, TypeError, AttributeError, struct.error, OverflowError)
_events, _ids, _sealed = schema.events.c, schema.event_ids.c, schema.sealed.c
_keys, _refs = schema.keys.c, schema.refs.c


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written.

    Attributes:
        table: where it stands.
        place: which row, or where in the log.
        problem: what is wrong with it.
    """

    table: str
    place: str
    problem: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{self.table} {self.place}: {self.problem}"


@dataclass(slots=True)
class _Scan:
    """What is carried from page to page."""

    vault: Vault
    upto: int
    position: int = 0
    received_at: Instant = 0
    chain: bytes = log.GENESIS
    findings: list[Finding] = field(default_factory=list)
    erasures: int = 0

    def note(self, table: str, place: object, problem: str) -> None:
        """Remember a finding, unless there are too many to read."""
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(Finding(table, str(place), problem))


def verify_log(engine: Engine, vault: Vault, progress: Progress | None = None) -> list[Finding]:
    """Check everything that the log consists of.

    Args:
        engine: the database; nothing is written to it.
        vault: of this log.
        progress: told how far it is.

    Returns:
        What was found, in the order of the log; empty when every stored bit is as it was written.
    """
    with reading(engine) as connection:
        head = log.read_head(connection)
    scan = _Scan(vault, head.position, erasures=head.erasures)
    for check in (_check_database, _check_events, _check_head, _check_strays, _check_keys, _check_refs):
        try:
            check(engine, scan, progress)
        except DBAPIError as error:
            scan.note("database", check.__name__.removeprefix("_check_"), f"cannot be read: {error.orig}")
    return scan.findings


def _check_database(engine: Engine, scan: _Scan, _progress: Progress | None) -> None:
    """Let SQLite compare its pages and indexes; PostgreSQL has checksums of its own."""
    if engine.dialect.name != "sqlite":
        return
    with reading(engine) as connection:
        for line in connection.exec_driver_sql("PRAGMA integrity_check(20)").scalars():
            if line != "ok":
                scan.note("database", "file", line)


def _check_events(engine: Engine, scan: _Scan, progress: Progress | None) -> None:
    after = 0
    while after < scan.upto:
        before = after
        page, after = _read_page(engine, scan, before)
        strong = {ref for row in page for ref in _strong(row)}
        with reading(engine) as connection:
            keys = vaults.load_keys(connection, {row.subject for row in page})
            refs = set(connection.execute(select(_refs.ref).where(any_of(connection, _refs.ref, strong))).scalars())
            covered = erasure_scope.load_covered(connection, page if scan.erasures else (), scan.upto)
        for row in page:
            _check_order(scan, row)
            _check_row(scan, row)
            if row.position in covered.theirs:
                _check_erased(scan, row, keys)
            elif row.position not in covered.excused or row.sealed is not None:
                _check_sealed(scan, row, keys)
            if row.position not in covered.naming:
                _check_names(scan, row, refs)
        if progress is not None:
            progress(min(after, scan.upto) - before, scan.upto)
    if scan.position < scan.upto:
        scan.note("events", f"position {scan.position + 1}", f"events up to {scan.upto} are missing")


def _read_page(engine: Engine, scan: _Scan, after: int) -> tuple[Sequence[Row[Any]], int]:
    """Return the rows of a page and where it ends; a row that cannot be read is found and left out."""
    try:
        with reading(engine) as connection:
            rows = connection.execute(_page(_events.position > after, scan.upto)).all()
    except DBAPIError:
        return _read_singly(engine, scan, after), after + PAGE_ROWS
    return rows, rows[-1].position if rows else scan.upto


def _read_singly(engine: Engine, scan: _Scan, after: int) -> list[Row[Any]]:
    rows: list[Row[Any]] = []
    for position in range(after + 1, min(after + PAGE_ROWS, scan.upto) + 1):
        try:
            with reading(engine) as connection:
                rows += connection.execute(_page(_events.position == position, scan.upto)).all()
        except DBAPIError as error:
            scan.note("events", f"position {position}", f"cannot be read: {error.orig}")
    return rows


def _page(where: ColumnElement[bool], upto: int) -> Select[Any]:
    same_id = and_(_ids.source_id == _events.source_id, _ids.event_id == _events.event_id)
    return (
        select(
            schema.events,
            _ids.position.label("id_position"),
            _ids.tag,
            _sealed.key_ref,
            _sealed.nonce,
            _sealed["bytes"].label("sealed"),
        )
        .outerjoin(schema.event_ids, same_id)
        .outerjoin(schema.sealed, _sealed.position == _events.position)
        .where(where, _events.position <= upto)
        .order_by(_events.position)
        .limit(PAGE_ROWS)
    )


def _check_order(scan: _Scan, row: Row[Any]) -> None:
    """Check the row's place, and carry the chain on."""
    place = f"position {row.position}"
    if row.position != scan.position + 1:
        scan.note("events", place, f"follows position {scan.position}; positions have no gaps")
    if row.received_at <= scan.received_at:
        scan.note("events", place, "received_at is not after that of the event before")
    if row.id_position != row.position:
        scan.note("event_ids", place, "the event's id is missing or names another position")
    scan.position, scan.received_at = row.position, row.received_at
    try:
        scan.chain = log.link(scan.chain, row.position, row.received_at, row.row_hash)
    except _UNREADABLE:
        scan.note("events", place, "cannot be part of the chain")


def _check_row(scan: _Scan, row: Row[Any]) -> None:
    try:
        columns = row.subject, row.at, row.source_id, row.event_id, row.type, row.version, row.refs
        intact = hash_row(*columns, row.body.encode(), row.sealed_digest, row.tag) == row.row_hash
    except _UNREADABLE:
        intact = False
    if not intact:
        scan.note("events", f"position {row.position}", "the row does not have its hash")


def _check_sealed(scan: _Scan, row: Row[Any], known: dict[bytes, bytes]) -> None:
    place = f"position {row.position}"
    if row.subject not in known:
        scan.note("keys", place, "the key of the event's subject is missing")
    if row.sealed is None:
        if row.sealed_digest is not None:
            scan.note("sealed", place, "the sealed part is missing")
        return
    if row.key_ref != row.subject or not _is_digest(row):
        scan.note("sealed", place, "the sealed part does not have its digest")
    elif row.subject in known and not _opens(scan.vault, row, known[row.subject]):
        scan.note("sealed", place, "the sealed part cannot be opened")


def _check_names(scan: _Scan, row: Row[Any], refs: Collection[bytes]) -> None:
    if any(ref not in refs for ref in _strong(row)):
        scan.note("refs", f"position {row.position}", "a pseudonym that the event names is missing")


def _strong(row: Row[Any]) -> list[bytes]:
    """Return the refs of an event that stand for an identifier in the vault."""
    return [ref for _, ref in sort_refs(row.refs).vaulted]


def _check_erased(scan: _Scan, row: Row[Any], known: dict[bytes, bytes]) -> None:
    """Find what an erasure should have destroyed; the rest of the row, and its place in the chain, stand as ever."""
    if row.sealed is not None:
        scan.note("sealed", f"position {row.position}", "was erased, yet a sealed part is here")
    if row.subject in known and row.type != ERASED and row.refs[0] != IdentifierKind.ANONYMOUS:
        scan.note("keys", f"position {row.position}", "was erased, yet its key is here")


def _is_digest(row: Row[Any]) -> bool:
    try:
        return bool(hashlib.sha256(row.nonce + row.sealed).digest() == row.sealed_digest)
    except _UNREADABLE:
        return False


def _opens(vault: Vault, row: Row[Any], wrapped: bytes) -> bool:
    about = vaults.sealing_context(vault.log_id, row.source_id, row.event_id, row.key_ref)
    try:
        vault.data_key(row.key_ref, wrapped).open(row.nonce, row.sealed, about)
    except _UNREADABLE:
        return False
    return True


def _check_head(engine: Engine, scan: _Scan, _progress: Progress | None) -> None:
    with reading(engine) as connection:
        head = log.read_head(connection)
        ends_here = head.position == scan.upto
        erasures = connection.execute(select(func.count(func.distinct(schema.erasures.c.erasure_id)))).scalar_one()
        later = connection.execute(select(func.count()).where(_events.position > head.position)).scalar_one()
    if ends_here and head.chain != scan.chain:
        scan.note("head", f"position {head.position}", "the chain over all events is another one")
    if head.erasures != erasures:
        scan.note("head", f"position {head.position}", f"counts {head.erasures} erasures, and {erasures} have a receipt")
    if head.position < scan.position or head.received_at < scan.received_at or later:
        scan.note("head", f"position {head.position}", "the log goes on after its end")


def _check_strays(engine: Engine, scan: _Scan, _progress: Progress | None) -> None:
    """Find ids and sealed parts that belong to no event."""
    with reading(engine) as connection:
        head = log.read_head(connection).position
        for table, column in (("event_ids", _ids.position), ("sealed", _sealed.position)):
            for position in _strays(connection, column, head):
                scan.note(table, f"position {position}", "belongs to no event")


def _strays(connection: Connection, column: Any, head: int) -> Collection[int]:
    """Return up to 20 positions that a table names and the log lacks."""
    statement = (
        select(column)
        .outerjoin(schema.events, _events.position == column)
        .where(_events.position.is_(None) | (column > head))
        .limit(20)
    )
    return list(connection.execute(statement).scalars())


def _check_keys(engine: Engine, scan: _Scan, _progress: Progress | None) -> None:
    for row in _stream(engine, select(schema.keys), _keys.ref):
        try:
            scan.vault.data_key(row.ref, row.wrapped_key)
        except _UNREADABLE:
            scan.note("keys", row.ref.hex(), "the key cannot be unwrapped")


def _check_refs(engine: Engine, scan: _Scan, _progress: Progress | None) -> None:
    statement = select(schema.refs, _keys.wrapped_key).outerjoin(schema.keys, _keys.ref == _refs.ref)
    for row in _stream(engine, statement, _refs.blind):
        try:
            identifier = scan.vault.open_value(row.ref, row.kind, row.wrapped_key, row.sealed_value)
            intact = scan.vault.blind(identifier) == row.blind
        except (*_UNREADABLE, LeadEventsError):
            intact = False
        if not intact:
            scan.note("refs", row.ref.hex(), "the pseudonym does not stand for its identifier")


def _stream(engine: Engine, statement: Select[Any], key: Any) -> Iterator[Row[Any]]:
    """Return all rows in the order of a bytes key, a page in memory at a time."""
    after = b""
    while True:
        with reading(engine) as connection:
            rows = connection.execute(statement.where(key > after).order_by(key).limit(PAGE_ROWS)).all()
        yield from rows
        if len(rows) < PAGE_ROWS:
            return
        after = getattr(rows[-1], key.name)
