"""The proof of an erasure: search every byte of every file for what was erased, in every form it could have.

PostgreSQL gets a server of its own here, because a shared one holds what other tests wrote.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import psycopg
import pytest
from sqlalchemy import Engine, select
from sqlalchemy.engine import make_url

from lead_events.domain.lead_id import encode_lead_id
from lead_events.projections import projector
from lead_events.store import generations, log, schema
from lead_events.store.engine import reading
from lead_events.store.vault import Vault
from tests import databases, postgres
from tests.cli.running import MASTER_KEY, environment, run

HERS = {
    "email": "xenia.q7w@secret-firm.example",
    "phone": "+79161234501",
    "first_name": "Xenia-q7w",
    "last_name": "Canaryova-q7w",
    "message": "call me after eight q7w, the code is 4711",
    "query": "q7w-secret-token",
    "visitor": "visitor-q7w-0123456789",
    "user": "user-q7w-1",
    "crm": "crm-q7w-1",
    "note": "likes tea q7w",
    "custom": "custom-q7w-value",
    "conflict": "Changed-q7w",
}
_EMPTY = bytes(64)
HIS = {name: value.replace("q7w", "z8e").replace("4501", "4502") for name, value in HERS.items()}


def events(values: dict[str, str], prefix: str, browser: str) -> list[dict[str, Any]]:
    """Everything that somebody could leave behind, in every place where it could be kept."""
    page = {"url": f"https://shop.example/form?name={values['query']}", "path": "/form"}
    traits = {name: values[name] for name in ("email", "phone", "first_name", "last_name")}
    form = {"form_id": "f", "fields": {"message": values["message"]}, "message": values["message"]}
    return [
        {"type": "page.viewed", "anonymous_id": values["visitor"], "context": {"page": page}},
        {"type": "form.submitted", "anonymous_id": browser, "traits": traits, "properties": form, "event_id": f"{prefix}-form"},
        {"type": "page.viewed", "anonymous_id": browser, "context": {"page": page}},
        {"type": "page.viewed", "anonymous_id": values["visitor"], "user_id": values["user"], "traits": traits},
        {"type": "lead.identified", "crm_ids": {"crm": values["crm"]}, "traits": traits},
        {"type": "lead.noted", "crm_ids": {"crm": values["crm"]}, "properties": {"text": values["note"]}, "author": "sales"},
        {"type": "thing.happened", "user_id": values["user"], "properties": {"said": values["custom"]}},
        {
            "type": "form.submitted",
            "traits": {**traits, "first_name": values["conflict"]},
            "properties": form,
            "event_id": f"{prefix}-form",
        },
    ]


@pytest.fixture
def place(database: str, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A database whose files nobody else writes to: its URL, and the folder that holds every byte of it."""
    if database == "sqlite":
        folder = tmp_path / "database"
        folder.mkdir()
        yield databases.fresh_sqlite_url(folder), folder
        return
    server = postgres.start()
    try:
        with psycopg.connect(_libpq(server), autocommit=True) as connection:
            for setting in ("wal_recycle = off", "min_wal_size = '32MB'", "autovacuum = off"):
                connection.execute(f"ALTER SYSTEM SET {setting}")
            connection.execute("SELECT pg_reload_conf()")
        yield server.url.render_as_string(hide_password=False), server.folder
    finally:
        postgres.stop(server)


def _libpq(server: postgres.Server) -> str:
    return server.url.set(drivername="postgresql").render_as_string(hide_password=False)


@cache
def forms(value: str) -> frozenset[bytes]:
    """Every form in which a value could stand in a file."""
    texts = {value, value.lower(), value.upper(), quote(value, safe=""), value.lstrip("+")}
    plain = {text.encode(coding) for text in texts for coding in ("utf-8", "utf-16-le", "utf-16-be")}
    hashed = {make(text.encode()).digest() for text in texts for make in (hashlib.md5, hashlib.sha1, hashlib.sha256)}
    hexed = {each.hex().encode() for each in plain | hashed}
    coded = {part for text in texts for part in _base64(text.encode())}
    return frozenset(plain | hashed | hexed | {each.upper() for each in hexed} | coded)


def _base64(value: bytes) -> Iterator[bytes]:
    """Yield what of a value's base64 is the same wherever it begins inside a longer text."""
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + value)
        whole = coded[4 if shift else 0 : len(coded) - 4]
        if len(whole) >= 8:
            yield whole


def digests(folder: Path) -> dict[Path, bytes]:
    """Return a hash of every file: what a server wrote before anybody said anything need not be searched."""
    return {path: hashlib.sha256(path.read_bytes()).digest() for path in folder.rglob("*") if path.is_file()}


