"""Pseudonyms and sealing: the log holds refs, the vault holds what they stand for, under keys that erasure destroys.

One data key per ref, wrapped by the master key (AES-256-GCM, NIST SP 800-38D). Refs of strong identifiers are random and
found by a keyed blind index; refs of anonymous ids, which are random already, are a keyed hash.
"""

from __future__ import annotations

import hmac
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection

from lead_events import clock
from lead_events.domain.errors import Misconfigured, Unavailable
from lead_events.domain.events import REF_BYTES, Identifier, IdentifierKind
from lead_events.store import schema
from lead_events.store.dialect import read_among
from lead_events.store.erased import Rename

LOG_REF = bytes(REF_BYTES)
"""Names the key of the log itself: it blinds identifiers and seals events about no lead."""

NONCE_BYTES = 12
_CACHED_KEYS = 100_000
_OPENED_KEYS = 20_000
"""An opened key takes 2.7 KB, nearly all of it the cipher's, and opening it again a few microseconds."""

_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


class WrongMasterKey(Misconfigured):
    """The master key is not the one this database was sealed with; restore the right key file."""


class UnknownMasterKey(Unavailable):
    """The master key was rotated and this process does not know the new one; its operator must give it both keys."""


class Keyed:
    """HMAC-SHA-256 (RFC 2104) under one key, begun once: a third of what ``hmac.digest`` costs for a short text."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        self._inner, self._outer = map(sha256, _pads(key))

    def digest(self, text: bytes) -> bytes:
        """Return the digest of a text."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()


def _pads(key: bytes) -> tuple[bytes, bytes]:
    """Return what goes before the text and before its digest, for keys of at most 64 bytes."""
    filled = key.ljust(64, b"\0")
    return filled.translate(_INNER), filled.translate(_OUTER)


class DataKey:
    """One data key: seals, opens and tags."""

    __slots__ = ("_cipher", "_padded", "_secret")

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._padded: tuple[bytes, bytes] | None = None  # a replay opens with many keys and tags with none
        self._cipher = AESGCM(secret)

    def seal(self, nonce: bytes, plain: bytes, about: bytes) -> bytes:
        """Encrypt ``plain``, bound to ``about``."""
        return self._cipher.encrypt(nonce, plain, about)

    def open(self, nonce: bytes, sealed: bytes, about: bytes) -> bytes:
        """Decrypt what ``seal`` made with the same nonce and ``about``."""
        return self._cipher.decrypt(nonce, sealed, about)

    def tag(self, said: bytes) -> bytes:
        """Return 16 bytes that are equal for equal content and mean nothing without this key."""
        if self._padded is None:
            self._padded = _pads(self._secret)
        inner, outer = self._padded
        return sha256(outer + sha256(inner + said).digest()).digest()[:16]


@dataclass(slots=True)
class Newcomers:
    """Refs and keys that do not exist yet, to be stored with the events that need them.

    Attributes:
        refs: blind index → (ref, kind, sealed value).
        keys: ref → wrapped key.
    """

    refs: dict[bytes, tuple[bytes, int, bytes]] = field(default_factory=dict)
    keys: dict[bytes, bytes] = field(default_factory=dict)


