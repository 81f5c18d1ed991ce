"""Logs, metrics and errors hold nothing that a client sent: thousands of requests with a canary in every place, then a search."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import itertools
import json
import signal
import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from sqlalchemy import text

from tests import databases
from tests.cli.running import Serving, environment, run, serving

ROUNDS = 9
_START = 8


class Canaries:
    """Makes texts that stand nowhere else.

    Attributes:
        values: what must be repeated to nobody.
        names: names of fields: who sent one is told which it was, nobody else.
    """

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self.values: list[str] = []
        self.names: list[str] = []

    def word(self) -> str:
        """Return a word that can be a name, an id or a part of an address."""
        self.values.append(f"c{self._digest()[:16]}x")
        return self.values[-1]

    def number(self) -> str:
        """Return the national part of a telephone number that exists nowhere else."""
        self.values.append(f"495{int(self._digest(), 16) % 9_000_000 + 1_000_000}")
        return self.values[-1]

    def name(self) -> str:
        """Return the name of a field that does not exist."""
        self.names.append(f"c{self._digest()[:16]}x")
        return self.names[-1]

    def _digest(self) -> str:
        return hashlib.sha256(b"%d" % next(self._numbers)).hexdigest()


def spellings(canary: str) -> set[bytes]:
    """Return a canary as it may be hidden: plain, hex, and base64 wherever it begins in a triple of bytes."""
    raw = canary.encode()
    found = {raw, raw.upper(), raw.hex().encode(), raw.hex().upper().encode(), quote(canary).encode()}
    for shift in range(3):
        whole = base64.b64encode(b"\0" * shift + raw)
        # The first and last characters mix with what stands around it.
        found.add(whole[4 if shift else 0 : -4])
        found.add(base64.urlsafe_b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4])
    return found


def search(haystack: bytes, canaries: list[str]) -> set[str]:
    """Return the canaries that stand in some bytes in any spelling."""
    by_start = defaultdict(list)
    for canary in canaries:
        for spelling in spellings(canary):
            by_start[spelling[:_START]].append((spelling, canary))
    found = set()
    for at in range(len(haystack) - _START + 1):
        for spelling, canary in by_start.get(haystack[at : at + _START], ()):
            if haystack.startswith(spelling, at):
                found.add(canary)
    return found


def bodies(canaries: Canaries) -> Iterator[bytes]:
    """Give good and bad bodies, each with canaries in every place."""
    new, number, name = canaries.word, canaries.number, canaries.name
    person: dict[str, Any] = {
        "type": "form.submitted", "anonymous_id": new(), "user_id": new(), "crm_ids": {"hubspot": new()}, "event_id": new(),
        "traits": {"email": f"{new()}@firm.example", "phone": f"+7{number()}", "first_name": new(), name(): new()},
        "properties": {"form_id": new(), "fields": {"question": new()}, name(): new()},
        "context": {"ip": "203.0.113.9", "user_agent": new(), "page": {
            "url": f"https://shop.example/{new()}?email={new()}@firm.example&utm_source={new()}#{new()}",
            "title": new(), "path": f"/{new()}", "referrer": f"https://{new()}.example/?q={new()}"}},
    }  # fmt: skip
    wrong: list[dict[str, Any]] = [
        {**person, "type": new()},
        {**person, "type": f"{new()} {new()}"},
        {**person, "event_id": [new()]},
        {**person, "occurred_at": new()},
        {**person, "sent_at": {name(): new()}},
        {**person, "traits": new()},
        {**person, "traits": {"email": new()}},
        {**person, "traits": {"email": [f"{new()}@firm.example", f"{new()}@firm.example"]}},
        {**person, "traits": {"phone": new()}},
        {**person, "properties": [new()]},
        {**person, "properties": {"form_id": {name(): new()}}},
        {**person, "context": {"page": {"url": {name(): new()}}}},
        {**person, "lead_id": new()},
        {**person, "crm_ids": [new()]},
        {**person, name(): new()},
        {name(): {name(): [new()]}},
        {**person, "properties": {"form_id": new(), "text": new() * 5_000}},
        {"events": [{name(): new()}] * 501},
    ]
    for one in (person, *wrong):
        yield json.dumps(one).encode()
    yield json.dumps({"events": [person, *wrong[:12]]}).encode()
    yield json.dumps({"events": new()}).encode()
    yield json.dumps(new()).encode()
    yield f'{{"type":"page.viewed","anonymous_id":"{new()}'.encode()
    yield f'{{"type":"page.viewed","anonymous_id":"{new()}","anonymous_id":"{new()}"}}'.encode()
    yield f'{{"type": {new()}}}'.encode()
    yield b"\xff\xfe" + new().encode("utf-16")
    yield f"{new()}={new()}&email={new()}@firm.example".encode()


def reads(canaries: Canaries) -> Iterator[str]:
    """Give paths of questions, good and bad."""
    new, number = canaries.word, canaries.number
    yield f"/v1/leads/lookup?email={new()}@firm.example"
    yield f"/v1/leads/lookup?phone=%2B7{number()}"
    yield f"/v1/leads/lookup?crm_id={new()}:{new()}&user_id={new()}"
    yield f"/v1/leads?q={new()}&stage={new()}&sort={new()}&{new()}={new()}"
    yield f"/v1/leads?limit={new()}&updated_since={new()}"
    yield f"/v1/leads?cursor={new()}&definition={new()}"
    yield f"/v1/leads/{new()}/timeline?cursor={new()}"
    yield f"/v1/leads/{new()}/score?score={new()}"
    yield f"/v1/leads/ld_{new()}"
    yield f"/v1/leads/{new()}/personal-data"
    yield f"/v1/leads/{new()}/access-log?cursor={new()}"
    yield f"/v1/companies/{new()}.example?cursor={new()}"
    yield f"/v1/changes?after={new()}&kind={new()}"
    yield f"/v1/models/{new()}"
    yield f"/{new()}/{new()}@firm.example?token={new()}"


def headers(new: Callable[[], str]) -> dict[str, str]:
    """Return headers that say something."""
    return {
        "user-agent": new(),
        "referer": f"https://x.example/?e={new()}",
        "cookie": f"a={new()}",
        "x-forwarded-for": new(),
        "x-any": new(),
    }


def ask_everything(service: Serving, keys: tuple[str, str], canaries: Canaries) -> list[httpx.Response]:
    """Send every kind of request with several kinds of keys; return all answers."""
    new, answers = canaries.word, []
    write, secret = keys
    posts = ("/v1/leads/lookup", "/v1/models", f"/v1/leads/{new()}/merge", f"/v1/leads/{new()}/unmerge")
    with httpx.Client(base_url=service.address, timeout=60) as client:
        for body in bodies(canaries):
            for key in (write, secret, f"sk_{new()}"):
                given = {**headers(new), "authorization": f"Bearer {key}", "content-type": "application/json"}
                answers.append(client.post(f"/v1/events?{new()}={new()}", content=body, headers=given))
            for path in posts:
                given = {**headers(new), "authorization": f"Bearer {secret}", "content-type": "application/json"}
                answers.append(client.post(path, content=body, headers=given))
        for path in reads(canaries):
            given = {**headers(new), "x-api-key": secret}
            answers += [client.request(method, path, headers=given) for method in ("GET", "PATCH", "DELETE")]
    return answers


def send_raw(service: Serving, canaries: Canaries) -> None:
    """Send what is no HTTP."""
    address = urlsplit(service.address)
    for line in (
        f"GET /{canaries.word()} HTTP/9.9\r\n\r\n",
        f"POST /v1/events HTTP/1.1\r\n{canaries.word()} : x\r\n\r\n",
        f"{canaries.word()}\r\n\r\n",
    ):
        with socket.create_connection((address.hostname, address.port), timeout=20) as connection, contextlib.suppress(OSError):
            connection.sendall(line.encode())
            connection.recv(1_000)


def break_the_database(url: str, service: Serving, keys: tuple[str, str], canaries: Canaries) -> list[httpx.Response]:
    """Take tables away, so that drivers complain about statements with values in them; give them back."""
    engine = databases.connect(url)
    answers = []
    for table in ("event_ids", "leads", "api_keys"):
        rename(engine, table, f"{table}_away")
        answers += ask_everything(service, keys, canaries)
        rename(engine, f"{table}_away", table)
    engine.dispose()
    return answers


def rename(engine: Any, old: str, new: str) -> None:
    """Rename a table."""
    with engine.begin() as connection:
        connection.execute(text(f'ALTER TABLE "{old}" RENAME TO "{new}"'))


def make_keys(env: dict[str, str]) -> tuple[str, str]:
    """Make a write key, and a secret one that may do everything."""
    made = [run(env, "keys", "create", "--kind", "write", "--source", "shop")]
    made.append(run(env, "keys", "create", "--kind", "secret", "--source", "shop", "--scope", "admin", "--scope", "track"))
    assert [each.returncode for each in made] == [0, 0]
    return made[0].stdout.strip(), made[1].stdout.strip()


def test_no_canary_reaches_logs_metrics_or_problems(migrated_url: str, tmp_path: Path) -> None:
    """In plain, hex or base64, after good and bad requests, what is no HTTP, and a database that fails."""
    env = environment(
        migrated_url,
        LEAD_EVENTS_LOG_LEVEL="debug",
        LEAD_EVENTS_KEY_RATE="0",
        LEAD_EVENTS_ADDRESS_RATE="0",
        LEAD_EVENTS_PHONE_REGION="RU",
    )
    assert run(env, "migrate").returncode == 0
    keys, canaries = make_keys(env), Canaries()
    with serving(env, log=tmp_path / "log") as service:
        service.read_greeting()
        answers = [answer for _ in range(ROUNDS) for answer in ask_everything(service, keys, canaries)]
        send_raw(service, canaries)
        answers += break_the_database(migrated_url, service, keys, canaries)
        metrics = service.get("/metrics").content
        service.process.send_signal(signal.SIGTERM)
        printed = service.printed.encode() + service.process.communicate(timeout=60)[0].encode()
    log = (tmp_path / "log").read_bytes()
    assert len(answers) > 2_000
    statuses = {answer.status_code for answer in answers}
    assert statuses >= {200, 202, 401, 404, 405, 413, 422}
    assert max(statuses) >= 500, "the database never failed: its drivers' words were not tried"
    assert log.count(b'"event":"request"') > 2_000
    assert search(log + printed + metrics, canaries.values + canaries.names) == set()
    problems = b"\n".join(problem_of(answer) for answer in answers)
    assert search(problems, canaries.values) == set()


def problem_of(answer: httpx.Response) -> bytes:
    """Return what an answer says about what is wrong; results name events by the ids that their sender gave them."""
    if not answer.headers.get("content-type", "").endswith("json"):
        return answer.content if answer.status_code >= 400 else b""
    body = answer.json()
    results = body.pop("results", ()) if isinstance(body, dict) else ()
    said = body if answer.status_code >= 400 else None
    return json.dumps([said, [result.get("problem") for result in results], dict(answer.headers)]).encode()


@pytest.mark.parametrize(
    "hide", [str.encode, lambda c: c.encode().hex().encode(), lambda c: base64.b64encode(b"mail:" + c.encode() + b"@")]
)
def test_a_logged_canary_is_found(hide: Callable[[str], bytes]) -> None:
    """The search can fail: a line that holds one in any spelling is a hit, and only that one."""
    canaries = Canaries()
    made = [canaries.word() for _ in range(5)] + [canaries.number()]
    for canary in made:
        log = b'{"event":"request","query":"' + hide(canary) + b'","ms":1.2}\n'
        assert search(log, made) == {canary}
    assert search(b'{"event":"request","ms":1.2}', made) == set()
