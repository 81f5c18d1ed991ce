"""API keys: made once, shown once, kept as a hash; a ring that finds them fast and forgets them within seconds.

What a key may do on which route is decided in ``api/auth``; here it only has a kind, scopes and origins.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select, update

from lead_events import clock
from lead_events.domain.errors import InvalidInput, NotFound
from lead_events.domain.times import Instant
from lead_events.store import schema, sources
from lead_events.store.engine import reading


class KeyKind(StrEnum):
    """A write key is public (it stands in every page) and may only track; a secret key stays on servers."""

    WRITE = "write"
    SECRET = "secret"  # noqa: S105 - a kind, not a secret


class Scope(StrEnum):
    """What a key may do; ``admin`` includes all the others."""

    TRACK = "track"
    EVENTS_READ = "events:read"
    LEADS_READ = "leads:read"
    LEADS_WRITE = "leads:write"
    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    REPLAY = "replay"
    REPORTS_READ = "reports:read"
    SETTINGS_WRITE = "settings:write"
    PERSONAL_READ = "personal:read"
    AUDIT_READ = "audit:read"
    ERASE = "erase"
    ADMIN = "admin"


DEFAULT_SCOPES = {
    KeyKind.WRITE: frozenset({Scope.TRACK}),
    KeyKind.SECRET: frozenset(Scope) - {Scope.PERSONAL_READ, Scope.AUDIT_READ, Scope.ERASE, Scope.ADMIN},
}
"""Scopes of a key for which none were named: what shows a person whole, or cannot be undone, must be asked for."""

LIFE_SECONDS = 5.0
"""Longest time for which a revoked key may still be found."""

_PREFIXES = {KeyKind.WRITE: "wk", KeyKind.SECRET: "sk"}
_KEY = re.compile(r"(?:wk|sk)_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9.-]+(?::\d{1,5})?|[a-z][a-z0-9+.-]*://\[[0-9a-f:]+\](?::\d{1,5})?")
_ID = slice(3, 11)
_NO_HASH = bytes(32)
_REMEMBERED = 10_000
_TABLE = schema.api_keys


@dataclass(frozen=True, slots=True)
class Key:
    """One API key, without its secret.

    Attributes:
        key_id: 8 hex digits; may be shown and logged.
        source_id: the source whose events it sends.
        origins: browser origins that may use it, such as ``https://shop.example``; empty: any.
        created_at: microseconds UTC.
        revoked_at: microseconds UTC, or None while it is good.
        opt_in: purposes that its source needs a yes for, where the key was found by its text.
    """

    key_id: str
    kind: KeyKind
    source_id: int
    scopes: frozenset[Scope]
    origins: tuple[str, ...]
    created_at: Instant
    revoked_at: Instant | None = None
    opt_in: tuple[str, ...] = ()

    @property
    def is_secret(self) -> bool:
        """Say whether what it sends may be trusted."""
        return self.kind is KeyKind.SECRET

    def allows(self, scope: Scope) -> bool:
        """Say whether the key has a scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


_Entry = tuple[float, Key | None, bytes]
"""Until when it is remembered, in seconds; the key, if there is one; the hash of its text."""


def create(
    connection: Connection,
    kind: KeyKind,
    source: str,
    scopes: Collection[str] = (),
    origins: Sequence[str] = (),
) -> tuple[Key, str]:
    """Make a key for a source, creating the source if it is new; needs a writing transaction.

    Args:
        source: the source's name.
        scopes: what it may do; empty means ``DEFAULT_SCOPES``.
        origins: browser origins that may use a write key; empty means any.

    Returns:
        The key, and its text: it is not stored and cannot be shown again.

    Raises:
        InvalidInput: a scope or an origin does not fit.
    """
    named = _check_scopes(kind, scopes)
    allowed = _check_origins(kind, origins)
    owner = sources.create(connection, source)
    key_id = _free_id(connection)
    key = Key(key_id, kind, owner.source_id, named, allowed, clock.now())
    secret = base64.urlsafe_b64encode(clock.random_bytes(32)).rstrip(b"=").decode()
    text = f"{_PREFIXES[kind]}_{key_id}_{secret}"
    connection.execute(insert(_TABLE), _row(key, text))
    return key, text


def read(connection: Connection) -> list[Key]:
    """Return all keys, revoked ones too, oldest first."""
    rows = connection.execute(select(_TABLE).order_by(_TABLE.c.created_at, _TABLE.c.key_id))
    return [_key(row) for row in rows]


