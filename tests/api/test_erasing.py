"""Erasure over HTTP: rehearsed, proved, told to pull clients, and told apart from everybody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select

from lead_events.api import erasing as route
from lead_events.store import erasing, schema
from lead_events.store.engine import reading
from lead_events.store.erasure_ledger import Ledger
from lead_events.store.erasure_receipts import is_genuine
from lead_events.store.log import Kept
from lead_events.store.verify import verify_log
from tests.api.identifying import Identifying
from tests.api.service import person, visitor


class Erasing(Identifying):
    """A service that can erase, with its ledger in a file."""

    def __init__(self, engine: Engine, ledger: Path) -> None:
        """Add the route and the ledger."""
        super().__init__(engine)
        self.app.include_router(route.router)
        self.app.state.erasure_ledger = Ledger(ledger)

    def erase(self, lead_id: str, **body: Any) -> dict[str, Any]:
        """Erase a lead while a projector is at work, as it is in life."""
        with self.projecting():
            answer = self.post(f"/v1/leads/{lead_id}/erase", body)
        assert answer.status_code == 200, answer.text
        receipt: dict[str, Any] = answer.json()
        return receipt

    def resend(self, *events: dict[str, Any]) -> list[Kept]:
        """Send events again later, under new ids, with the times that they had."""
        return [outcome.kept for outcome in self.append(*events)]

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        with reading(self.engine) as connection:
            return len(connection.execute(select(schema.metadata.tables[table])).all())


@pytest.fixture
def service(engine: Engine, tmp_path: Path) -> Erasing:
    """A service with anna, who shared a browser with boris."""
    service = Erasing(engine, tmp_path / "ledger.erasures")
    service.say(
        visitor("w1", "/anna"),
        person("anna", anonymous_id="w1", traits={"first_name": "Anna", "phone": "+79161234567"}),
        visitor("w1", "/anna-again"),
        person("boris", anonymous_id="w1", traits={"first_name": "Boris"}),
        visitor("w1", "/boris"),
        person("anna", "file.downloaded"),
    )
    return service


def test_a_rehearsal_counts_and_destroys_nothing(service: Erasing) -> None:
    """``dry_run`` says what would go; everything is still there."""
    anna = service.find(email="anna@firm.example")
    answer = service.post(f"/v1/leads/{anna['id']}/erase?dry_run=true")
    counts = {"leads": 1, "events": 4, "sealed_parts": 1, "identifiers": 2, "browsers": 1, "keys": 2, "quarantined": 0}
    assert (answer.status_code, answer.json()["destroyed"]) == (200, counts)
    assert answer.json()["signature"] is None
    assert service.find(email="anna@firm.example") == anna


def test_an_erasure_leaves_a_tombstone_a_change_and_a_signed_receipt(service: Erasing) -> None:
    """Pull clients see ``deleted``, the feed says so with ids only, the receipt counts what is gone."""
    anna = service.find(email="anna@firm.example")
    seen = service.feed()
    receipt = service.erase(anna["id"], author="dpo", reason="asked")
    assert (receipt["destroyed"]["events"], receipt["lead_ids"]) == (4, [anna["id"]])
    assert is_genuine(receipt, service.vault.public_key)
    assert not is_genuine({**receipt, "erased_at": anna["updated_at"]}, service.vault.public_key)
    tombstone = next(lead for lead in service.pull([("updated_since", anna["updated_at"])]) if lead["id"] == anna["id"])
    assert (tombstone["deleted"], tombstone["email"], tombstone["events"], tombstone["traits"]) == (True, None, 0, {})
    assert service.lead(anna["id"])["deleted"]
    (said,) = service.feed()[len(seen) :]
    assert (said["kind"], said["lead_id"], said["new"]) == ("lead.erased", anna["id"], None)
    assert said["old"] == next(change["new"] for change in reversed(seen) if change["lead_id"] == anna["id"])
    assert [each["lead"] for each in service.get("/v1/leads/lookup", {"email": "anna@firm.example"}).json()["data"]] == [None]
    assert verify_log(service.engine, service.vault) == []


def test_nothing_more_can_be_said_of_an_erased_lead(service: Erasing) -> None:
    """Its history is gone, and to add to it is refused; erasing it again gives the same receipt."""
    anna = service.find(email="anna@firm.example")["id"]
    receipt = service.erase(anna)
    assert service.get(f"/v1/leads/{anna}/timeline").status_code == 410
    assert service.patch(anna, {"first_name": "Anna"}).status_code == 410
    assert service.get(f"/v1/leads/{anna}/traits").json()["data"] == {}
    assert service.erase(anna) == receipt


def test_only_a_key_that_may_erase_erases(service: Erasing) -> None:
    """The scope is one of its own, an unknown lead is not found, and none of that destroys anything."""
    anna = service.find(email="anna@firm.example")["id"]
    assert service.post(f"/v1/leads/{anna}/erase", key=service.reads_only).status_code == 403
    assert service.post("/v1/leads/ld_000000000100000000/erase").status_code == 404
    assert service.find(email="anna@firm.example")["id"] == anna


def test_the_other_person_of_a_shared_browser_keeps_everything(service: Erasing) -> None:
    """What boris did, and goes on doing on that browser, is his; what was hers is nobody's."""
    boris = service.find(email="boris@firm.example")
    service.erase(service.find(email="anna@firm.example")["id"])
    ledger = {"position", "updated_at"}  # whoever may have named her is read again
    kept = service.find(email="boris@firm.example")
    assert {k: v for k, v in kept.items() if k not in ledger} == {k: v for k, v in boris.items() if k not in ledger}
    service.say(visitor("w1", "/boris-later"))
    assert service.find(email="boris@firm.example")["events"] == boris["events"] + 1


