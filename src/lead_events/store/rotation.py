"""Another master key: every wrapped data key is wrapped anew; the log, the sealed parts and the data keys stay as they are.

The key of the log goes first. Whoever appends sees it under the log's lock and wraps new keys by the new master key from
then on, so one walk over the table misses none. Where master keys are kept is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Engine, bindparam, func, select, update

from lead_events.store import log, schema
from lead_events.store.engine import reading, writing
from lead_events.store.vault import LOG_REF, NONCE_BYTES, UnknownMasterKey, Vault

BATCH = 500
"""Keys per transaction: appends wait about as long as for one batch of their own."""

_TABLE = schema.keys


@dataclass(slots=True)
class Rotation:
    """How far a rotation is.

    Attributes:
        rewrapped: keys wrapped anew by this run.
        already: keys that a run before had wrapped, or that came since.
        unopened: refs of keys that no known master key opens; while there is one, no master key may be thrown away.
    """

    rewrapped: int = 0
    already: int = 0
    unopened: list[bytes] = field(default_factory=list)

    @property
    def seen(self) -> int:
        """Count the keys looked at."""
        return self.rewrapped + self.already + len(self.unopened)


def rotate(
    engine: Engine,
    vault: Vault,
    new_master: bytes,
    *,
    batch: int = BATCH,
    report: Callable[[int, int], None] = lambda _done, _total: None,
) -> Rotation:
    """Wrap every data key by another master key; run again after a crash, it goes on where it was.

    Both master keys must be where every running process finds them before this begins.

    Args:
        vault: knows the old master key.
        new_master: 32 bytes.
        batch: keys per transaction.
        report: told (keys since the last call, keys in all) after every transaction.

    Raises:
        UnknownMasterKey: the log stands under a third master key that cannot be found here.
    """
    done, total = Rotation(), _count(engine)
    with writing(engine) as connection:
        log.lock_head(connection)
        row = connection.execute(select(_TABLE).where(_TABLE.c.ref == LOG_REF)).one()
        _rewrap(connection, vault, new_master, [row], done)
        if done.unopened:
            raise UnknownMasterKey
    report(done.seen, total)
    after: bytes | None = LOG_REF  # all zeros: the first ref of all
    while after is not None:
        before = done.seen
        after = _rewrap_page(engine, vault, new_master, after, batch, done)
        report(done.seen - before, total)
    return done


def _count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.execute(select(func.count()).select_from(_TABLE)).scalar_one())


def _rewrap_page(engine: Engine, vault: Vault, new_master: bytes, after: bytes, limit: int, done: Rotation) -> bytes | None:
    """Wrap the next keys anew; return the last one's ref, or None at the end."""
    with writing(engine) as connection:
        log.lock_head(connection)  # erasures take the same lock, so that neither waits for the other crosswise
        rows = connection.execute(select(_TABLE).where(_TABLE.c.ref > after).order_by(_TABLE.c.ref).limit(limit)).all()
        _rewrap(connection, vault, new_master, rows, done)
    return rows[-1].ref if len(rows) == limit else None


def _rewrap(connection: Connection, vault: Vault, new_master: bytes, rows: Sequence[Any], done: Rotation) -> None:
    cipher, changed = AESGCM(new_master), []
    for row in rows:
        if _opens(cipher, row.ref, row.wrapped_key):
            done.already += 1
            continue
        try:
            changed.append({"of": row.ref, "anew": vault.rewrapped(row.ref, row.wrapped_key, new_master)})
        except InvalidTag:
            done.unopened.append(row.ref)
    if changed:
        statement = update(_TABLE).where(_TABLE.c.ref == bindparam("of")).values(wrapped_key=bindparam("anew"))
        connection.execute(statement, changed)
        done.rewrapped += len(changed)


def _opens(cipher: AESGCM, ref: bytes, wrapped: bytes) -> bool:
    try:
        cipher.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], ref)
    except InvalidTag:
        return False
    return True
