"""Hostile bodies, and hostile clients on real sockets: a 4xx of one shape, the same on both databases, never a 5xx."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import uvicorn

from lead_events.api.slow_clients import ImpatientProtocol
from tests.api.conftest import Site, assert_problem
from tests.domain.corpus import CORPUS
from tests.logs import stored

_STATUSES = {"ok": 202, "invalid_json": 400}
HEAD = "POST /v1/events HTTP/1.1\r\nHost: door\r\n"


@pytest.mark.parametrize("packed_in_batch", [False, True])
def test_the_hostile_corpus_over_http(site: Site, packed_in_batch: bool) -> None:
    """Each body has its one status and code on every database; in a batch, a good event beside it is kept."""
    wrong = []
    for number, (name, body, code) in enumerate(CORPUS):
        good = b'{"type":"page.viewed","anonymous_id":"good","event_id":"good-%d"}' % number
        sent = b'{"events":[' + good + b"," + body + b"]}" if packed_in_batch else body
        answer = site.post(sent)
        found = answer.json()
        if answer.status_code == 202:
            found_code = found["results"][-1].get("problem", {}).get("code", "ok")
        else:
            found_code = assert_problem(answer, answer.status_code, found["code"])["code"]
        expected = 202 if packed_in_batch and code != "invalid_json" else _STATUSES.get(code, 422)
        if (answer.status_code, found_code) != (expected, code):
            wrong.append((name, answer.status_code, found_code, code))
    assert wrong == []
    assert [each for each in wrong if each[1] >= 500] == []


def test_errors_repeat_nothing_that_was_sent(site: Site) -> None:
    """Neither bodies nor headers of the answer hold the canary."""
    canary = "c4n4ry"
    bodies = [
        {"type": canary},
        {"type": "page.viewed", "traits": {"email": canary}},
        {"type": "page.viewed", "anonymous_id": "a", "occurred_at": canary},
        {"type": "page.viewed", "anonymous_id": "a", "properties": canary},
        {"events": [{"type": "form.submitted", "anonymous_id": "a", "properties": {"form_id": [canary]}}]},
        {"events": canary},
        canary,
    ]
    answers = [site.post(body, headers={"user-agent": canary}) for body in bodies]
    answers += [site.post({}, canary), site.post({}, "", headers={"authorization": canary}), site.post(canary.encode())]
    assert [answer.status_code for answer in answers if answer.status_code < 400] == []
    assert [answer.text for answer in answers if canary in answer.text or canary in str(answer.headers)] == []


class Hurried(ImpatientProtocol):
    """Waits half a second instead of ten, so that tests do not."""

    patience_seconds = 0.5


@pytest.fixture
def port(open_site: Callable[..., Site]) -> Iterator[int]:
    """Port of a real server with the door in it; bodies must come within 0.3 s, requests within 0.5 s."""
    site = open_site(body_seconds=0.3)
    config = uvicorn.Config(site.app, http=Hurried, lifespan="off", log_config=None, proxy_headers=False, access_log=False)
    server = uvicorn.Server(config)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield listener.getsockname()[1]
        server.should_exit = True
        thread.join()


def talk(port: int, *parts: bytes) -> tuple[bytes, float]:
    """Send parts over one connection; return all that comes back until it is closed, and the seconds that took."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        start = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                connection.sendall(part)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := connection.recv(65_536):
                answer += chunk
        return answer, time.monotonic() - start


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "half",
    ["", "P", "POST /v1/events HTTP/1.1\r\n", HEAD, HEAD + "Content-Length: 5\r\nX: y"],
    ids=["nothing", "one letter", "request line", "no end of head", "half a header"],
)
def test_a_half_sent_head_is_closed(port: int, half: str) -> None:
    """Whoever stops in the middle is not waited for."""
    answer, seconds = talk(port, half.encode())
    assert answer == b""
    assert 0.4 < seconds < 5


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_half_sent_body_is_closed(open_site: Callable[..., Site], port: int) -> None:
    """With a key it is told 408; the connection is closed in any case."""
    key = open_site().write_key
    answer, seconds = talk(port, f"{HEAD}Authorization: Bearer {key}\r\nContent-Length: 100\r\n\r\n{{".encode())
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"too_slow"' in answer
    assert 0.2 < seconds < 5


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_half_sent_body_to_another_route_is_closed(port: int) -> None:
    """Routes of the framework wait for bodies without end; the protocol does not."""
    answer, seconds = talk(port, b"POST /nowhere HTTP/1.1\r\nHost: door\r\nContent-Length: 100\r\n\r\n{")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 404 ")
    assert seconds < 7


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_second_request_on_a_connection_is_not_waited_for_either(port: int) -> None:
    """Keeping a connection open earns no patience."""
    answer, seconds = talk(port, b"GET /v1/events HTTP/1.1\r\nHost: door\r\n\r\n", b"GET /v1/ev")
    assert answer.startswith(b"HTTP/1.1 405 ")
    assert seconds < 5


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "head",
    [
        HEAD + "X-Y: 1\r\n" * 101,
        HEAD + f"X-Y: {'x' * 17_000}\r\n",
        HEAD + "".join(f"X-{number}: {'x' * 1_000}\r\n" for number in range(17)),
        f"GET /{'x' * 17_000} HTTP/1.1\r\nHost: door\r\n",
    ],
    ids=["101 headers", "one long header", "many long headers", "long path"],
)
@pytest.mark.parametrize("end", ["\r\n", ""], ids=["whole", "endless"])
def test_a_head_that_is_too_large_is_refused(port: int, head: str, end: str) -> None:
    """431 and an end, whether it comes at once or never ends."""
    answer, seconds = talk(port, (head + end).encode())
    assert answer.startswith(b"HTTP/1.1 431 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["code"] == "head_too_large"
    assert seconds < 5


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "raw",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        (HEAD + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").encode(),
        (HEAD + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello").encode(),
        (HEAD + "Content-Length: -1\r\n\r\n").encode(),
        (HEAD + "Transfer-Encoding: chunked\r\n\r\nzz\r\n").encode(),
        (HEAD + "X : y\r\n\r\n").encode(),
    ],
    ids=["TLS", "version", "smuggling", "two lengths", "negative length", "bad chunk", "space before colon"],
)
def test_what_is_no_http_is_refused(port: int, raw: bytes) -> None:
    """400 or 401 and an end: no request is read in two ways."""
    answer, seconds = talk(port, raw)
    assert answer[:12] in {b"HTTP/1.1 400", b"HTTP/1.1 401"}
    assert answer.count(b"HTTP/1.1 ") <= 2
    assert seconds < 5


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_half_sent_requests_do_not_disturb_others(open_site: Callable[..., Site], port: int) -> None:
    """While fifty connections hang, an honest request is answered."""
    site = open_site()
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(socket.create_connection(("127.0.0.1", port))).sendall(HEAD.encode())
        body = b'{"type":"page.viewed","anonymous_id":"a","event_id":"e"}'
        head = f"{HEAD}Authorization: Bearer {site.write_key}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        answer, seconds = talk(port, head.encode() + body)
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert seconds < 5
    assert stored(site.engine) == [(1, "e")]
