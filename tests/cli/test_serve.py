"""``serve`` as an operator sees it: refuses, greets, recovers, ends."""

from __future__ import annotations

import re
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests import databases
from tests.cli.running import Serving, environment, run, serving

EVENT = {"type": "page.viewed", "anonymous_id": "visitor-1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder in which the service is started for the first time."""
    return tmp_path_factory.mktemp("first")


@pytest.fixture(scope="module")
def first(folder: Path) -> Iterator[Serving]:
    """The first start in an empty folder, without any setting but the level of its log."""
    env = environment("", LEAD_EVENTS_MASTER_KEY="", LEAD_EVENTS_LOG_LEVEL="debug")
    with serving(env, "--upgrade", log=folder / "log", cwd=folder) as service:
        service.read_greeting()
        yield service


def bearer(service: Serving, kind: str) -> dict[str, str]:
    """Return the header with one of the keys that were printed."""
    key = re.search(rf"{kind}_[\w-]+", service.printed)
    assert key
    return {"authorization": f"Bearer {key[0]}"}


def test_the_first_start_of_an_empty_folder_serves(first: Serving, folder: Path) -> None:
    """One command makes database, master key and API keys; the printed keys work."""
    answer = httpx.post(first.address + "/v1/events", json=EVENT, headers=bearer(first, "wk"))
    assert (answer.status_code, answer.json()["results"][0]["outcome"]) == (202, "created")
    assert first.get("/readyz").json()["status"] == "ready"
    assert stat.S_IMODE((folder / "var" / "lead-events.key").stat().st_mode) == 0o600


def test_the_greeting_ends_with_three_lines_to_paste(first: Serving) -> None:
    """The last three lines are shell commands with the address and the keys filled in; the first one posts an event."""
    lines = first.printed.splitlines()[-3:]
    assert [line.split()[0] for line in lines] == ["curl"] * 3
    assert all(first.address in line and re.search("[sw]k_", line) for line in lines)
    posted = subprocess.run(["/bin/sh", "-c", lines[0]], capture_output=True, text=True, timeout=30, check=True)
    assert '"outcome":"created"' in posted.stdout


def test_the_docs_need_no_internet(first: Serving) -> None:
    """Everything the page loads comes from the service, and nothing inline is allowed to run."""
    assert first.get("/").headers["location"] == "docs"
    page = first.get("/docs")
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert "http" not in page.text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {first.get(f"/{path}").status_code for path in [*loaded, "openapi.json"]} == {200}


def test_logs_hold_no_values_of_clients(first: Serving, folder: Path) -> None:
    """Neither a query string, a path, a key nor a body reaches a log line, at any level."""
    event = {"type": "form.submitted", "traits": {"email": "canary@firm.example"}, "properties": {"form_id": "f"}}
    httpx.post(first.address + "/v1/events?canary=1", json=event, headers=bearer(first, "wk"))
    httpx.post(first.address + "/v1/events", json={**event, "type": "canary"}, headers=bearer(first, "wk"))
    first.get("/canary/canary@firm.example?email=canary@firm.example")
    first.get("/v1/leads/canary", authorization="Bearer sk_canary")
    lines = (folder / "log").read_text()
    assert lines.count('"event":"request"') >= 4
    assert "canary" not in lines
    assert bearer(first, "wk")["authorization"].split()[1] not in lines


def test_a_killed_projector_is_started_again(first: Serving, folder: Path) -> None:
    """What was posted after it died is folded all the same."""
    psutil.Process(first.process.pid).children()[0].kill()
    httpx.post(first.address + "/v1/events", json=EVENT, headers=bearer(first, "wk"))
    wait_until_folded(first.address, folder / "log")


def wait_until_folded(address: str, log: Path) -> None:
    """Ask until the projector has caught up; each answer takes the time of a request."""
    for _ in range(20_000):
        if httpx.get(address + "/readyz").json()["projector"]["lag_events"] == 0:
            return
    pytest.fail(log.read_text())


def test_it_starts_and_ends_by_signals_with_its_projector(database_url: str, tmp_path: Path) -> None:
    """SIGTERM and SIGINT both mean exit code 0 and nothing left running; keys are printed by the first start only."""
    env = environment(database_url)
    for how, options in ((signal.SIGTERM, ["--upgrade"]), (signal.SIGINT, [])):
        with serving(env, *options, log=tmp_path / "log") as service:
            assert ("sk_" in service.read_greeting()) is bool(options)
            children = psutil.Process(service.process.pid).children()
            assert len(children) == 1
            assert service.end(how) == 0
            assert [child for child in children if child.is_running()] == []


def test_a_killed_parent_takes_its_projector_with_it(tmp_path: Path) -> None:
    """No projector is left without a service."""
    url = databases.migrate(databases.fresh_sqlite_url(tmp_path))
    with serving(environment(url), log=tmp_path / "log") as service:
        service.read_greeting()
        children = psutil.Process(service.process.pid).children()
        service.end(signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=30)
        assert (len(children), alive) == (1, [])


def test_an_older_schema_is_refused_with_the_command(database_url: str) -> None:
    """Nothing is changed unless asked for."""
    for command in (("serve", "--port", "0"), ("worker",)):
        refused = run(environment(database_url), *command)
        assert refused.returncode == 3
        assert "./lead-events migrate" in refused.stderr


@pytest.mark.parametrize(
    ("key", "words"), [("", "LEAD_EVENTS_MASTER_KEY"), ("f" * 64, "master key is not the one")], ids=["missing", "wrong"]
)
def test_without_its_master_key_it_starts_and_says_so(tmp_path: Path, key: str, words: str) -> None:
    """Health answers, readiness names the reason, events are told to come later; no new key is made."""
    url = databases.fresh_sqlite_url(tmp_path)
    assert run(environment(url), "migrate").returncode == 0
    with serving(environment(url, LEAD_EVENTS_MASTER_KEY=key), log=tmp_path / "log") as service:
        assert words in service.read_greeting()
        assert service.get("/healthz").status_code == 200
        answer = service.get("/readyz")
        assert (answer.status_code, words in answer.json()["reasons"][0]) == (503, True)
        refused = httpx.post(service.address + "/v1/events", json=EVENT)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert list(tmp_path.glob("*.key")) == []


def test_a_taken_port_is_one_clear_line(migrated_url: str) -> None:
    """It says which port, and how to choose another."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        refused = run(environment(migrated_url), "serve", "--port", port)
    assert refused.returncode == 3
    assert refused.stderr.count("\n") == 1
    assert port in refused.stderr


def test_two_first_starts_at_once_make_one_pair_of_keys(database_url: str) -> None:
    """The second one finds the first one's keys."""
    from lead_events.cli.welcome import create_first_keys

    assert run(environment(database_url), "migrate").returncode == 0
    engine = databases.connect(database_url)
    made = [create_first_keys(engine) for _ in range(2)]
    engine.dispose()
    assert [keys is None for keys in made] == [False, True]