def test_late_events_of_the_erased_person_are_stored_nowhere(service: Erasing) -> None:
    """From before the erasure: by her address, or from the browser while it was hers; his are stored."""
    anna, before = service.find(email="anna@firm.example")["id"], service.now
    service.erase(anna)
    events, sealed = service.count("events"), service.count("sealed")
    hers = {"occurred_at": "2026-11-21T12:00:01Z"}
    assert service.resend(person("anna", **hers), visitor("w1", **hers)) == [Kept.ERASED, Kept.ERASED]
    assert (service.count("events"), service.count("sealed")) == (events, sealed)
    assert service.resend(visitor("w1", occurred_at="2100-01-04T12:00:05.5Z")) == [Kept.CREATED]
    assert service.now > before


def test_a_later_visit_makes_a_new_lead(service: Erasing) -> None:
    """After the erasure she is somebody nobody knows: by her address, and by the browser that she still owns."""
    service.say(person("clara", anonymous_id="w2"), visitor("w2", "/a"))
    clara = service.find(email="clara@firm.example")["id"]
    service.erase(clara)
    service.say(visitor("w2", "/b"), person("clara"))
    again = service.find(email="clara@firm.example")
    assert (again["id"] != clara, again["events"]) == (True, 1)
    service.say(person("clara", anonymous_id="w2"))
    assert service.find(email="clara@firm.example")["events"] == 3
    assert service.lead(clara)["deleted"]


def test_everything_merged_goes_and_an_unmerge_brings_nothing_back(service: Erasing) -> None:
    """The person is all the leads that were found to be one."""
    service.say(person("clara", traits={"first_name": "Clara"}))
    anna, clara = (service.find(email=f"{name}@firm.example")["id"] for name in ("anna", "clara"))
    service.merge(clara, anna)
    receipt = service.erase(clara)
    assert sorted(receipt["lead_ids"]) == sorted([anna, clara])
    service.post(f"/v1/leads/{clara}/unmerge", {})
    service.catch_up()
    for lead_id in (anna, clara):
        lead = service.get(f"/v1/leads/{lead_id}").json()["data"]
        assert (lead["deleted"], lead["email"], lead["traits"]) == (True, None, {})


def test_a_replay_after_an_erasure_gives_the_same_rows(service: Erasing) -> None:
    """Live folded what it then forgot; a build never sees it; both hold the same."""
    service.erase(service.find(email="anna@firm.example")["id"])
    document = orjson.loads(orjson.dumps(service.get("/v1/models/1").json()["document"]))
    generation_id = service.replayed(document)
    service.catch_up()
    assert service.rows(generation_id) == service.rows(service.live)


def test_a_conflict_in_quarantine_goes_with_its_person(service: Erasing) -> None:
    """Of the events that never entered the log, hers are gone and his stay."""
    hers, his = person("anna", event_id="a-1"), person("boris", event_id="b-1")
    changed = {"first_name": "Other"}
    service.say(hers, his)
    kept = service.append(person("anna", event_id="a-1", traits=changed), person("boris", event_id="b-1", traits=changed))
    assert [outcome.kept for outcome in kept] == [Kept.QUARANTINED, Kept.QUARANTINED]
    service.erase(service.find(email="anna@firm.example")["id"])
    left = service.get("/v1/quarantine").json()["data"]
    assert [each["event_id"] for each in left] == ["b-1"]


def test_a_restored_backup_is_erased_again_before_it_opens(service: Erasing, tmp_path: Path) -> None:
    """The ledger outlives the database: what the backup still holds is gone before anybody can ask, once."""
    ledger = Ledger(tmp_path / "ledger.erasures")
    anna = service.find(email="anna@firm.example")["id"]
    before = {name: _dump(service.engine, name) for name in _TABLES}
    service.erase(anna)
    _restore(service.engine, before)
    service.vault.notice(-1)
    assert service.find(email="anna@firm.example")["id"] == anna
    assert erasing.reapply(service.engine, service.vault, ledger) == 1
    service.catch_up()
    assert service.lead(anna)["deleted"]
    assert service.resend(person("anna", occurred_at="2026-11-21T12:00:01Z")) == [Kept.ERASED]
    assert erasing.reapply(service.engine, service.vault, ledger) == 0
    assert verify_log(service.engine, service.vault) == []


_TABLES = [table for table in schema.metadata.tables if table not in {"api_keys", "models", "sources"}]


def _dump(engine: Engine, name: str) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(select(schema.metadata.tables[name])).mappings()]


def _restore(engine: Engine, tables: dict[str, list[dict[str, Any]]]) -> None:
    """Put the rows back as a restore does, past the triggers that guard the log."""
    with engine.connect() as connection, connection.begin():
        _lift_guard(engine, connection)
        for name, rows in tables.items():
            connection.execute(schema.metadata.tables[name].delete())
            if rows:
                connection.execute(schema.metadata.tables[name].insert(), rows)


def _lift_guard(engine: Engine, connection: Any) -> None:
    if engine.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP FUNCTION refuse_change() CASCADE")
        return
    names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
    for trigger in names:
        connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
