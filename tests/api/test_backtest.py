"""What ``POST /v1/models/backtest`` promises to whoever wants to know before anything goes live."""

from __future__ import annotations

import copy
import socket
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import Engine, func, select

from lead_events.api import backtest, models
from lead_events.domain.times import DAY
from lead_events.projections import backtesting
from lead_events.store import schema
from lead_events.store.engine import reading
from tests.api.conftest import assert_problem
from tests.api.service import MODEL, Service, person, visitor
from tests.api.serving import listening

PATH = "/v1/models/backtest"


@pytest.fixture
def service(engine: Engine) -> Service:
    """Anna and Boris take two price lists; Anna buys ten days later, and so does Clara, who took none."""
    made = Service(engine)
    for router in (backtest.router, models.router):
        made.app.include_router(router)
    made.app.state.backtest = partial(backtesting.run, engine, made.vault)
    made.say(visitor("w-1"), *(person(name, "file.downloaded") for name in ("anna", "boris") for _ in range(2)), person("clara"))
    made.wait(4 * DAY)
    made.say(person("anna", "lead.accepted"))
    made.wait(6 * DAY)
    made.say(person("anna", "deal.won"), person("clara", "deal.won"), person("anna", "file.downloaded"))
    return made


def test_the_report_counts_what_was_found_and_when(service: Service) -> None:
    """Of three leads two bought; two were found, one of them buys: precision and recall are a half."""
    report = service.post(PATH, {"model": 1, "outcome": "deal.won"}).json()
    assert (report["leads"], report["with_outcome"], report["left_out"]["strangers"]) == (3, 2, 1)
    assert report["known_at"] == {"events": 6, "imported": 0, "assumed": 0}
    ready = next(each for each in report["definitions"] if each["definition"] == "ready")
    assert {name: ready[name] for name in ("model", "leads", "with_outcome", "precision", "recall", "lift")} == {
        "model": "model 1", "leads": 2, "with_outcome": 1, "precision": 0.5, "recall": 0.5, "lift": 0.75,
    }  # fmt: skip
    assert (ready["days_earlier"], ready["days_before_sales"]) == (pytest.approx(10, abs=0.01), pytest.approx(4, abs=0.01))
    assert (ready["with_sales"], ready["before_sales"]) == (1, 1)
    steps = [(each["at_least"], each["leads"], each["with_outcome"]) for each in ready["thresholds"][0]["steps"]]
    assert steps == [(10, 3, 2), (20, 2, 1), (30, 2, 1), (40, 2, 1), (50, 2, 1), (60, 0, 0), (80, 0, 0)]
    verdicts = {each["rule"]: each["verdict"] for each in report["rules"]}
    assert verdicts["gone"] == "never-fires"


def test_models_stand_side_by_side_and_nothing_is_written(service: Service) -> None:
    """A number and a document in one report; no model, no generation and no lead comes of it."""
    other = copy.deepcopy(MODEL) | {"name": "lower"}
    other["definitions"]["ready"]["all"][1]["scores.behaviour"]["at_least"] = 10
    before = counted(service)
    report = service.post(PATH, {"model": [1, other, other], "outcome": "deal.won"}).json()
    found = {each["model"]: each["leads"] for each in report["definitions"] if each["definition"] == "ready"}
    assert found == {"model 1": 2, "lower": 3, "lower (3)": 3}
    assert counted(service) == before


def counted(service: Service) -> list[int]:
    """Count the rows of everything that a back-test could have touched."""
    tables = (schema.events, schema.models, schema.generations, schema.leads, schema.changes)
    with reading(service.engine) as connection:
        return [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]


def test_leads_that_are_younger_than_the_horizon_are_left_out(service: Service) -> None:
    """All began ten days ago: with nine days each is judged and nobody bought in time; with eleven nobody is old enough."""
    problem = assert_problem(service.post(PATH, {"model": 1, "outcome": "deal.won", "horizon": "9d"}), 422, "no_such_outcome")
    assert "longer horizon" in problem["detail"]
    service.wait(2 * DAY)
    report = service.post(PATH, {"model": 1, "outcome": "deal.won", "horizon": "11d"}).json()
    assert (report["horizon_days"], report["with_outcome"], report["left_out"]["too_young"]) == (11, 2, 0)
    service.say(person("dora"))
    report = service.post(PATH, {"model": 1, "outcome": "deal.won", "horizon": "11d"}).json()
    assert (report["leads"], report["left_out"]["too_young"]) == (3, 1)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"model": 7, "outcome": "deal.won"}, 404, "not_found"),
        ({"model": {"scores": {}}, "outcome": "deal.won"}, 422, "invalid_model"),
        ({"model": 1, "outcome": "deal.lost"}, 422, "no_such_outcome"),
        ({"model": 1, "outcome": "won"}, 422, "invalid_request"),
        ({"model": True, "outcome": "deal.won"}, 422, "invalid_request"),
        ({"model": [], "outcome": "deal.won"}, 422, "invalid_request"),
        ({"model": [1] * 9, "outcome": "deal.won"}, 422, "invalid_request"),
        ({"model": 1, "outcome": "deal.won", "horizon": "soon"}, 422, "invalid_duration"),
    ],
)
def test_what_cannot_be_asked_is_a_problem(service: Service, body: dict[str, Any], status: int, code: str) -> None:
    """With the one shape of problems."""
    assert_problem(service.post(PATH, body), status, code)


