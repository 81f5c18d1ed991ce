"""What ``/v1/models`` promises to whoever changes the rules."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import yaml
from sqlalchemy import Engine

from lead_events.domain.times import DAY
from lead_events.store import api_keys
from lead_events.store.api_keys import KeyKind
from lead_events.store.carried import read_carried
from lead_events.store.engine import reading, writing
from tests.api.conftest import assert_problem
from tests.api.replaying import Replaying, with_points
from tests.api.service import MODEL, person


@pytest.fixture
def service(engine: Engine) -> Replaying:
    """A service with an empty log."""
    return Replaying(engine)


def post_yaml(service: Replaying, text: str, media: str = "application/yaml") -> Any:
    """Post a document as YAML."""
    headers = {"Authorization": f"Bearer {service.secret}", "Content-Type": media}
    return service.ask("POST", "/v1/models", content=text.encode(), headers=headers)


def test_a_published_model_is_numbered_and_shown_as_it_was_sent(service: Replaying) -> None:
    """The number counts up, author and note are kept, the document comes back unchanged."""
    answer = service.post("/v1/models", {"document": with_points("form", 20), "author": "anna", "note": "forms are worth more"})
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/models/2")
    head = {"number": 2, "name": "", "author": "anna", "note": "forms are worth more", "created_at": answer.json()["created_at"]}
    assert answer.json() == head | {"warnings": []}
    assert service.get("/v1/models/2").json() == head | {"document": with_points("form", 20)}
    assert [each["number"] for each in service.get("/v1/models").json()["data"]] == [1, 2]


def test_yaml_and_json_publish_the_same(service: Replaying) -> None:
    """Bare or wrapped, in either form, a document is the same document."""
    text = yaml.safe_dump(MODEL, sort_keys=False)
    wrapped = yaml.safe_dump({"document": MODEL, "note": "as yaml"}, sort_keys=False)
    numbers = [post_yaml(service, each).json()["number"] for each in (text, wrapped)]
    assert [service.get(f"/v1/models/{number}").json()["document"] for number in numbers] == [MODEL, MODEL]
    assert service.get(f"/v1/models/{numbers[1]}").json()["note"] == "as yaml"


def test_a_refusal_names_every_mistake_with_its_line(service: Replaying) -> None:
    """All at once, each with pointer, line, reason and suggestion; nothing is published."""
    text = (
        yaml.safe_dump(MODEL, sort_keys=False)
        .replace("type: email.unsubscribed", "typ: x")
        .replace("at_least: 40", "atleast: 40")
    )
    problem = assert_problem(post_yaml(service, text), 422, "invalid_model")
    assert [(each["pointer"], each.get("suggestion")) for each in problem["errors"]] == [
        ("/scores/behaviour/rules/3/when/typ", "did you mean type?"),
        ("/definitions/ready/all/1/scores.behaviour/atleast", "did you mean at_least?"),
    ]
    lines = text.splitlines()
    assert ["typ" in lines[each["line"] - 1] or "atleast" in lines[each["line"] - 1] for each in problem["errors"]] == [
        True,
        True,
    ]
    assert len(service.get("/v1/models").json()["data"]) == 1


@pytest.mark.parametrize(
    ("text", "media", "status", "code"),
    [
        ("scores: [", "application/yaml", 422, "invalid_model"),
        ("{", "application/json", 400, "invalid_json"),
        ('{"document": {}, "autor": "x"}', "application/json", 400, "malformed_body"),
        ("a", "image/png", 415, "unsupported_media"),
        ("[1]", "application/json", 422, "invalid_model"),
        ("x" * 300_000, "application/yaml", 413, "too_large"),
    ],
)
def test_what_cannot_be_read_is_a_problem(service: Replaying, text: str, media: str, status: int, code: str) -> None:
    """Every refusal has the one shape."""
    assert_problem(post_yaml(service, text, media), status, code)


def test_warnings_do_not_keep_a_model_from_being_published(service: Replaying) -> None:
    """What is probably a mistake is said beside the number."""
    answer = service.post("/v1/models", with_points("view", 50))
    assert answer.status_code == 201
    assert [(each["severity"], each["pointer"]) for each in answer.json()["warnings"]] == [
        ("warning", "/scores/behaviour/rules/1/points")
    ]


def test_diff_speaks_in_words_and_data(service: Replaying) -> None:
    """From the first to the second."""
    number = service.publish(with_points("form", 20))
    diff = service.get(f"/v1/models/1/diff/{number}").json()
    assert diff == {
        "from": 1,
        "to": number,
        "words": ["rule form of behaviour points: 15 → 20"],
        "differences": [
            {
                "pointer": "/scores/behaviour/rules/form/points",
                "kind": "changed",
                "old": 15,
                "new": 20,
                "words": "rule form of behaviour points: 15 → 20",
            }
        ],
    }
    assert_problem(service.get("/v1/models/1/diff/9"), 404, "not_found")


def test_the_schema_describes_the_document(service: Replaying) -> None:
    """Editors can check a document while it is written."""
    schema = service.get("/v1/models/schema").json()
    assert set(MODEL) <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_scopes_are_asked_for(service: Replaying) -> None:
    """Reading leads is not enough to read or write models."""
    with writing(service.engine) as connection:
        reader = api_keys.create(connection, KeyKind.SECRET, "shop", ["models:read"])[1]
    assert service.get("/v1/models", key=reader).status_code == 200
    assert_problem(service.post("/v1/models", MODEL, key=reader), 403, "missing_scope")
    assert_problem(service.get("/v1/models", key=service.events_only), 403, "missing_scope")


def test_models_published_at_once_get_different_numbers(service: Replaying) -> None:
    """Nobody's model is lost or refused because somebody else published."""
    numbers: list[int] = []
    threads = [threading.Thread(target=lambda: numbers.append(service.publish(MODEL))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == [2, 3, 4, 5, 6, 7]


def test_the_chart_is_drawn(service: Replaying) -> None:
    """As SVG unless Mermaid is asked for; the same bytes every time."""
    drawn = service.get("/v1/models/1/diagram")
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "image/svg+xml")
    assert drawn.text.startswith("<svg ")
    assert drawn.text == service.get("/v1/models/1/diagram", {"format": "svg"}).text
    mermaid = service.get("/v1/models/1/diagram", {"format": "mermaid"})
    assert mermaid.headers["content-type"] == "text/plain; charset=utf-8"
    assert "visitor" in mermaid.text
    assert mermaid.text.startswith("stateDiagram-v2")
    assert_problem(service.get("/v1/models/1/diagram", {"format": "png"}), 422, "invalid_request")
    assert_problem(service.get("/v1/models/9/diagram"), 404, "not_found")


def test_a_model_whose_tests_fail_is_refused(service: Replaying) -> None:
    """With what was expected and what came."""
    sample = {"name": "one form", "events": [{"type": "form.submitted", "properties": {"form_id": "f"}}]}
    refused = service.post("/v1/models", MODEL | {"tests": [{**sample, "expect": {"scores.behaviour": 42}}]})
    assert_problem(refused, 422, "invalid_model")
    (error,) = refused.json()["errors"]
    assert error["pointer"] == "/tests/0/expect/scores.behaviour"
    assert error["detail"] == "test 'one form' fails: scores.behaviour is 15, not 42"
    passing = {**sample, "expect": {"scores.behaviour": 15}}
    assert service.post("/v1/models", MODEL | {"tests": [passing]}).status_code == 201


def test_a_trait_that_nobody_sends_is_pointed_out(service: Replaying) -> None:
    """Once there are leads; those of long ago do not count, and what cannot be said is not said."""
    definitions = {**MODEL["definitions"], "rich": {"traits.budget": {"above": 5}}}
    document = MODEL | {"definitions": definitions}
    pointers = [each["pointer"] for each in service.post("/v1/models", document).json()["warnings"]]
    assert pointers == []
    service.say(person("anna", traits={"email": "anna@firm.example", "job_title": "Director"}))
    warnings = service.post("/v1/models", document).json()["warnings"]
    assert [each["pointer"] for each in warnings] == ["/definitions/rich/traits.budget"]
    assert "no event of the last 90 days carried 'budget'" in warnings[0]["message"]
    with reading(service.engine) as connection:
        assert read_carried(connection, {"job_title", "budget"}, service.now - DAY) == {"job_title"}
        assert read_carried(connection, {"job_title"}, service.now + DAY) is None


def test_a_client_that_hangs_up_is_no_error_of_ours(service: Replaying, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody is answered, and no line of the log says that a request failed."""
    sent: list[Any] = []
    messages = [{"type": "http.request", "body": b"{", "more_body": True}, {"type": "http.disconnect"}]
    headers = [(b"authorization", f"Bearer {service.secret}".encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/v1/models", "query_string": b"", "headers": headers, "scheme": "http",
             "server": ("api.test", 80), "client": ("198.51.100.7", 1), "root_path": "", "http_version": "1.1"}  # fmt: skip

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(service.app(scope, receive, send))
    assert sent == []
    assert "request_failed" not in capsys.readouterr().out
