"""The service ends when told to without losing what it acknowledged, and syncs before it acknowledges."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from tests.crash import dying, fsync_order, ledger
from tests.crash.clients import Load
from tests.crash.rounds import KILLS, Campaign, campaign


class Poller(threading.Thread):
    """A load balancer that asks ``/readyz`` on a kept connection until nobody answers."""

    def __init__(self, address: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self.answers: list[int] = []

    def run(self) -> None:
        """Ask."""
        with httpx.Client(timeout=10, trust_env=False) as client:
            try:
                while True:
                    self.answers.append(client.get(f"{self._address}/readyz").status_code)
            except httpx.HTTPError:
                return


def test_sigterm_under_load_loses_nothing(migrated_url: str, tmp_path: Path) -> None:
    """Exit code 0, not ready before the end and never ready again, and every client is answered by the next process."""
    with campaign(migrated_url, tmp_path) as begun, Load(begun) as load:
        told: list[int] = []
        drains = 0
        # A poll may just miss the first moments, or the last.
        while drains < 1 + KILLS // 2 or (set(told) != {200, 503} and drains < 10):
            server = begun.start("serve", "--port", "0", *["--no-projector"] * (drains > 0))
            drains += 1
            address = server.read_address()
            load.go_to(address)
            pollers = [Poller(address) for _ in range(2)]
            for poller in pollers:
                poller.start()
            assert begun.ledger.wait_for(begun.random.randint(10, 60))
            server.signal(signal.SIGTERM)
            assert server.end() == 0
            for poller in pollers:
                poller.join()
                assert poller.answers == sorted(poller.answers)
                told += poller.answers
        assert set(told) == {200, 503}
        server = begun.start("serve", "--port", "0", "--no-projector")
        load.go_to(server.read_address())
        load.finish()
        server.kill()
        sent, acked = ledger.count(begun.ledger.path)
        assert sent == acked > 20
        assert load.refused == []
        assert begun.findings() == []


@pytest.fixture
def begun(sqlite_copy: str, tmp_path: Path) -> Iterator[Campaign]:
    """A campaign on SQLite."""
    with campaign(sqlite_copy, tmp_path) as one:
        yield one


def begin_request(begun: Campaign, address: str, event_id: str) -> tuple[socket.socket, bytes]:
    """Send the head of a request and wait until the service asks for its body; return the body."""
    body = orjson.dumps({"type": "page.viewed", "anonymous_id": "w1", "event_id": event_id})
    target = urlsplit(address)
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: {target.netloc}\r\nAuthorization: Bearer {begun.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    client = socket.create_connection((target.hostname or "", target.port or 0), timeout=30)
    client.sendall(head.encode())
    assert client.recv(1_000).startswith(b"HTTP/1.1 100")
    return client, body


def test_a_request_under_way_is_finished_after_sigterm(begun: Campaign) -> None:
    """Its body arrives when nobody can connect any more; it is kept and acknowledged."""
    server = begun.start("serve", "--port", "0", "--no-projector")
    address = server.read_address()
    client, body = begin_request(begun, address, "under-way")
    server.signal(signal.SIGTERM)
    begun.wait_until(lambda: is_refused(address))
    begun.ledger.sent(["under-way"])
    client.sendall(body)
    answer = HTTPResponse(client)
    answer.begin()
    assert answer.status == 202
    begun.ledger.acked(orjson.loads(answer.read())["results"])
    assert server.end() == 0
    assert begun.findings() == []


def is_refused(address: str) -> bool:
    """Say whether nobody listens there."""
    target = urlsplit(address)
    try:
        socket.create_connection((target.hostname or "", target.port or 0), timeout=1).close()
    except OSError:
        return True
    return False


def test_a_second_sigterm_ends_at_once(begun: Campaign) -> None:
    """The exit code tells that requests under way were cut."""
    server = begun.start("serve", "--port", "0", "--no-projector")
    address = server.read_address()
    client, _ = begin_request(begun, address, "cut")
    server.signal(signal.SIGTERM)
    begun.wait_until(lambda: is_refused(address))
    server.signal(signal.SIGTERM)
    assert server.end() == 1
    client.close()
    assert begun.findings() == []


def trace(begun: Campaign, **settings: str) -> list[str]:
    """Return the system calls of a server that answers one client with 202 twenty times."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: the order of sync and answer cannot be watched")
    server = begun.start("serve", "--port", "0", "--no-projector", **settings)
    address, output = server.read_address(), begun.folder / "strace"
    calls = "trace=pwrite64,write,writev,sendto,sendmsg,fdatasync,fsync"
    command = [strace, "-f", "-y", "-s", "40", "-e", calls, "-e", "signal=none", "-o", str(output), "-p", str(server.process.pid)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stderr is not None
        attached = watching.stderr.readline()
        if "attached" not in attached:
            server.kill()
            pytest.skip(f"strace may not watch here: {attached.strip()}")
        with httpx.Client(timeout=10, trust_env=False) as client:
            for event in begun.say(20):
                begun.ledger.sent([event["event_id"]])
                answer = client.post(f"{address}/v1/events", json=event, headers={"Authorization": f"Bearer {begun.key}"})
                begun.ledger.acked(answer.json()["results"])
        server.kill()
        watching.communicate()
    return output.read_text().splitlines()


def test_every_acknowledgement_follows_its_sync(begun: Campaign) -> None:
    """Of twenty answers 202, each is written to its socket after a completed sync of the log that carries its event."""
    calls = trace(begun)
    assert sum(fsync_order.ACCEPTED in call for call in calls) == 20
    assert fsync_order.find_unsafe(calls) == []
    assert begun.findings() == []


def test_the_order_checker_finds_a_server_that_does_not_sync(begun: Campaign) -> None:
    """The same server with SQLite's ``synchronous`` off is caught at every answer."""
    calls = trace(begun, **{dying.SYNCHRONOUS: "OFF"})
    assert len(fsync_order.find_unsafe(calls)) == 20
