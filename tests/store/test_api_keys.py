"""Keys are shown once, kept as hashes, found in constant time, and useless within seconds of being revoked."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import Engine, select

from lead_events.domain.errors import InvalidInput, NotFound
from lead_events.store import api_keys, schema, sources
from lead_events.store.api_keys import Key, KeyKind, KeyRing, Scope
from lead_events.store.engine import reading, writing
from tests.logs import count


class Watch:
    """A clock that moves when told."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        """Read the clock."""
        return self.seconds


def make(engine: Engine, kind: KeyKind = KeyKind.WRITE, **rest: tuple[str, ...]) -> tuple[Key, str]:
    """Make one key of the source "site"."""
    with writing(engine) as connection:
        return api_keys.create(connection, kind, "site", **rest)


def test_a_key_says_what_it_is_and_holds_256_random_bits(engine: Engine) -> None:
    """The prefix tells the kind, the id can be shown, and no two secrets are equal."""
    (_, write), (_, secret) = make(engine), make(engine, KeyKind.SECRET)
    assert re.fullmatch(r"wk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", write)
    assert re.fullmatch(r"sk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", secret)
    assert write[12:] != secret[12:]


def test_only_a_hash_is_stored(engine: Engine) -> None:
    """Neither the text nor its secret part is anywhere in the table."""
    _, text = make(engine)
    with reading(engine) as connection:
        rows = repr([tuple(row) for row in connection.execute(select(schema.api_keys))])
    assert text not in rows
    assert text[12:] not in rows


def test_default_scopes_leave_out_what_cannot_be_undone(engine: Engine) -> None:
    """A write key tracks; a secret key does all but show a person whole, audit, erase and administer, unless asked for."""
    assert make(engine)[0].scopes == {Scope.TRACK}
    secret, _ = make(engine, KeyKind.SECRET)
    assert secret.scopes == set(Scope) - {Scope.PERSONAL_READ, Scope.AUDIT_READ, Scope.ERASE, Scope.ADMIN}
    assert not secret.allows(Scope.ERASE)
    admin, _ = make(engine, KeyKind.SECRET, scopes=("admin",))
    assert all(admin.allows(scope) for scope in Scope)
    reader, _ = make(engine, KeyKind.SECRET, scopes=("leads:read",))
    assert [scope for scope in Scope if reader.allows(scope)] == [Scope.LEADS_READ]


@pytest.mark.parametrize(
    ("kind", "rest"),
    [
        (KeyKind.WRITE, {"scopes": ("leads:read",)}),
        (KeyKind.WRITE, {"scopes": ("track", "admin")}),
        (KeyKind.SECRET, {"scopes": ("leads:reed",)}),
        (KeyKind.SECRET, {"origins": ("https://shop.example",)}),
        *[
            (KeyKind.WRITE, {"origins": (origin,)})
            for origin in ("shop.example", "https://shop.example/x", "*", "https://a b", "null")
        ],
    ],
)
def test_what_does_not_fit_a_key_is_refused(engine: Engine, kind: KeyKind, rest: dict[str, tuple[str, ...]]) -> None:
    """A public key gets no private scope, a secret key no browser origin, and a typing mistake no key."""
    with pytest.raises(InvalidInput):
        make(engine, kind, **rest)
    assert count(engine, "api_keys") == 0


def test_origins_are_compared_as_browsers_spell_them(engine: Engine) -> None:
    """Lower case, without a slash at the end."""
    key, _ = make(engine, origins=("HTTPS://Shop.Example/", "http://localhost:3000", "http://[::1]:80"))
    assert key.origins == ("https://shop.example", "http://localhost:3000", "http://[::1]:80")


def test_a_source_is_created_with_its_first_key(engine: Engine) -> None:
    """Keys of one name share one source; a second name is a second source."""
    first, second = make(engine)[0], make(engine)[0]
    with writing(engine) as connection:
        assert sources.create(connection, " app ").source_id == 2
        assert [source.name for source in sources.read(connection)] == ["site", "app"]
        for name in ("", "  ", "x" * 101, "a\nb"):
            with pytest.raises(InvalidInput):
                sources.create(connection, name)
    assert first.source_id == second.source_id == 1


def test_a_key_is_found_by_its_whole_text_only(engine: Engine) -> None:
    """The right id with a wrong secret, another kind, or a bit more text finds nothing."""
    key, text = make(engine)
    ring = KeyRing(engine)
    assert ring.find(text) == key
    flipped = text[:-1] + ("A" if text[-1] != "A" else "B")
    for wrong in ("", "wk_", text[:-1], text + "A", " " + text, flipped, "sk" + text[2:], f"wk_00000000_{text[12:]}", "ключ"):
        assert ring.find(wrong) is None


def test_a_revoked_key_is_useless_within_five_seconds(engine: Engine) -> None:
    """What the ring remembers is never older than that; the key stays listed as revoked."""
    watch = Watch()
    ring = KeyRing(engine, monotonic=watch)
    key, text = make(engine)
    assert ring.find(text) == key
    with writing(engine) as connection:
        revoked = api_keys.revoke(connection, key.key_id)
        assert api_keys.revoke(connection, key.key_id) == revoked
    watch.seconds = 5.0
    with pytest.raises(LookupError):
        ring.recall(text)
    assert ring.find(text) is None
    with reading(engine) as connection:
        assert api_keys.read(connection) == [revoked]
    assert revoked.revoked_at is not None


def test_a_key_made_by_another_process_is_found_within_five_seconds(engine: Engine) -> None:
    """An unknown id is remembered no longer than a known one."""
    watch = Watch()
    ring = KeyRing(engine, monotonic=watch)
    text = "wk_00000000_" + "x" * 43
    assert ring.find(text) is None
    assert ring.recall(text) is None
    watch.seconds = 5.0
    with pytest.raises(LookupError):
        ring.recall(text)


def test_revoking_an_unknown_key_says_so(engine: Engine) -> None:
    """A mistyped id must not look like success."""
    with pytest.raises(NotFound), writing(engine) as connection:
        api_keys.revoke(connection, "00000000")