def test_a_key_needs_the_scope_of_reading_models(service: Service) -> None:
    """Like every other look at models."""
    assert_problem(service.post(PATH, {"model": 1, "outcome": "deal.won"}, key=service.events_only), 403, "missing_scope")


def test_one_back_test_runs_at_a_time(service: Service) -> None:
    """Whoever comes second is told to ask again, and can afterwards."""
    seen = []

    def asks_again(*_arguments: Any, **_options: Any) -> Any:
        seen.append(service.post(PATH, {"model": 1, "outcome": "deal.won"}))
        return run(*_arguments, **_options)

    run = service.app.state.backtest
    service.app.state.backtest = asks_again
    assert service.post(PATH, {"model": 1, "outcome": "deal.won"}).status_code == 200
    assert_problem(seen[0], 503, "busy_trying")


def lines(service: Service, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return every line of a back-test that tells how far it is."""
    headers = {"Authorization": f"Bearer {service.secret}", "Accept": "application/x-ndjson"}
    answer = service.ask("POST", PATH, json=body, headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson"), answer.text
    return [orjson.loads(line) for line in answer.content.splitlines()]


def test_lines_tell_how_far_it_is_and_the_last_has_the_report(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same report as without them; progress never falls."""
    monkeypatch.setattr(backtesting, "_PART_POSITIONS", 2)
    *before, last = lines(service, {"model": 1, "outcome": "deal.won"})
    assert len(before) > 1
    shares = [each["progress"] for each in (*before, last)]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert all(each["report"] is None and each["problem"] is None for each in before)
    assert last == {"progress": 1.0, "report": service.post(PATH, {"model": 1, "outcome": "deal.won"}).json(), "problem": None}


def test_what_goes_wrong_after_the_first_line_stands_in_the_last(service: Service) -> None:
    """An outcome that nobody had is known at the end only; what is wrong with the request is a problem as ever."""
    last = lines(service, {"model": 1, "outcome": "deal.lost"})[-1]
    assert (last["report"], last["problem"]["code"], last["problem"]["status"]) == (None, "no_such_outcome", 422)
    headers = {"Authorization": f"Bearer {service.secret}", "Accept": "application/x-ndjson"}
    assert_problem(service.ask("POST", PATH, json={"model": 7, "outcome": "deal.won"}, headers=headers), 404, "not_found")
    assert lines(service, {"model": 1, "outcome": "deal.won"})[-1]["report"] is not None


def test_leaving_before_the_report_ends_the_work(service: Service) -> None:
    """Over a socket: a client that waits for one whole report gives up, and the work is ended at one of its next steps."""
    begun, ended = threading.Event(), threading.Event()

    def endless(*_arguments: Any, advance: Any, **_options: Any) -> Any:
        begun.set()
        try:
            while True:
                advance(0, 10)
        finally:
            ended.set()

    run, service.app.state.backtest = service.app.state.backtest, endless
    body = {"model": 1, "outcome": "deal.won"}
    with listening(service.app) as address:
        sent = b"".join(_request(address, service.secret, orjson.dumps(body)))
        host, port = address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as client:
            client.sendall(sent)
            assert begun.wait(30)
            assert not ended.is_set()
        assert ended.wait(30)
    service.app.state.backtest = run
    assert service.post(PATH, body).status_code == 200


def _request(address: str, secret: str, body: bytes) -> Iterator[bytes]:
    yield f"POST {PATH} HTTP/1.1\r\nHost: {address.removeprefix('http://')}\r\nAuthorization: Bearer {secret}\r\n".encode()
    yield f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def test_closing_the_connection_ends_the_work(service: Service) -> None:
    """Over a socket: after its first line the client closes, the work is ended at its next step, and another can begin."""
    ended, gone = threading.Event(), threading.Event()

    def endless(*_arguments: Any, advance: Any, **_options: Any) -> Any:
        try:
            advance(1, 10)
            assert gone.wait(30)
            while True:
                advance(0, 10)
        finally:
            ended.set()

    run, service.app.state.backtest = service.app.state.backtest, endless
    headers = {"Authorization": f"Bearer {service.secret}", "Accept": "application/x-ndjson"}
    body = {"model": 1, "outcome": "deal.won"}
    with (
        listening(service.app) as address,
        httpx.stream("POST", address + PATH, json=body, headers=headers, trust_env=False, timeout=30) as answer,
    ):
        assert orjson.loads(next(answer.iter_lines()))["progress"] == 0.1
        assert_problem(service.post(PATH, body), 503, "busy_trying")
        answer.close()
        gone.set()
        assert ended.wait(30)
    service.app.state.backtest = run
    assert lines(service, body)[-1]["report"] is not None
