"""From a validated event to the rows that store it: refs instead of identifiers, a sealed part, digests.

Everything here happens before the log's lock is taken, so that the lock is held only for inserts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from struct import Struct
from typing import NamedTuple

import orjson
from sqlalchemy import Connection

from lead_events import clock
from lead_events.domain.errors import InvalidEvent
from lead_events.domain.events import PSEUDONYM, REF_BYTES, Identifier, IdentifierKind, NewEvent
from lead_events.domain.lead_id import decode_lead_id, lead_ref
from lead_events.domain.times import Instant
from lead_events.store import erased
from lead_events.store import vault as vaults
from lead_events.store.erased import Rename
from lead_events.store.vault import LOG_REF, Newcomers, Vault

_NUMBERS = Struct(">qqq7I")


class Arrival(NamedTuple):
    """One validated event and where it came from.

    Attributes:
        source_id: the source of the key it was sent with.
        event: the event.
        arrived_at: microseconds UTC by this server's clock, before any queue.
    """

    source_id: int
    event: NewEvent
    arrived_at: Instant


class Envelope(NamedTuple):
    """The columns of one event that do not depend on its position.

    Attributes:
        blinds: blind indexes whose refs may have to be created with it.
        browser: the ref of its anonymous id before any renaming; empty without one.
        key_ref: the subject, whose key seals and tags it.
    """

    arrival: Arrival
    subject: bytes
    refs: bytes
    blinds: tuple[bytes, ...]
    browser: bytes
    tag: bytes
    body: str
    nonce: bytes
    sealed: bytes | None
    sealed_digest: bytes | None
    row_hash: bytes

    @property
    def key_ref(self) -> bytes:
        """Name the key that sealed and tagged it."""
        return self.subject


@dataclass(slots=True)
class Packing:
    """The refs and keys that a batch was packed with, and those of them that have to be created.

    Attributes:
        refs: blind index → ref.
        keys: ref of a subject → wrapped key.
        renames: browser → the refs it stands under since erasures.
        log_key: the wrapped key of the log when packing began: under the same master key stand those that are new.
    """

    vault: Vault
    log_key: bytes
    refs: dict[bytes, bytes] = field(default_factory=dict)
    keys: dict[bytes, bytes] = field(default_factory=dict)
    renames: dict[bytes, tuple[Rename, ...]] = field(default_factory=dict)
    new: Newcomers = field(default_factory=Newcomers)


def pack_batch(vault: Vault, arrivals: Sequence[Arrival]) -> tuple[list[Envelope], Packing]:
    """Pack a batch with the refs and keys that the vault remembers; ``settle`` checks them before anything is stored."""
    packing = Packing(vault, vault.log_key, renames=vault.renames)
    return [_pack(packing, arrival) for arrival in arrivals], packing


def rename(connection: Connection, packing: Packing, envelopes: Sequence[Envelope]) -> list[Envelope]:
    """Pack again, under the log's lock, what names a browser that an erasure put under another ref."""
    found = erased.load_renames(connection, {envelope.browser for envelope in envelopes if envelope.browser})
    used = packing.renames
    packing.renames = found
    packing.vault.renames = found
    return [_pack(packing, e.arrival) if found.get(e.browser) != used.get(e.browser) else e for e in envelopes]


def settle(connection: Connection, packing: Packing, envelopes: Sequence[Envelope]) -> list[Envelope]:
    """Compare with the database, under the log's lock, and pack again the few that rest on something else.

    So a ref that another process created first is used, and a key that an erasure destroyed meanwhile is not.
    """
    refs = vaults.load_refs(connection, {blind for envelope in envelopes for blind in envelope.blinds})
    keys = vaults.load_keys(connection, {envelope.key_ref for envelope in envelopes} | {*refs.values(), LOG_REF})
    _follow_rotation(packing, keys[LOG_REF])
    stale = {blind for blind, ref in packing.refs.items() if not _agrees(refs.get(blind), ref, blind in packing.new.refs)}
    locked = {ref for ref, key in packing.keys.items() if not _agrees(keys.get(ref), key, ref in packing.new.keys)}
    packing.vault.remember(refs, keys)
    if not stale and not locked:
        return list(envelopes)
    _forget(packing, stale, locked)
    packing.refs |= refs
    packing.keys |= keys
    wrong = [not stale.isdisjoint(envelope.blinds) or envelope.key_ref in locked for envelope in envelopes]
    return [_pack(packing, e.arrival) if is_wrong else e for e, is_wrong in zip(envelopes, wrong, strict=True)]


def _follow_rotation(packing: Packing, log_key: bytes) -> None:
    """Wrap the keys that are new by the master key that wraps the key of the log now, so that a rotation misses none."""
    if log_key == packing.log_key:
        return
    packing.vault.follow(log_key)
    packing.log_key = log_key
    rewrapped = {ref: packing.vault.rewrap(ref, wrapped) for ref, wrapped in packing.new.keys.items()}
    packing.new.keys |= rewrapped
    packing.keys |= {ref: wrapped for ref, wrapped in rewrapped.items() if ref in packing.keys}


def _agrees(stored: bytes | None, used: bytes, is_new: bool) -> bool:  # noqa: FBT001 - what is new must not be stored
    return stored is None if is_new else stored == used


def _forget(packing: Packing, blinds: set[bytes], refs: set[bytes]) -> None:
    for blind in blinds:
        ref = packing.refs.pop(blind)
        packing.vault.forget(blind)
        packing.new.refs.pop(blind, None)
        packing.new.keys.pop(ref, None)
    for ref in refs:
        del packing.keys[ref]
        packing.vault.forget(ref)
        packing.new.keys.pop(ref, None)


