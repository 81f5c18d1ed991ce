"""What ``/v1/lists`` promises, and what a preview and a back-test say of lists."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson
import pytest
import yaml
from sqlalchemy import Engine

from lead_events.api import backtest, companies, lists, preview
from lead_events.projections import backtesting, previewing, promotion
from lead_events.store import api_keys
from lead_events.store.api_keys import KeyKind
from lead_events.store.engine import writing
from tests.api.conftest import assert_problem
from tests.api.mailing import CHANGE, DOCUMENT
from tests.api.replaying import Replaying
from tests.api.service import person


@pytest.fixture
def service(engine: Engine) -> Replaying:
    """Anna and boris write from a firm, clara from a free mailbox."""
    service = Replaying(engine, DOCUMENT)
    for router in (lists.router, preview.router, backtest.router, companies.router):
        service.app.include_router(router)
    service.app.state.preview = partial(previewing.preview, engine, service.vault)
    service.app.state.backtest = partial(backtesting.run, engine, service.vault)
    service.say(person("anna"), person("boris"), person("clara", traits={"email": "clara@gmail.com"}))
    return service


def previewed(service: Replaying, body: Any) -> dict[str, Any]:
    """Return the exact report of a preview."""
    answer = service.post("/v1/models/preview", body)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = orjson.loads(answer.content.splitlines()[-1])
    assert report["exact"]
    return report


def test_published_lists_are_numbered_and_shown(service: Replaying) -> None:
    """The shipped ones are number 1; a published document is kept as it is compared, with author, note and warnings."""
    assert service.get("/v1/lists").json()["data"] == [
        {"number": 1, "author": "lead-events", "note": "shipped", "published_at": None}
    ]
    document = {"free": {"add": ["Firm.EXAMPLE"], "remove": ["gmial.com"]}}
    answer = service.post("/v1/lists", {"document": document, "author": "anna", "note": "they are no firm"})
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/lists/2")
    head = {"number": 2, "author": "anna", "note": "they are no firm", "published_at": answer.json()["published_at"]}
    (warning,) = answer.json()["warnings"]
    assert answer.json() == head | {"warnings": [warning]}
    assert (warning["pointer"], warning["suggestion"]) == ("/free/remove/0", "did you mean gmail.com?")
    kept = {"free": {"add": ["firm.example"], "remove": ["gmial.com"]}}
    assert service.get("/v1/lists/2").json() == head | {"document": kept}
    assert service.get("/v1/lists/1").json()["document"] == {}
    assert [each["number"] for each in service.get("/v1/lists").json()["data"]] == [1, 2]
    assert_problem(service.get("/v1/lists/3"), 404, "not_found")
    assert_problem(service.get(f"/v1/lists/{2**63}"), 404, "not_found")


def test_yaml_can_be_published_bare(service: Replaying) -> None:
    """As with models, either form does."""
    headers = {"Authorization": f"Bearer {service.secret}", "Content-Type": "application/yaml"}
    answer = service.ask("POST", "/v1/lists", content=yaml.safe_dump(CHANGE).encode(), headers=headers)
    assert (answer.status_code, service.get("/v1/lists/2").json()["document"]) == (201, CHANGE)


@pytest.mark.parametrize(
    "document", [[], {"fre": {}}, {"free": {"add": ["no domain", 5]}}, {"free": []}, {"document": 5}, {"free": {"add": [{}]}}]
)
def test_lists_that_cannot_be_used_are_refused(service: Replaying, document: Any) -> None:
    """With the places of all mistakes; nothing is published and nothing previewed."""
    for answer in (service.post("/v1/lists", document), service.post("/v1/models/preview", {"lists": document})):
        problem = assert_problem(answer, 422, "invalid_lists")
        assert problem["errors"]
    assert len(service.get("/v1/lists").json()["data"]) == 1


def test_scopes_are_those_of_models(service: Replaying) -> None:
    """Reading needs models:read, publishing models:write."""
    with writing(service.engine) as connection:
        reader = api_keys.create(connection, KeyKind.SECRET, "shop", ["models:read"])[1]
    assert service.get("/v1/lists", key=reader).status_code == 200
    assert_problem(service.post("/v1/lists", CHANGE, key=reader), 403, "missing_scope")
    assert_problem(service.get("/v1/lists", key=service.events_only), 403, "missing_scope")


def test_a_preview_of_lists_says_what_a_build_says(service: Replaying) -> None:
    """Of the live model alone, of a model with them, and against lists that were published meanwhile."""
    report = previewed(service, {"lists": CHANGE})
    assert (report["definitions"]["firm"], report["companies"]) == ({"entered": 0, "left": 2}, 2)
    assert previewed(service, {"document": DOCUMENT, "lists": CHANGE}) == report
    assert previewed(service, DOCUMENT)["empty"]
    service.post("/v1/lists", CHANGE)
    assert previewed(service, DOCUMENT) == report
    assert previewed(service, {"lists": {}})["empty"]
    generation_id = service.begin(1)
    assert service.build(generation_id)
    generation = service.get(f"/v1/generations/{generation_id}").json()
    assert (generation["list_revision"], generation["difference"]["companies"]) == (2, 2)
    same = generation["difference"].keys() - {"to"}
    assert {name: report[name] for name in same} == {name: generation["difference"][name] for name in same}


def test_beside_lists_stands_a_document_only(service: Replaying) -> None:
    """A model with a field of that name is a mistake that is named, and so is anything else."""
    for body in ({**DOCUMENT, "lists": CHANGE}, {"document": DOCUMENT, "lists": CHANGE, "note": "x"}):
        assert_problem(service.post("/v1/models/preview", body), 400, "malformed_body")
    assert_problem(service.post("/v1/models/preview", {"document": {}, "lists": CHANGE}), 422, "invalid_model")


def test_companies_and_scores_follow_the_lists_of_their_generation(service: Replaying) -> None:
    """Before, after, and as they were known before: names, keys and points by the lists that were live."""
    before = service.get("/v1/leads").json()["as_of"]
    (anna,) = [each for each in service.pull() if each["email"] == "anna@firm.example"]
    assert (anna["company"]["domain"], anna["identification"], anna["scores"]["address"]) == ("firm.example", "contact_known", 10)
    service.post("/v1/lists", CHANGE)
    generation_id = service.begin(1)
    assert service.build(generation_id)
    promotion.promote(service.engine, service.vault, generation_id, service.compiled)
    service.catch_up()
    (now,) = [each for each in service.pull() if each["email"] == "anna@firm.example"]
    assert (now["company"], now["scores"]["address"]) == ({"name": None, "domain": None}, 0)
    assert service.get("/v1/companies/firm.example").status_code == 404
    then = service.get(f"/v1/leads/{anna['id']}", {"known_at": before}).json()["data"]
    assert (then["company"]["domain"], then["scores"]["address"]) == ("firm.example", 10)
    assert service.get(f"/v1/leads/{anna['id']}", {"model": 1}).json()["data"]["scores"]["address"] == 0


def test_a_back_test_can_try_other_lists(service: Replaying) -> None:
    """Under lists that call everybody's firm free, a rule on business addresses fires for nobody."""
    service.say({"type": "deal.won", "traits": {"email": "anna@firm.example"}, "properties": {"opportunity_id": "o"}})

    def fired(**more: Any) -> int:
        answer = service.post("/v1/models/backtest", {"model": 1, "outcome": "deal.won", **more})
        assert answer.status_code == 200, answer.text
        return int(next(each["leads"] for each in answer.json()["rules"] if each["rule"] == "business"))

    assert (fired(), fired(lists=CHANGE)) == (2, 0)
    service.post("/v1/lists", CHANGE)
    assert (fired(), fired(lists={})) == (0, 2)
    refused = service.post("/v1/models/backtest", {"model": 1, "outcome": "deal.won", "lists": {"fre": {}}})
    assert_problem(refused, 422, "invalid_lists")
