"""What ``POST /v1/events`` answers, and that what it acknowledges is in the log."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

from sqlalchemy import text

from lead_events.api.door_openapi import openapi_path, openapi_schemas
from lead_events.domain.event_types import TYPES, is_public
from lead_events.store.engine import writing
from tests.api.conftest import Site, assert_problem
from tests.builders import form_submitted, make_event, page_viewed
from tests.logs import stored

_BAD = {"type": "page.viewed"}


def outcomes(body: dict[str, Any]) -> list[str]:
    """Return the outcomes of an answer."""
    return [result["outcome"] for result in body["results"]]


def test_one_event_is_created_once(site: Site) -> None:
    """The first answer has its position; a retry has the same one and is a duplicate."""
    first, again = (site.post(page_viewed(event_id="a")) for _ in range(2))
    assert first.status_code == again.status_code == 202
    assert first.json() == {"position": 1, "results": [{"event_id": "a", "outcome": "created", "position": 1}]}
    assert again.json() == {"position": 1, "results": [{"event_id": "a", "outcome": "duplicate", "position": 1}]}
    assert stored(site.engine) == [(1, "a")]


def test_an_event_without_an_id_is_given_one(site: Site) -> None:
    """The id in the answer is the one in the log."""
    [result] = site.post(page_viewed()).json()["results"]
    assert stored(site.engine) == [(1, result["event_id"])]


def test_other_content_under_a_taken_id_is_quarantined(site: Site) -> None:
    """The answer says so, and names the event that had the id first."""
    site.post(page_viewed(event_id="a"))
    answer = site.post(page_viewed("/other", event_id="a"))
    assert answer.status_code == 202
    assert answer.json()["results"] == [{"event_id": "a", "outcome": "quarantined", "position": 1}]


def test_good_events_of_a_batch_are_kept(site: Site) -> None:
    """Each bad one is named by its place and its field; the order of results is the order sent."""
    batch = [
        page_viewed(event_id="a"),
        {**_BAD, "event_id": "b"},
        form_submitted(event_id="c", traits={"email": "no"}),
        7,
        page_viewed(event_id="a"),
    ]
    answer = site.post({"events": batch})
    body = answer.json()
    assert answer.status_code == 202
    assert body["position"] == 1
    assert outcomes(body) == ["created", "rejected", "rejected", "rejected", "duplicate"]
    problems = [result.get("problem", {}) for result in body["results"]]
    assert [(p["code"], p["pointer"]) for p in problems if p] == [
        ("missing_identity", "/events/1"),
        ("invalid_field", "/events/2/traits/email"),
        ("invalid_event", "/events/3"),
    ]
    assert problems[2]["errors"][0]["pointer"] == "/events/2/traits/email"
    assert [result.get("event_id") for result in body["results"]] == ["a", "b", "c", None, "a"]
    assert stored(site.engine) == [(1, "a")]


def test_a_single_bad_event_is_a_problem_that_names_the_field(site: Site) -> None:
    """422, with a pointer into the event as it was sent."""
    body = assert_problem(site.post(page_viewed(occurred_at="yesterday")), 422, "invalid_time")
    assert body["errors"][0]["pointer"] == "/occurred_at"
    assert "yesterday" not in str(body)


def test_a_batch_with_nothing_good_is_a_problem_that_has_results(site: Site) -> None:
    """422, and still one result per event."""
    body = assert_problem(site.post({"events": [_BAD, page_viewed(occurred_at=1)]}), 422, "nothing_kept")
    assert outcomes(body) == ["rejected", "rejected"]
    assert [error["pointer"] for error in body["errors"]] == ["/events/1/occurred_at"]
    one = assert_problem(site.post({"events": [_BAD]}), 422, "nothing_kept")
    assert outcomes(one) == ["rejected"]


def test_a_batch_is_a_list_of_events(site: Site) -> None:
    """Whatever else stands under ``events`` is named as the fault."""
    wrong: list[object] = [[], {}, "x", None, 1]
    for events in wrong:
        body = assert_problem(site.post({"events": events}), 422, "invalid_batch")
        assert body["errors"][0]["pointer"] == "/events"


def test_an_unknown_lead_id_is_refused_alone(site: Site) -> None:
    """The log itself finds it out; the events beside it are kept."""
    bad = page_viewed(lead_id="ld_0000000001abcdef")
    body = site.post({"events": [page_viewed(event_id="a"), bad]}, site.secret_key).json()
    assert outcomes(body) == ["created", "rejected"]
    assert body["results"][1]["problem"]["pointer"] == "/events/1/lead_id"
    assert_problem(site.post(bad, site.secret_key), 422, "unknown_lead")


def test_both_spellings_of_the_path_are_served(site: Site) -> None:
    """A redirect would lose bodies."""
    assert site.post(page_viewed(event_id="a"), path="/v1/events/").status_code == 202


def test_other_methods_are_refused(site: Site) -> None:
    """405, with the methods that are allowed."""
    for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
        answer = site.ask(method, "/v1/events")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "POST, OPTIONS"


def test_other_paths_go_to_the_application(site: Site) -> None:
    """The door takes nothing that is not its own."""
    assert site.ask("GET", "/openapi.json").json()["openapi"].startswith("3.")
    assert site.ask("POST", "/v1/events/x").status_code == 404


def test_limits_of_a_request(site: Site) -> None:
    """501 events or a byte beyond 512 KB are 413, and nothing of them is kept; 500 events pass."""
    events = [page_viewed(event_id=f"e{number}") for number in range(501)]
    assert_problem(site.post({"events": events}), 413, "too_large")
    assert_problem(site.post(b" " * (512 * 1024 + 1)), 413, "too_large")
    assert stored(site.engine) == []
    assert site.post({"events": events[:500]}).json()["position"] == 500


def test_a_body_that_hides_its_length_is_counted_while_it_is_read(site: Site) -> None:
    """Without a content length, reading stops at the limit."""
    given = 0

    async def endless() -> Any:
        nonlocal given
        while True:
            given += 1
            yield b" " * 65_536

    answer = site.ask("POST", "/v1/events", content=endless(), headers={"authorization": f"Bearer {site.write_key}"})
    assert_problem(answer, 413, "too_large")
    assert answer.headers["connection"] == "close"
    assert given < 20


def test_gzip_bodies_are_unpacked(site: Site) -> None:
    """The body counts as what it unpacks to."""
    body = gzip.compress(b'{"events": [{"type": "page.viewed", "anonymous_id": "a", "event_id": "g"}]}')
    for packing in ("gzip", "x-gzip", "GZIP"):
        assert site.post(body, headers={"content-encoding": packing}).status_code == 202
    assert stored(site.engine) == [(1, "g")]


_USELESS_GZIP = {
    "600 KB": (gzip.compress(b" " * 600_000), 413, "too_large"),
    "a bomb": (gzip.compress(b" " * 100_000_000), 413, "too_large"),
    "cut": (gzip.compress(b'{"type":"page.viewed"}')[:-6], 400, "malformed_body"),
    "followed": (gzip.compress(b"{}") + b"more", 400, "malformed_body"),
    "two members": (gzip.compress(b"{}") * 2, 400, "malformed_body"),
    "not gzip": (b"{}", 400, "malformed_body"),
    "empty": (b"", 400, "malformed_body"),
    "packed twice": (gzip.compress(gzip.compress(b"{}")), 400, "invalid_json"),
}


def test_gzip_that_cannot_be_used(site: Site) -> None:
    """Bombs, cuts and additions are refused, within the limits of any body."""
    for body, status, code in _USELESS_GZIP.values():
        assert_problem(site.post(body, headers={"content-encoding": "gzip"}), status, code)


def test_other_encodings_are_refused(site: Site) -> None:
    """415, before anything is unpacked."""
    for packing in ("deflate", "br", "zstd", "gzip, gzip"):
        assert_problem(site.post(b"{}", headers={"content-encoding": packing}), 415, "unsupported_media")


def test_media_types_that_browsers_send_are_accepted(site: Site) -> None:
    """A beacon is plain text, because that needs no preflight."""
    for media in ("application/json", "application/json; charset=utf-8", "Text/Plain;charset=UTF-8", "text/plain", ""):
        assert site.post(page_viewed(), headers={"content-type": media}).status_code == 202


def test_other_media_types_are_refused(site: Site) -> None:
    """415 for what is not JSON."""
    for media in ("application/x-www-form-urlencoded", "multipart/form-data", "application/xml", "x"):
        assert_problem(site.post(page_viewed(), headers={"content-type": media}), 415, "unsupported_media")


def test_public_and_private_types_crossed_with_both_kinds_of_key(site: Site) -> None:
    """A write key sends what a browser can witness, a secret key everything but what only the service appends."""
    server_only = {"lead.merged", "lead.unmerged", "lead.erased", "generation.promoted"}
    for name in sorted([*TYPES, "custom.happened", "deal.imagined", "lead.imagined"]):
        event = make_event(name, author=None) if is_public(name) else make_event(name)
        by_write, by_secret = site.post(event), site.post(event, site.secret_key)
        if name in server_only:
            assert_problem(by_write, 422, "not_allowed")
            assert_problem(by_secret, 422, "not_allowed")
        elif is_public(name):
            assert (name, by_write.status_code, by_secret.status_code) == (name, 202, 202)
        else:
            assert_problem(by_write, 422, "not_allowed_for_write_key")
            assert (name, by_secret.status_code) == (name, 202)


def test_private_fields_crossed_with_both_kinds_of_key(site: Site) -> None:
    """Fields that only a CRM may set need a secret key."""
    fields: list[dict[str, Any]] = [{"crm_ids": {"hubspot": "501"}}, {"author": "boris"}]
    for field in fields:
        event = page_viewed(**field)
        assert_problem(site.post(event), 422, "not_allowed_for_write_key")
        assert site.post(event, site.secret_key).status_code == 202


def test_a_full_queue_asks_to_come_back(open_site: Callable[..., Site]) -> None:
    """503 with ``Retry-After``, and nothing is acknowledged."""
    site = open_site(start=False, writer={"queue_events": 1})
    site.writer.submit([])
    site.writer._queued = 1
    answer = site.post(page_viewed())
    assert_problem(answer, 503, "queue_full")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_database_that_fails_is_not_acknowledged(site: Site) -> None:
    """A 5xx, never a 2xx; when the database is back the same request is kept."""
    with writing(site.engine) as connection:
        connection.execute(text("ALTER TABLE events RENAME TO events_away"))
    answer = site.post(page_viewed(event_id="a"))
    assert_problem(answer, 503, "incomplete_schema")
    assert int(answer.headers["retry-after"]) >= 1
    with writing(site.engine) as connection:
        connection.execute(text("ALTER TABLE events_away RENAME TO events"))
    assert site.post(page_viewed(event_id="a")).json()["results"][0]["outcome"] == "created"


def test_a_draining_door_asks_to_come_back(site: Site) -> None:
    """During a shutdown nothing is accepted that could be lost."""
    site.writer.drain(20)
    assert_problem(site.post(page_viewed()), 503, "unavailable")


def test_the_openapi_document_describes_what_is_answered(site: Site) -> None:
    """Every schema that is named exists, and the statuses are those of the table."""
    post = openapi_path()["/v1/events"]["post"]
    schemas = openapi_schemas()
    named = {part.split('"')[0] for part in str(post).replace("'", '"').split("#/components/schemas/")[1:]}
    assert named <= set(schemas)
    assert post["operationId"] == "postEvents"
    assert {"202", "400", "401", "403", "408", "413", "415", "422", "429", "503"} == set(post["responses"])
    assert set(schemas["Problem"]["required"]) <= set(site.post(b"x").json())