def revoke(connection: Connection, key_id: str) -> Key:
    """Make a key useless from now on, in every process within ``LIFE_SECONDS``; needs a writing transaction.

    Raises:
        NotFound: there is no such key.
    """
    good = (_TABLE.c.key_id == key_id) & _TABLE.c.revoked_at.is_(None)
    connection.execute(update(_TABLE).where(good).values(revoked_at=clock.now()))
    row = connection.execute(select(_TABLE).where(_TABLE.c.key_id == key_id)).first()
    if row is None:
        raise NotFound("key", key_id)
    return _key(row)


class KeyRing:
    """Finds keys by their text and remembers each for a few seconds.

    Several threads may use one; the worst of a race is one more look into the database.
    """

    def __init__(self, engine: Engine, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start with no key remembered.

        Args:
            monotonic: seconds by a clock that never goes back.
        """
        self._engine = engine
        self._monotonic = monotonic
        self._known: dict[str, _Entry] = {}

    def recall(self, text: str) -> Key | None:
        """Return what ``find`` would, without the database.

        Raises:
            LookupError: only the database knows.
        """
        key_id = _id_in(text)
        if key_id is None:
            return None
        entry = self._known.get(key_id)
        if entry is None or self._monotonic() >= entry[0]:
            raise LookupError
        return _match(text, entry)

    def find(self, text: str) -> Key | None:
        """Return the good key with this text, or None: unknown, wrong and revoked keys look the same.

        The secret is compared in constant time; the key id, which is public, is looked up.
        """
        try:
            return self.recall(text)
        except LookupError:
            return _match(text, self._load(text[_ID]))

    def _load(self, key_id: str) -> _Entry:
        until = self._monotonic() + LIFE_SECONDS
        with reading(self._engine) as connection:
            row = connection.execute(select(_TABLE).where(_TABLE.c.key_id == key_id)).first()
            opt_in = () if row is None else sources.read_opt_in(connection, row.source_id)
        entry: _Entry = (until, None, _NO_HASH) if row is None else (until, _key(row, opt_in), row.secret_hash)
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[key_id] = entry
        return entry


def _match(text: str, entry: _Entry) -> Key | None:
    _, key, secret_hash = entry
    same = hmac.compare_digest(_hash(text), secret_hash)
    return key if same and key is not None and key.revoked_at is None else None


def _id_in(text: str) -> str | None:
    match = _KEY.fullmatch(text)
    return match[1] if match else None


def _hash(text: str) -> bytes:
    """Return what is stored of a key: with 256 random bits in it, a plain digest cannot be guessed back."""
    return hashlib.sha256(text.encode()).digest()


def _free_id(connection: Connection) -> str:
    while True:
        key_id = clock.random_bytes(4).hex()
        if connection.execute(select(_TABLE.c.key_id).where(_TABLE.c.key_id == key_id)).first() is None:
            return key_id


def _check_scopes(kind: KeyKind, scopes: Collection[str]) -> frozenset[Scope]:
    if not scopes:
        return DEFAULT_SCOPES[kind]
    unknown = sorted(set(scopes) - set(Scope))
    if unknown:
        raise InvalidInput(f"There is no scope {unknown[0]}; the scopes are {', '.join(Scope)}.")
    named = frozenset(map(Scope, scopes))
    if kind is KeyKind.WRITE and named != DEFAULT_SCOPES[kind]:
        raise InvalidInput("A write key is public: its only scope is track.")
    return named


def _check_origins(kind: KeyKind, origins: Sequence[str]) -> tuple[str, ...]:
    if origins and kind is KeyKind.SECRET:
        raise InvalidInput("A secret key is not for browsers: it has no origins.")
    allowed = tuple(origin.strip().lower().rstrip("/") for origin in origins)
    for origin in allowed:
        if not _ORIGIN.fullmatch(origin):
            raise InvalidInput("Write an origin as scheme and host, such as https://shop.example.")
    return allowed


def _row(key: Key, text: str) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "kind": key.kind.value,
        "source_id": key.source_id,
        "scopes": " ".join(sorted(key.scopes)),
        "origins": " ".join(key.origins),
        "secret_hash": _hash(text),
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    }


def _key(row: Row[Any], opt_in: tuple[str, ...] = ()) -> Key:
    scopes = frozenset(map(Scope, row.scopes.split()))
    origins = tuple(row.origins.split())
    return Key(row.key_id, KeyKind(row.kind), row.source_id, scopes, origins, row.created_at, row.revoked_at, opt_in)