def _name(packing: Packing, event: NewEvent) -> tuple[list[tuple[int, bytes]], tuple[bytes, ...], bytes]:
    """Replace identifiers by refs, highest rank first, and list the blind indexes among them, and the browser."""
    named: list[tuple[int, bytes]] = []
    blinds: list[bytes] = []
    browser = b""
    for identifier in event.identifiers:
        if identifier.kind is IdentifierKind.ANONYMOUS:
            browser = _read_pseudonym(identifier) or packing.vault.anonymous_ref(identifier.value)
            renames = packing.renames.get(browser)
            named.append((identifier.kind, erased.rename(browser, renames, event.at) if renames else browser))
        elif identifier.value.startswith(PSEUDONYM):
            named.append((identifier.kind, bytes.fromhex(identifier.value[1:])))
        elif identifier.kind is IdentifierKind.LEAD:
            named.append((identifier.kind, _lead_ref(packing.vault, identifier.value)))
        else:
            blind = packing.vault.blind(identifier)
            blinds.append(blind)
            named.append((identifier.kind, _find_ref(packing, blind, identifier)))
    return named or [(IdentifierKind.LEAD, LOG_REF)], tuple(blinds), browser


def _read_pseudonym(identifier: Identifier) -> bytes | None:
    return bytes.fromhex(identifier.value[1:]) if identifier.value.startswith(PSEUDONYM) else None


def _lead_ref(vault: Vault, lead_id: str) -> bytes:
    founding = decode_lead_id(vault.log_id, lead_id)
    if founding is None:
        raise InvalidEvent("unknown_lead", "/lead_id: this log never gave that id.", "/lead_id")
    return lead_ref(founding)


def _find_ref(packing: Packing, blind: bytes, identifier: Identifier) -> bytes:
    ref = packing.refs.get(blind) or packing.vault.refs.get(blind)
    if ref is None:
        ref = _create_ref(packing, blind, identifier)
    packing.refs[blind] = ref
    return ref


def _find_key(packing: Packing, ref: bytes) -> bytes:
    wrapped = packing.keys.get(ref) or packing.new.keys.get(ref) or packing.vault.keys.get(ref)
    if wrapped is None:
        wrapped = packing.new.keys[ref] = packing.vault.new_key(ref)
    packing.keys[ref] = wrapped
    return wrapped


def _create_ref(packing: Packing, blind: bytes, identifier: Identifier) -> bytes:
    ref = clock.random_bytes(REF_BYTES)
    wrapped = packing.new.keys[ref] = packing.vault.new_key(ref)
    packing.new.refs[blind] = (ref, int(identifier.kind), packing.vault.seal_value(ref, wrapped, identifier))
    return ref


def _pack(packing: Packing, arrival: Arrival) -> Envelope:
    event = arrival.event
    named, blinds, browser = _name(packing, event)
    subject = named[0][1]
    key = packing.vault.data_key(subject, _find_key(packing, subject))
    body = orjson.dumps(event.plain, option=orjson.OPT_SORT_KEYS)
    nonce, sealed, digest = b"", None, None
    if event.personal:
        nonce = clock.random_bytes(vaults.NONCE_BYTES)
        about = vaults.sealing_context(packing.vault.log_id, arrival.source_id, event.event_id, subject)
        sealed = key.seal(nonce, orjson.dumps(event.personal, option=orjson.OPT_SORT_KEYS), about)
        digest = hashlib.sha256(nonce + sealed).digest()
    refs = b"".join(bytes((kind,)) + ref for kind, ref in named) if subject != LOG_REF else b""
    tag = key.tag(event.said)
    place = arrival.source_id, event.event_id, event.type, event.version
    row_hash = hash_row(subject, event.at, *place, refs, body, digest, tag)
    return Envelope(arrival, subject, refs, blinds, browser, tag, body.decode(), nonce, sealed, digest, row_hash)


def hash_row(  # noqa: PLR0913, PLR0917 - the columns of the row, in their order
    subject: bytes,
    at: Instant,
    source_id: int,
    event_id: str,
    type_: str,
    version: int,
    refs: bytes,
    body: bytes,
    sealed_digest: bytes | None,
    tag: bytes,
) -> bytes:
    """Return the SHA-256 over every stored column of an event and its id but its place (position, received_at)."""
    texts = (subject, event_id.encode(), type_.encode(), refs, body, sealed_digest or b"", tag)
    numbers = _NUMBERS.pack(at, source_id, version, *map(len, texts))
    return hashlib.sha256(b"".join((numbers, *texts))).digest()


def unpack_refs(refs: bytes) -> list[tuple[int, bytes]]:
    """Return the (kind, ref) pairs of an event row, highest rank first."""
    step = REF_BYTES + 1
    return [(refs[start], refs[start + 1 : start + step]) for start in range(0, len(refs), step)]


class Refs(NamedTuple):
    """Which refs an event names.

    Attributes:
        anonymous: of the anonymous identifier, or None.
        strong: all others, highest rank first.
        vaulted: (kind, ref) of those that stand for an identifier in the vault.
    """

    anonymous: bytes | None
    strong: tuple[bytes, ...]
    vaulted: tuple[tuple[int, bytes], ...]


@lru_cache(16_384)
def sort_refs(refs: bytes) -> Refs:
    """Return the refs of an event row by what they stand for."""
    named = unpack_refs(refs)
    return Refs(
        next((ref for kind, ref in reversed(named) if kind == IdentifierKind.ANONYMOUS), None),
        tuple(ref for kind, ref in named if kind != IdentifierKind.ANONYMOUS),
        tuple((kind, ref) for kind, ref in named if IdentifierKind.CRM <= kind <= IdentifierKind.PHONE),
    )
