"""Lines of who read whom, from the running service and from the command line."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from tests import databases
from tests.cli.running import catch_up, environment, run, serving

FORM = {"type": "form.submitted", "properties": {"form_id": "f"}, "traits": {"email": "ada@firm.example"}}


@pytest.fixture
def env(migrated_url: str) -> dict[str, str]:
    """A founded database."""
    found = environment(migrated_url)
    assert run(found, "migrate").returncode == 0
    return found


def lines(url: str) -> list[tuple[str, str]]:
    """Return key and kind of every line."""
    from lead_events.store.engine import reading
    from lead_events.store.schema import reads_of_leads as table

    engine = databases.connect(url)
    with reading(engine) as connection:
        found = [(key_id, what) for key_id, what in connection.execute(select(table.c.key_id, table.c.what).order_by(table.c.at))]
    engine.dispose()
    return found


def test_the_service_writes_them_before_it_ends(env: dict[str, str], migrated_url: str, tmp_path: Path) -> None:
    """A read answered just before the end has its line."""
    key = run(env, "keys", "create", "--kind", "secret", "--source", "crm").stdout.strip()
    given = {"authorization": f"Bearer {key}"}
    with serving(env, log=tmp_path / "log") as service:
        service.read_greeting()
        assert httpx.post(service.address + "/v1/events", json=FORM, headers=given).status_code == 202
        while service.get("/v1/leads?after=1", **given).status_code == 503:
            pass
        assert len(service.get("/v1/leads/lookup?email=ada@firm.example", **given).json()["data"]) == 1
        assert service.end(signal.SIGTERM) == 0
    key_id = key.split("_")[1]
    assert lines(migrated_url) == [(key_id, "list"), (key_id, "lookup")]


def test_an_export_leaves_a_line_for_each_person(env: dict[str, str], migrated_url: str, tmp_path: Path) -> None:
    """One per person and export, before anything is written."""
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(f'{{"type":"page.viewed","event_id":"e{n}","anonymous_id":"a{n % 2}"}}' for n in range(6)))
    assert run(env, "import", str(file)).returncode == 0
    catch_up(env)
    assert run(env, "export", "--out", str(tmp_path / "out")).returncode == 0
    assert lines(migrated_url) == [("cli", "export")] * 2
