"""``POST /v1/models/preview``: what would change, told line by line, and nothing written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import httpx
import orjson
import pytest
import yaml
from sqlalchemy import Engine, event

from lead_events.api import preview as route
from lead_events.domain.model import Model
from lead_events.projections import previewing
from lead_events.store import api_keys, schema
from lead_events.store.api_keys import KeyKind
from lead_events.store.engine import reading, writing
from tests.api.conftest import assert_problem
from tests.api.replaying import Replaying, with_points
from tests.api.service import person, visitor
from tests.api.serving import listening

ADDRESS = "/v1/models/preview"


@pytest.fixture
def service(engine: Engine) -> Replaying:
    """Anna 45 and qualified, boris 30, clara 15, and a visitor; forms count 15, files 30; every chunk gives a line."""
    service = Replaying(engine)
    service.app.include_router(route.router)
    service.app.state.preview = partial(previewing.preview, engine, service.vault, first=0.0, every=0.0)
    service.say(visitor("w1"), person("anna"), person("anna", "file.downloaded"), person("boris", "file.downloaded"))
    service.say(person("clara"), visitor("w2"))
    return service


def preview(service: Replaying, document: Any) -> list[dict[str, Any]]:
    """Return every line of a preview."""
    answer = service.post(ADDRESS, document)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    return [orjson.loads(line) for line in answer.content.splitlines()]


def test_it_says_who_enters_by_which_rules_and_what_sales_gets(service: Replaying) -> None:
    """Files count 45: boris qualifies, anna stays, and sales gets two leads a week instead of one."""
    exact = preview(service, with_points("price", 45))[-1]
    ids = {each["email"]: each["id"] for each in service.pull()}
    assert (exact["exact"], exact["sample"], exact["progress"]) == (True, {"leads": 5, "of": 5}, 1.0)
    assert (exact["from"], exact["estimate"], exact["different"]) == ({"generation_id": 1, "model": 1}, None, 2)
    assert exact["definitions"]["ready"] == {"entered": 1, "left": 0}
    assert exact["first"]["ready"] == {"entered": [ids["boris@firm.example"]], "left": []}
    assert exact["stages"] == [{"from": "lead", "to": "mql", "leads": 1}]
    assert exact["temperatures"] == [{"from": "warm", "to": "hot", "leads": 1}]
    assert [each["rules"] for each in exact["top_movers"]] == [[{"rule": "price", "points": 15.0}]] * 2
    price, *others = exact["rules"]
    assert (price["rule"], price["now"]["points"], price["then"]["points"]) == ("price", 60.0, 90.0)
    assert (price["now"]["leads"], price["now"]["times"]) == (2, 2)
    assert all(each["now"] == each["then"] for each in others)
    (week,) = exact["weeks"]
    assert week == {
        "begins": "2100-01-04",
        "qualified": {"ready": {"now": 1, "then": 2}, "boss": {"now": 0, "then": 0}},
        "to_sales": {"now": 1, "then": 2},
    }
    assert exact["sales_load"] == {"stage": "mql", "weeks": 1, "now": 1.0, "then": 2.0}


def test_it_says_what_a_build_says_and_writes_nothing(service: Replaying) -> None:
    """The same numbers as the difference of a generation; after it every table holds what it held."""
    before = contents(service.engine)
    exact = preview(service, with_points("price", 45))[-1]
    assert contents(service.engine) == before
    generation_id = service.replayed(with_points("price", 45))
    difference = service.get(f"/v1/generations/{generation_id}").json()["difference"]
    same = difference.keys() - {"to"}
    assert {name: exact[name] for name in same} == {name: difference[name] for name in same}


def contents(engine: Engine) -> dict[str, list[Any]]:
    """Return every row of the database."""
    with reading(engine) as connection:
        return {t.name: sorted(map(repr, connection.execute(t.select()).all())) for t in schema.metadata.sorted_tables}


def test_every_line_before_the_last_is_an_honest_sample(service: Replaying) -> None:
    """Samples grow, say how many leads they hold, and what they say of all holds the truth between its bounds."""
    for number in range(200):
        service.append(person(f"p{number}", "file.downloaded" if number % 3 else "form.submitted"))
    service.catch_up()
    *samples, exact = preview(service, with_points("price", 45))
    assert len(samples) >= 2
    sizes = [each["sample"]["leads"] for each in samples]
    assert sizes == sorted(sizes)
    assert {each["sample"]["of"] for each in samples} == {205}
    assert all(not each["exact"] and 0 < each["progress"] < 1 for each in samples)
    for each in samples:
        about = each["estimate"]["definitions"]["ready"]["entered"]
        assert about["low"] <= exact["definitions"]["ready"]["entered"] <= about["high"]
        assert each["definitions"]["ready"]["entered"] == each["stages"][0]["leads"]


def test_the_live_model_itself_changes_nothing(service: Replaying) -> None:
    """An empty report is said in so many words."""
    exact = preview(service, with_points("price", 30))[-1]
    assert (exact["empty"], exact["different"], exact["top_movers"], exact["stages"]) == (True, 0, [], [])


def test_an_empty_log_has_an_answer(engine: Engine) -> None:
    """One line, exact, of no lead."""
    service = Replaying(engine)
    service.app.include_router(route.router)
    service.app.state.preview = partial(previewing.preview, engine, service.vault)
    (exact,) = preview(service, with_points("price", 45))
    assert (exact["exact"], exact["sample"], exact["empty"]) == (True, {"leads": 0, "of": 0}, True)


def test_a_document_that_cannot_be_published_cannot_be_previewed(service: Replaying) -> None:
    """The same problem, with pointer, line and suggestion, before any line of an answer."""
    text = yaml.safe_dump(with_points("price", 45), sort_keys=False).replace("at_least: 40", "atleast: 40")
    headers = {"Authorization": f"Bearer {service.secret}", "Content-Type": "application/yaml"}
    problem = assert_problem(service.ask("POST", ADDRESS, content=text.encode(), headers=headers), 422, "invalid_model")
    published = assert_problem(service.ask("POST", "/v1/models", content=text.encode(), headers=headers), 422, "invalid_model")
    assert problem["errors"] == published["errors"]
    assert "atleast" in text.splitlines()[problem["errors"][0]["line"] - 1]
    assert_problem(service.post(ADDRESS, {"document": {}, "autor": "x"}), 400, "malformed_body")


def test_a_key_must_be_allowed_to_read_models_and_leads(service: Replaying) -> None:
    """Either scope alone is not enough."""
    with writing(service.engine) as connection:
        keys = [api_keys.create(connection, KeyKind.SECRET, "shop", [scope])[1] for scope in ("models:read", "leads:read")]
    for key in keys:
        assert_problem(service.post(ADDRESS, with_points("price", 45), key=key), 403, "missing_scope")


def test_too_many_at_once_are_refused(service: Replaying) -> None:
    """Each of them takes a core; the third is asked to come back."""
    service.app.state.previews = 2
    assert_problem(service.post(ADDRESS, with_points("price", 45)), 503, "too_many_previews")
    service.app.state.previews = 1
    assert preview(service, with_points("price", 45))[-1]["exact"]
    assert service.app.state.previews == 1


def test_a_refused_document_takes_no_place(service: Replaying) -> None:
    """However many were refused, the next one is previewed; and nobody is counted who has gone."""
    for _ in range(3):
        assert service.post(ADDRESS, {"scores": {}}).status_code == 422
    assert preview(service, with_points("price", 45))[-1]["exact"]
    assert service.app.state.previews == 0


def test_closing_the_connection_stops_the_work(service: Replaying) -> None:
    """The client goes after its first line: the work is told to stop, and nothing exact is ever made."""
    told: list[dict[str, Any]] = []
    stops: list[threading.Event] = []

    def watched(model: Model, stop: threading.Event) -> Iterator[dict[str, Any]]:
        stops.append(stop)
        for report in previewing.preview(service.engine, service.vault, model, stop, first=0.0, every=0.0):
            told.append(report)
            yield report
            assert stop.wait(20)

    for number in range(200):
        service.append(person(f"p{number}"))
    service.catch_up()
    service.app.state.preview = watched
    asyncio.run(_leave_after_first_line(service))
    assert stops[0].is_set()
    assert [each["exact"] for each in told] == [False]
    assert service.app.state.previews == 0


async def _leave_after_first_line(service: Replaying) -> None:
    body = orjson.dumps(with_points("price", 45))
    first_line = asyncio.Event()

    async def messages() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": body, "more_body": False}
        await first_line.wait()
        while True:
            yield {"type": "http.disconnect"}

    said = messages()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and message.get("body"):
            first_line.set()

    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
        "path": ADDRESS, "raw_path": ADDRESS.encode(), "query_string": b"", "root_path": "", "scheme": "http",
        "headers": [(b"authorization", f"Bearer {service.secret}".encode()), (b"content-type", b"application/json")],
        "client": ("198.51.100.7", 4711), "server": ("api.test", 80),
    }  # fmt: skip
    await service.app(scope, said.__anext__, send)


def test_it_reads_in_short_transactions(service: Replaying) -> None:
    """No transaction lasts from one line to the next, so that a long preview holds nothing back."""
    open_now = 0

    def count(step: int) -> None:
        nonlocal open_now
        open_now += step

    event.listen(service.engine, "checkout", lambda *_: count(1))
    event.listen(service.engine, "checkin", lambda *_: count(-1))
    seen = [
        open_now
        for _ in previewing.preview(service.engine, service.vault, service.model, threading.Event(), first=0.0, every=0.0)
    ]
    assert seen
    assert set(seen) == {0}


def test_a_client_that_hangs_up_stops_the_work_through_a_real_server(service: Replaying) -> None:
    """Over a socket: after its first line the client closes, and the work is told to stop though it has nothing to send."""
    stops: list[threading.Event] = []

    def endless(model: Model, stop: threading.Event) -> Iterator[dict[str, Any]]:
        stops.append(stop)
        yield list(previewing.preview(service.engine, service.vault, model, threading.Event()))[-1] | {"exact": False}
        assert stop.wait(30)

    service.app.state.preview = endless
    headers = {"Authorization": f"Bearer {service.secret}"}
    with (
        listening(service.app) as address,
        httpx.stream("POST", address + ADDRESS, json=with_points("price", 45), headers=headers, trust_env=False) as answer,
    ):
        lines = answer.iter_lines()
        assert orjson.loads(next(lines))["leads"] == 5
        assert not stops[0].is_set()
        answer.close()
        assert stops[0].wait(30)