class Vault:
    """Opens and seals with the keys of one log; knows no SQL transaction of its own."""

    def __init__(
        self,
        master_key: bytes,
        log_id: bytes,
        wrapped_log_key: bytes,
        find_masters: Callable[[], Sequence[bytes]] | None = None,
    ) -> None:
        """Unwrap the key of the log.

        Args:
            master_key: 32 bytes.
            log_id: 16 bytes.
            wrapped_log_key: the row of ``keys`` for ``LOG_REF``.
            find_masters: looks up every master key that is to be had now; asked when a key does not open, which after a
                rotation it does with a newer one.

        Raises:
            WrongMasterKey: no master key fits this log.
        """
        self.log_id = log_id
        self.log_key = wrapped_log_key
        self._find_masters = find_masters
        self._masters = {master_key: AESGCM(master_key)}
        self._master = self._opener = self._masters[master_key]
        self._cache: OrderedDict[bytes, DataKey] = OrderedDict()
        # What the database said last; nothing is stored by it that is not compared again under the log's lock.
        self.refs: dict[bytes, bytes] = {}
        self.keys: dict[bytes, bytes] = {LOG_REF: wrapped_log_key}
        self.renames: dict[bytes, tuple[Rename, ...]] = {}
        self._erasures = 0
        try:
            self._master, secret = self._find_opener(LOG_REF, wrapped_log_key)
        except InvalidTag:
            raise WrongMasterKey from None
        self._opener = self._master  # the one that opened the last key, tried first
        self._pepper = Keyed(hmac.digest(secret, b"blind index", "sha256"))
        self._anonymous_pepper = Keyed(hmac.digest(secret, b"anonymous ref", "sha256"))
        self._signature = Ed25519PrivateKey.from_private_bytes(hmac.digest(secret, b"receipts", "sha256"))

    def blind(self, identifier: Identifier) -> bytes:
        """Return the keyed index under which a strong identifier's ref is found."""
        name = f"{int(identifier.kind)}\0{identifier.system}\0{identifier.value}"
        return self._pepper.digest(name.encode())

    def anonymous_ref(self, value: str) -> bytes:
        """Return the ref of an anonymous id."""
        return self._anonymous_pepper.digest(value.encode())[:REF_BYTES]

    def data_key(self, ref: bytes, wrapped: bytes) -> DataKey:
        """Return the data key of a ref; unwrapped keys are remembered by what was stored, so a destroyed key is forgotten."""
        cached = self._cache.get(wrapped)
        return self._keep(wrapped, self._unwrap(ref, wrapped)) if cached is None else cached

    def _keep(self, wrapped: bytes, secret: bytes) -> DataKey:
        found = self._cache[wrapped] = DataKey(secret)
        if len(self._cache) > _OPENED_KEYS:
            self._cache.popitem(last=False)
        return found

    def remember(self, refs: dict[bytes, bytes], keys: dict[bytes, bytes]) -> None:
        """Keep refs by blind index and wrapped keys by ref, for the next batch."""
        for known, found in ((self.refs, refs), (self.keys, keys)):
            if len(known) > _CACHED_KEYS:
                known.clear()
            known.update(found)

    def forget(self, name: bytes) -> None:
        """Forget a ref by its blind index, or a key by its ref."""
        self.refs.pop(name, None)
        self._cache.pop(self.keys.pop(name, b""), None)

    def notice(self, erasures: int) -> None:
        """Forget every opened key and every belief when the log has seen more erasures than this vault had heard of."""
        if erasures != self._erasures:
            self._erasures = erasures
            self._cache.clear()
            self.refs.clear()
            self.renames = {}
            self.keys = {LOG_REF: self.keys[LOG_REF]}

    def sign(self, message: bytes) -> bytes:
        """Sign a receipt with the log's own key (Ed25519, RFC 8032)."""
        return self._signature.sign(message)

    @property
    def public_key(self) -> bytes:
        """Return the 32 bytes by which anybody can check what ``sign`` signed."""
        return self._signature.public_key().public_bytes_raw()

    def new_key(self, ref: bytes) -> bytes:
        """Return a fresh wrapped data key for ``ref``."""
        secret = clock.random_bytes(32)
        wrapped = wrap(self._master, ref, secret)
        self._keep(wrapped, secret)
        return wrapped

    def follow(self, wrapped_log_key: bytes) -> None:
        """Wrap new keys from now on by whichever master key wraps the key of the log: a rotation changes that one first.

        Raises:
            UnknownMasterKey: it was rotated to a key that cannot be found here.
        """
        if wrapped_log_key == self.log_key:
            return
        try:
            self._master, _ = self._find_opener(LOG_REF, wrapped_log_key)
        except InvalidTag:
            raise UnknownMasterKey from None
        self.log_key = wrapped_log_key

    def rewrap(self, ref: bytes, wrapped: bytes) -> bytes:
        """Return the same data key wrapped by the master key that new keys are wrapped by now."""
        return wrap(self._master, ref, self._unwrap(ref, wrapped))

    def rewrapped(self, ref: bytes, wrapped: bytes, new_master: bytes) -> bytes:
        """Return the same data key wrapped by another master key."""
        return wrap(AESGCM(new_master), ref, self._unwrap(ref, wrapped))

    def seal_value(self, ref: bytes, wrapped: bytes, identifier: Identifier) -> bytes:
        """Seal an identifier's value under its own ref's key."""
        nonce = clock.random_bytes(NONCE_BYTES)
        plain = f"{identifier.system}\0{identifier.value}".encode()
        return nonce + self.data_key(ref, wrapped).seal(nonce, plain, ref)

    def open_value(self, ref: bytes, kind: int, wrapped: bytes, sealed_value: bytes) -> Identifier:
        """Return the identifier that a ref stands for."""
        plain = self.data_key(ref, wrapped).open(sealed_value[:NONCE_BYTES], sealed_value[NONCE_BYTES:], ref)
        system, value = plain.decode().split("\0", 1)
        return Identifier(IdentifierKind(kind), value, system)

    def _unwrap(self, ref: bytes, wrapped: bytes) -> bytes:
        try:
            return self._opener.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], ref)
        except InvalidTag:
            self._opener, secret = self._find_opener(ref, wrapped)
            return secret

    def _find_opener(self, ref: bytes, wrapped: bytes) -> tuple[AESGCM, bytes]:
        """Return the master key that opens a wrapped key, and what is in it."""
        for master in self._all_masters():
            try:
                return master, master.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], ref)
            except InvalidTag:
                continue
        raise InvalidTag

    def _all_masters(self) -> Iterator[AESGCM]:
        """Give the master key in use, then the others known, then those that came since."""
        yield self._master
        yield from (master for master in tuple(self._masters.values()) if master is not self._master)
        found = [key for key in self._find_masters() if key not in self._masters] if self._find_masters else []
        self._masters |= {key: AESGCM(key) for key in found}
        yield from (self._masters[key] for key in found)


