"""Every answer that shows a person leaves a line of who read it; the line holds ids and never a value."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, select

from lead_events.store import api_keys, schema
from lead_events.store.api_keys import KeyKind
from lead_events.store.engine import reading, writing
from tests.api.identifying import Identifying
from tests.api.service import person, visitor


@pytest.fixture
def service(engine: Engine) -> Identifying:
    """A service with two known people and one visitor."""
    service = Identifying(engine)
    service.say(person("ada", anonymous_id="b-1", event_id="one"), person("bob"), visitor("b-2"))
    return service


def log_of(service: Identifying, lead_id: str, **params: Any) -> list[dict[str, Any]]:
    """Return all of a lead's access log, over as many pages as it takes."""
    service.reads.flush()
    return list(service.pull(list(params.items()), path=f"/v1/leads/{lead_id}/access-log"))


def ids(service: Identifying) -> tuple[str, str]:
    """Return the ids of the two, without reading them over HTTP."""
    from lead_events.domain.lead_id import encode_lead_id

    with reading(service.engine) as connection:
        foundings = connection.execute(select(schema.bindings.c.founding).order_by(schema.bindings.c.founding)).scalars().all()
    one, two = (encode_lead_id(service.vault.log_id, founding) for founding in foundings)
    return one, two


def test_each_kind_of_answer_leaves_its_line(service: Identifying) -> None:
    """Alone, in a list, looked up, explained, with its events, its traits, its company, its quarantine, and whole."""
    ada, bob = ids(service)
    service.say(person("ada", event_id="one", traits={"last_name": "Other"}))
    paths = {
        "lead": f"/v1/leads/{ada}", "list": "/v1/leads", "lookup": "/v1/leads/lookup?email=ada@firm.example",
        "timeline": f"/v1/leads/{ada}/timeline", "score": f"/v1/leads/{ada}/score", "traits": f"/v1/leads/{ada}/traits",
        "company": "/v1/companies/firm.example", "quarantine": "/v1/quarantine",
        "personal-data": f"/v1/leads/{ada}/personal-data",
    }  # fmt: skip
    for what, path in paths.items():
        assert service.get(path).status_code == 200, what
    assert [line["what"] for line in log_of(service, ada)] == list(reversed(paths))
    assert {line["what"] for line in log_of(service, bob)} == {"list", "company"}
    key_id = service.secret.split("_")[1]
    assert {(line["key_id"], line["source"]) for line in log_of(service, ada)} == {(key_id, "shop")}


def test_a_merge_candidate_is_shown_and_noted(service: Identifying) -> None:
    """Both people of the pair."""
    service.say(person("bob", anonymous_id="b-1"))
    assert service.candidates()
    for lead_id in ids(service):
        assert "merge-candidates" in {line["what"] for line in log_of(service, lead_id)}


def test_what_shows_nobody_leaves_no_line(service: Identifying) -> None:
    """Neither a visitor of whom nothing is known, nor an answer that says "as you know it", nor a refused request."""
    ada, _ = ids(service)
    assert service.get("/v1/leads?stage=visitor").json()["data"]
    etag = service.get(f"/v1/leads/{ada}").headers["etag"]
    assert service.get(f"/v1/leads/{ada}", if_none_match=etag).status_code == 304
    assert service.get(f"/v1/leads/{ada}", key=service.events_only).status_code == 403
    assert [line["what"] for line in log_of(service, ada)] == ["lead"]
    with reading(service.engine) as connection:
        assert len(connection.execute(select(schema.reads_of_leads)).all()) == 1


def test_the_log_of_a_merged_lead_is_that_of_both(service: Identifying) -> None:
    """Whoever read one of them read the person."""
    ada, bob = ids(service)
    for lead_id in (ada, bob):
        service.get(f"/v1/leads/{lead_id}")
    service.merge(bob, ada)
    for lead_id in (ada, bob):
        assert [line["lead_id"] for line in log_of(service, lead_id)] == [bob, ada]


def test_it_is_paged_and_has_a_scope_of_its_own(service: Identifying) -> None:
    """Page after page gives every line once, newest first; reading leads is not enough."""
    ada, bob = ids(service)
    for _ in range(5):
        service.get(f"/v1/leads/{ada}")
    assert log_of(service, ada, limit=2) == log_of(service, ada)
    times = [line["at"] for line in log_of(service, ada)]
    assert (times, len(times)) == (sorted(times, reverse=True), 5)
    assert service.get(f"/v1/leads/{ada}/access-log", key=service.reads_only).status_code == 403
    cursor = service.get(f"/v1/leads/{ada}/access-log?limit=2").json()["next_cursor"]
    assert service.get(f"/v1/leads/{bob}/access-log?cursor={cursor}").status_code == 400
    with writing(service.engine) as connection:
        auditor = api_keys.create(connection, KeyKind.SECRET, "auditor", ["audit:read"])[1]
    assert service.get(f"/v1/leads/{ada}/access-log", key=auditor).status_code == 200
    assert service.get(f"/v1/leads/{ada}", key=auditor).status_code == 403
