"""``keys rotate-master`` as an operator runs it: beside a service, killed in the middle, with a file and with a setting."""

from __future__ import annotations

import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from lead_events import master_key
from tests.cli.running import MASTER_KEY, SOURCES, Ended, Serving, environment, run, serving

ROOT = SOURCES.parent
OTHER_KEY = bytes(range(70, 102)).hex()
FORM = {"type": "form.submitted", "properties": {"form_id": "f"}}
YESTERDAY = "2026-11-20T12:00:00Z"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with the master key of the tests."""
    path = tmp_path / "master.key"
    path.write_text(f"{MASTER_KEY}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def env(migrated_url: str, key_file: Path) -> dict[str, str]:
    """Settings that name the file; the log is founded."""
    found = environment(migrated_url, LEAD_EVENTS_MASTER_KEY="", LEAD_EVENTS_MASTER_KEY_FILE=str(key_file))
    assert run(found, "migrate").returncode == 0
    return found


def forms(first: int, last: int) -> list[dict[str, Any]]:
    """Forms of some people."""
    return [{**FORM, "event_id": f"e{n}", "traits": {"email": f"p{n}@firm.example"}} for n in range(first, last)]


def submit(service: Serving, key: str, first: int, last: int) -> None:
    """Send forms of some people."""
    answer = httpx.post(service.address + "/v1/events", json={"events": forms(first, last)}, headers={"x-api-key": key})
    assert answer.status_code == 202, answer.text


def read_emails(service: Serving, key: str, position: int) -> set[str]:
    """Return the addresses of all leads once a position is folded."""
    while True:
        answer = service.get(f"/v1/leads?limit=1000&after={position}", authorization=f"Bearer {key}")
        if answer.status_code == 200:
            return {lead["email"] for lead in answer.json()["data"]}
        assert answer.status_code == 503, answer.text


def make_key(env: dict[str, str]) -> str:
    """Make a secret key that tracks and reads."""
    made = run(env, "keys", "create", "--kind", "secret", "--source", "shop")
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def rotate_until_killed(env: dict[str, str], point: str) -> int:
    """Rotate in a process that kills itself at a point; return its exit code."""
    path = f"{SOURCES}:{ROOT / 'tests' / 'crash' / 'site'}:{ROOT}"
    command = [sys.executable, "-m", "lead_events", "keys", "rotate-master"]
    return subprocess.run(
        command, env={**env, "LEAD_EVENTS_TEST_CRASH": point, "PYTHONPATH": path}, capture_output=True, check=False, timeout=120
    ).returncode


def test_a_service_goes_on_while_the_master_key_is_rotated(env: dict[str, str], key_file: Path, tmp_path: Path) -> None:
    """Killed in the middle and run again: the same process takes events and shows leads before, between and after."""
    key, old = make_key(env), key_file.read_text()
    with serving(env, log=tmp_path / "log") as service:
        service.read_greeting()
        submit(service, key, 0, 400)
        submit(service, key, 400, 600)
        assert len(read_emails(service, key, 600)) == 600
        assert rotate_until_killed(env, "keys-rewrapped:2") == -signal.SIGKILL
        submit(service, key, 600, 650)
        assert len(read_emails(service, key, 650)) == 650
        done = run(env, "keys", "rotate-master")
        assert done.returncode == 0, done.stderr
        submit(service, key, 650, 700)
        assert len(read_emails(service, key, 700)) == 700
    assert run(env, "verify").returncode == 0
    (retired,) = tmp_path.glob("master.key.until-*")
    assert (retired.read_text(), len(master_key.read_all(key_file))) == (old, 1)
    assert {stat.S_IMODE(each.stat().st_mode) for each in (retired, key_file)} == {0o600}
    refused = run({**env, "LEAD_EVENTS_MASTER_KEY_FILE": str(retired)}, "verify", "log")
    assert (refused.returncode, "not the one" in refused.stderr) == (3, True)


@pytest.mark.parametrize("point", ["keys-before-commit:1", "keys-rewrapped:1", "keys-before-commit:2"])
def test_a_service_starts_wherever_a_rotation_was_killed(env: dict[str, str], key_file: Path, tmp_path: Path, point: str) -> None:
    """Both keys are in the file before anything is wrapped anew, so every start finds what it needs."""
    key = make_key(env)
    file = tmp_path / "forms.jsonl"
    file.write_bytes(b"".join(orjson.dumps({**form, "occurred_at": YESTERDAY}) + b"\n" for form in forms(0, 20)))
    assert "20 added" in run(env, "import", str(file), "--source", "shop").stdout
    assert rotate_until_killed(env, point) == -signal.SIGKILL
    assert len(master_key.read_all(key_file)) == 2
    with serving(env, log=tmp_path / "log") as service:
        service.read_greeting()
        submit(service, key, 20, 30)
        assert len(read_emails(service, key, 30)) == 30
    assert run(env, "verify", "log").returncode == 0
    assert run(env, "keys", "rotate-master").returncode == 0
    assert run(env, "verify", "log").returncode == 0


def test_with_a_setting_the_operator_writes_both_keys(migrated_url: str) -> None:
    """One key is refused with what to do; two are rotated to the first; then the first alone opens, the old one not."""
    env = environment(migrated_url)
    assert run(env, "migrate").returncode == 0
    refused = run(env, "keys", "rotate-master")
    assert (refused.returncode, "openssl rand -hex 32" in refused.stderr) == (3, True)
    both = run({**env, "LEAD_EVENTS_MASTER_KEY": f"{OTHER_KEY} {MASTER_KEY}"}, "keys", "rotate-master")
    assert both.returncode == 0, both.stderr
    assert verify(env, OTHER_KEY).returncode == 0
    assert verify(env, MASTER_KEY).returncode == 3


def verify(env: dict[str, str], key: str) -> Ended:
    """Check the log with one master key."""
    return run({**env, "LEAD_EVENTS_MASTER_KEY": key}, "verify", "log")


def test_preparing_only_writes_the_new_key_into_the_file(env: dict[str, str], key_file: Path) -> None:
    """The file can be copied to other machines first; the rotation then takes the key that is there."""
    assert run(env, "keys", "rotate-master", "--prepare").returncode == 0
    new, old = master_key.read_all(key_file)
    assert (old.hex(), run(env, "verify", "log").returncode) == (MASTER_KEY, 0)
    assert run(env, "keys", "rotate-master").returncode == 0
    assert master_key.read_all(key_file) == (new,)


def test_a_wrong_key_is_refused_before_a_new_one_is_made(env: dict[str, str], key_file: Path) -> None:
    """The file of another log stays as it is."""
    key_file.write_text(OTHER_KEY)
    refused = run(env, "keys", "rotate-master")
    assert (refused.returncode, key_file.read_text()) == (3, OTHER_KEY)