def wrap(master: AESGCM, ref: bytes, secret: bytes) -> bytes:
    """Wrap a data key by a master key, bound to its ref."""
    nonce = clock.random_bytes(NONCE_BYTES)
    return nonce + master.encrypt(nonce, secret, ref)


def first_log_key(master_key: bytes) -> bytes:
    """Return a fresh wrapped key for a new log."""
    return wrap(AESGCM(master_key), LOG_REF, clock.random_bytes(32))


def sealing_context(log_id: bytes, source_id: int, event_id: str, key_ref: bytes) -> bytes:
    """Return what a sealed part is bound to, so that it opens in no other event."""
    return b"%b\0%d\0%b\0%b" % (log_id, source_id, event_id.encode(), key_ref)


def load_refs(connection: Connection, blinds: Collection[bytes]) -> dict[bytes, bytes]:
    """Return the refs known for blind indexes."""
    if not blinds:
        return {}
    table = schema.refs
    return {blind: ref for blind, ref in read_among(connection, (table.c.blind, table.c.ref), blinds)}


def load_keys(connection: Connection, refs: Collection[bytes]) -> dict[bytes, bytes]:
    """Return the wrapped keys that exist for refs."""
    if not refs:
        return {}
    table = schema.keys
    return {ref: wrapped for ref, wrapped in read_among(connection, (table.c.ref, table.c.wrapped_key), refs)}


def load_values(connection: Connection, vault: Vault, refs: Collection[bytes]) -> dict[bytes, Identifier | None]:
    """Return the identifiers that refs stand for; erased ones are absent, and those that do not open are ``None``."""
    if not refs:
        return {}
    table = schema.refs
    keys = load_keys(connection, refs)
    rows = read_among(connection, (table.c.ref, table.c.kind, table.c.sealed_value), refs)
    return {ref: _open_value(vault, ref, kind, keys[ref], value) for ref, kind, value in rows if ref in keys}


def _open_value(vault: Vault, ref: bytes, kind: int, wrapped: bytes, value: bytes) -> Identifier | None:
    try:
        return vault.open_value(ref, kind, wrapped, value)
    except (InvalidTag, ValueError):
        return None


def open_sealed(
    vault: Vault, keys: Mapping[bytes, bytes], key_ref: bytes, nonce: bytes, sealed: bytes, about: bytes
) -> bytes | None:
    """Return the plain bytes of a sealed part, or None when its key was destroyed."""
    wrapped = keys.get(key_ref)
    return None if wrapped is None else vault.data_key(key_ref, wrapped).open(nonce, sealed, about)