def without_emptiness(content: bytes) -> bytes:
    """Shorten runs of zeros, which files of journals mostly consist of, to what no form could bridge."""
    return _EMPTY.join(filter(None, content.split(_EMPTY)))


def hits(folder: Path, values: dict[str, str], untouched: dict[Path, bytes]) -> dict[str, list[str]]:
    """Return, by the name of a value, the files in which it was found in some form."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        if untouched.get(path) == hashlib.sha256(content).digest():
            continue
        written = without_emptiness(content)
        for name, value in values.items():
            if any(form in written for form in forms(value)):
                found.setdefault(name, []).append(path.name)
    return found


def catch_up(engine: Engine, vault: Vault) -> None:
    """Let the live generation take in the log."""
    with reading(engine) as connection:
        live = generations.load_live(connection)
    compiled = projector.Models(engine)
    while projector.step(engine, vault, live.generation_id, compiled.of(live)) is not None:
        pass


def rows(engine: Engine) -> dict[int, Any]:
    """Return the rows of the live generation."""
    with reading(engine) as connection:
        live = generations.load_live(connection).generation_id
        found = connection.execute(select(schema.leads).where(schema.leads.c.generation_id == live)).mappings()
        return {row["founding"]: dict(row) for row in found}


def test_no_byte_of_an_erased_person_is_left(place: tuple[str, Path], tmp_path: Path) -> None:
    """Before the erasure the search finds hers and his; afterwards his alone, in the database, its journal and an export."""
    url, folder = place
    env = environment(url, LEAD_EVENTS_ERASURE_LEDGER=str(folder / "ledger.erasures"))
    assert run(env, "migrate").returncode == 0
    untouched = digests(folder)
    given = tmp_path / "given.jsonl"
    lines = [*events(HERS, "x", "shared"), *events(HIS, "y", "shared")]
    given.write_bytes(b"\n".join(orjson.dumps({"event_id": f"e-{n}", **line}) for n, line in enumerate(lines)))
    imported = run(env, "import", str(given), "--source", "shop")
    assert "2 quarantined" in imported.stderr + imported.stdout, imported
    engine = databases.connect(url)
    with reading(engine) as connection:
        vault = log.open_vault(connection, bytes.fromhex(MASTER_KEY))
    catch_up(engine, vault)
    before = rows(engine)
    (hers,) = (founding for founding, row in before.items() if HERS["email"] in row["search"])
    (his,) = (founding for founding, row in before.items() if HIS["email"] in row["search"])
    _settle_files(url)
    assert {"email", "phone", "first_name"} <= set(hits(folder, HERS, untouched)), "the search finds nothing: it proves nothing"

    erased = run(env, "erase", encode_lead_id(vault.log_id, hers), "--as", "dpo", "--reason", "asked")
    assert erased.returncode == 0, erased.stderr
    catch_up(engine, vault)
    scrubbed = run(env, "scrub")
    assert scrubbed.returncode == 0, scrubbed.stderr
    after = rows(engine)
    assert (after[his]["state"], after[his]["search"]) == (before[his]["state"], before[his]["search"])
    engine.dispose()
    _settle_files(url)
    exported = folder / "exported.jsonl"
    assert run(env, "export", "--out", str(exported)).returncode == 0
    (folder / "printed").write_text(erased.stdout + erased.stderr + scrubbed.stdout + scrubbed.stderr)
    assert hits(folder, HERS, untouched) == {}
    assert "email" in hits(folder, HIS, untouched)
    assert run(env, "verify").returncode == 0


def _settle_files(url: str) -> None:
    """Let the server write everything down and drop the journal it no longer needs, as it does with time."""
    if make_url(url).get_backend_name() == "sqlite":
        return
    with psycopg.connect(
        make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as server:
        for _ in range(2):
            server.execute("SELECT pg_switch_wal()")
            server.execute("CHECKPOINT")


def test_the_search_finds_every_form(tmp_path: Path) -> None:
    """A value hidden in any of the forms, among any number of zeros, is found, so that finding nothing means something."""
    value, file = HERS["email"], tmp_path / "journal"
    for number, form in enumerate(sorted(forms(value), key=len)):
        assert form, "an empty form would be found everywhere"
        file.write_bytes(bytes(3 * number) + form + bytes(2 * number) + b"end" + bytes(1_000))
        assert hits(tmp_path, {"this": value}, {}) == {"this": ["journal"]}
    file.write_bytes(bytes(1_000) + HIS["email"].encode())
    assert hits(tmp_path, {"this": value}, {}) == {}
