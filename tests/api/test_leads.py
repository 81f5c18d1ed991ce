"""What ``GET /v1/leads`` and ``GET /v1/leads/{lead_id}`` promise to CRMs and to people."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from pydantic import ValidationError
from sqlalchemy import Engine, text

from lead_events.domain.times import DAY, format_instant
from lead_events.store.engine import writing
from tests.api import described
from tests.api.service import BEGIN, Service, person, visitor


@pytest.fixture
def service(engine: Engine) -> Service:
    """A service with an empty log."""
    return Service(engine)


def emails(service: Service, *params: tuple[str, Any]) -> list[str]:
    """Return who is in a list, in its order, by the part of the address before the @."""
    return [(lead["email"] or lead["stage"]).partition("@")[0] for lead in service.pull([("limit", 2), *params])]


@pytest.fixture
def crowd(service: Service) -> Service:
    """Four people and a visitor: anna 45 and a director, boris 30, clara 15 and accepted, dora 5 by phone only."""
    service.say(visitor("w1"))
    service.say(person("anna"), person("anna", "file.downloaded", traits={"job_title": "Director", "company": "Anna & Co"}))
    service.say(person("boris", "file.downloaded"), person("clara"))
    service.say({"type": "lead.accepted", "traits": {"email": "clara@firm.example"}})
    service.say(person("boris", "lead.assigned", properties={"owner": "zoe"}))
    service.say({"type": "page.viewed", "traits": {"phone": "+74951234567", "first_name": "Dora"}})
    return service


def test_a_lead_looks_like_the_wire_promises(service: Service) -> None:
    """Every field is there, flat and typed, with absent values null and fallbacks marked as derived."""
    page = {"url": "https://shop.example/pricing?utm_source=google&utm_campaign=q4", "path": "/pricing"}
    service.say(
        visitor("w1", context={"page": page}),
        person("anna", anonymous_id="w1", traits={"job_title": "Director", "phone": "8 (495) 123-45-67"}),
    )
    answer = service.get("/v1/leads").json()
    assert set(answer) == {"as_of", "generation_id", "position", "data", "next_cursor", "has_more"}
    assert (answer["as_of"], answer["generation_id"], answer["position"]) == (format_instant(service.now), 1, 2)
    assert (answer["next_cursor"], answer["has_more"]) == (None, False)
    (lead,) = answer["data"]
    touch = {
        "at": format_instant(BEGIN + 1_000_000), "source": "google", "medium": None, "campaign": "q4", "term": None,
        "content": None, "promo_code": None, "referrer": None, "landing_page": "/pricing",
    }  # fmt: skip
    assert lead == {
        "id": lead["id"], "position": 2, "updated_at": format_instant(service.now), "created_at": touch["at"],
        "stage": "lead", "stage_since": format_instant(service.now), "temperature": "warm",
        "scores": {"behaviour": 20.0, "fit": 20.0},
        "definitions": {
            "ready": {
                "met": False, "since": None,
                "missing": [
                    {"field": "scores.behaviour", "needs": {"at_least": 40}, "has": 20.0, "unknown": None},
                ],
            },
            "boss": {"met": True, "since": format_instant(service.now), "missing": []},
        },
        "overrides": [], "qualified_at": format_instant(service.now), "email": "anna@firm.example", "phone": "+74951234567",
        "first_name": None, "last_name": "anna", "job_title": "Director",
        "company": {"name": "firm.example", "domain": "firm.example"}, "industry": None, "country": None, "city": None,
        "identification": "contact_known",
        "derived": ["last_name", "company.name"], "crm_ids": {}, "user_id": None, "owner": None, "do_not_contact": [],
        "consent": {}, "opt_in": [], "withheld": None, "no_sharing": False, "interests": [], "research": None,
        "first_touch": touch, "last_touch": touch, "visits": 1, "events": 2, "pages": [{"path": "/pricing", "views": 1}],
        "traits": {"email": "anna@firm.example", "phone": "+74951234567", "job_title": "Director"},
        "merged_into": None, "deleted": False, "parked": False, "stale_since": None, "grade": None, "held": None,
    }  # fmt: skip


def test_an_unknown_score_is_null_and_says_what_is_missing(crowd: Service) -> None:
    """Without a single trait that fit rests on, fit is not zero but null."""
    boris = next(lead for lead in crowd.pull() if lead["email"] == "boris@firm.example")
    assert boris["scores"] == {"behaviour": 30.0, "fit": None}
    assert boris["definitions"]["boss"]["missing"] == [
        {"field": "scores.fit", "needs": {"at_least": 20}, "has": None, "unknown": ["job_title"]}
    ]


def test_scores_fade_while_nothing_happens(crowd: Service) -> None:
    """A list shows scores as of the generation's clock, which time alone moves."""
    crowd.wait(30 * DAY)
    anna = next(lead for lead in crowd.pull() if lead["email"] == "anna@firm.example")
    assert anna["scores"] == {"behaviour": 22.5, "fit": 20.0}
    assert (anna["stage"], anna["temperature"]) == ("lead", "warm")


CHOICES: list[tuple[list[tuple[str, str]], list[str]]] = [
    ([], ["anna", "clara", "boris", "lead"]),
    ([("stage", "visitor")], ["visitor"]),
    ([("stage", "mql")], ["anna"]),
    ([("stage", "mql"), ("stage", "sal"), ("stage", "visitor")], ["visitor", "anna", "clara"]),
    ([("definition", "boss")], ["anna"]),
    ([("temperature", "hot")], ["anna"]),
    ([("temperature", "warm")], ["clara", "boris"]),
    ([("owner", "zoe")], ["boris"]),
    ([("owner", "")], ["anna", "clara", "boris", "lead"]),
    ([("min_score", "behaviour:15")], ["anna", "boris"]),
    ([("min_score", "behaviour:14.99")], ["anna", "clara", "boris"]),
    ([("min_score", "behaviour:10"), ("max_score", "behaviour:29.999")], ["clara"]),
    ([("min_score", "fit:0")], ["anna"]),
    ([("max_score", "fit:100")], ["anna"]),
    ([("min_score", "behaviour:14"), ("min_score", "fit:20")], ["anna"]),
    ([("q", "BORIS")], ["boris"]),
    ([("q", "co anna")], ["anna"]),
    ([("q", "%")], []),
    ([("q", "495")], ["lead"]),
    ([("updated_since", format_instant(BEGIN + 6_000_000))], ["clara", "boris", "lead"]),
    ([("updated_until", format_instant(BEGIN + 6_000_000))], ["anna"]),
    ([("updated_since", "2026-11-21T12:00:06 00:00"), ("updated_until", "2026-11-21T15:00:07+03:00")], ["clara"]),
    ([("created_since", format_instant(BEGIN + 4_000_000))], ["clara", "boris", "lead"]),
    ([("sort", "-updated_at")], ["lead", "boris", "clara", "anna"]),
    ([("sort", "-updated_at"), ("updated_until", format_instant(BEGIN + 7_000_000))], ["clara", "anna"]),
    ([("sort", "-priority")], ["anna", "boris", "clara", "lead"]),
    ([("sort", "-priority"), ("stage", "lead"), ("stage", "sal")], ["boris", "clara", "lead"]),
    ([("sort", "-scores.behaviour"), ("max_score", "behaviour:40")], ["boris", "clara", "lead"]),
    ([("sort", "-scores.fit")], ["anna", "lead", "clara", "boris"]),
]


def test_each_parameter_chooses_and_orders(crowd: Service) -> None:
    """Every filter and order gives exactly the leads it names, over pages of two."""
    assert [(params, emails(crowd, *params)) for params, _ in CHOICES] == CHOICES


MISTAKES: list[tuple[dict[str, str], str]] = [
    ({"stage": "nobody"}, "visitor, lead, mql, sal"),
    ({"definition": "nobody"}, "ready, boss"),
    ({"min_score": "nobody:1"}, "behaviour, fit"),
    ({"max_score": "nobody:1"}, "behaviour, fit"),
    ({"sort": "nobody"}, "updated_at, -updated_at, -priority, -scores.behaviour, -scores.fit"),
    ({"sort": "scores.fit"}, "-scores.fit"),
    ({"temperature": "nobody"}, "'cold', 'warm' or 'hot'"),
    ({"min_score": "behaviour"}, "behaviour:50"),
    ({"min_score": "behaviour:nan"}, "behaviour:50"),
    ({"min_score": "behaviour:1e999"}, "behaviour:50"),
    ({"updated_since": "2026-11-21"}, "2026-11-21T12:00:00.000000Z"),
    ({"owner": "a\0"}, "200 characters"),
    ({"q": "a" * 201}, "200 characters"),
    ({"q": "a b c d e f g h i"}, "8 words"),
    ({"limit": "0"}, "?limit"),
    ({"after": "-1"}, "?after"),
]


def test_what_cannot_be_understood_is_a_problem_that_names_what_can(service: Service) -> None:
    """A name that does not exist is 422 with the names that do, never an empty page and never the value sent."""
    for params, named in MISTAKES:
        answer = service.get("/v1/leads", params)
        assert answer.status_code == 422, params
        assert answer.headers["content-type"] == "application/problem+json"
        assert named in answer.json()["message"]
        assert "nobody" not in answer.text


@pytest.mark.parametrize("half_life", ["30d", None])
def test_penalties_have_an_order_and_what_is_withheld_comes_last(engine: Engine, half_life: str | None) -> None:
    """Below nothing as above it, page by page, and a filter finds them."""
    bounced = {"id": "bounced", "when": {"type": "email.bounced"}, "points": -5}
    score = {"floor": -50, "rules": [bounced, {"id": "form", "when": {"type": "form.submitted"}, "points": 5}]}
    service = Service(engine, {"scores": {"s": score | ({"half_life": half_life} if half_life else {})}})
    names = ["withheld", "two", "one", "none", "some"]
    service.say(*(person(name) for name in names))
    bounces = [("withheld", 1), ("two", 3), ("one", 2), ("none", 1)]
    service.say(*(person(name, "email.bounced") for name, times in bounces for _ in range(times)))
    service.say(person("withheld", "consent.withdrawn", properties={"purpose": "profiling"}))
    for sort in ("-scores.s", "-priority"):
        assert emails(service, ("sort", sort)) == ["some", "none", "one", "two", "withheld"]
    found = emails(service, ("sort", "-scores.s"), ("max_score", "s:-4"))
    assert found == ["one", "two"]


def test_a_large_limit_is_clamped(crowd: Service) -> None:
    """Clients that ask for too much get what there may be."""
    assert len(crowd.get("/v1/leads", {"limit": 100_000}).json()["data"]) == 4


def test_an_empty_log_gives_an_empty_list(service: Service) -> None:
    """Before the first event there is nothing, and that is no error."""
    answer = service.get("/v1/leads").json()
    assert (answer["data"], answer["has_more"], answer["position"]) == ([], False, 0)


def test_one_lead_is_shown_with_its_history(crowd: Service) -> None:
    """The lead of a list, alone, has the same fields and its stage moves."""
    listed = next(lead for lead in crowd.pull() if lead["email"] == "anna@firm.example")
    answer = crowd.get(f"/v1/leads/{listed['id']}").json()
    history = answer["data"].pop("history")
    assert answer["data"] == listed
    assert [(move["stage"], move["position"]) for move in history] == [("lead", 2), ("mql", 3)]
    assert answer["resolved_from"] is None


def test_an_etag_saves_the_body_until_something_happens(crowd: Service) -> None:
    """The same lead is 304; after its next event it is sent again."""
    listed = next(lead for lead in crowd.pull() if lead["email"] == "anna@firm.example")
    etag = crowd.get(f"/v1/leads/{listed['id']}").headers["etag"]
    assert etag.startswith('W/"')
    again = crowd.get(f"/v1/leads/{listed['id']}", If_None_Match=f'"x", {etag}')
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    crowd.say(person("anna"))
    assert crowd.get(f"/v1/leads/{listed['id']}", If_None_Match=etag).status_code == 200


def test_an_id_that_was_never_given_is_not_found(crowd: Service) -> None:
    """Malformed and invented ids are the same 404."""
    for lead_id in ("ld_", "ld_000000000100000000", "x", "ld_é", "%00", "a" * 5_000):
        for suffix in ("", "/timeline", "/score"):
            answer = crowd.get(f"/v1/leads/{lead_id}{suffix}")
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_lead"), lead_id


def test_an_emptied_lead_answers_with_the_lead_that_owns_its_events(service: Service) -> None:
    """A visitor whose events all went to somebody known stays as a tombstone in lists and resolves everywhere."""
    service.say(person("anna"), visitor("w1"))
    (ghost,) = service.pull([("stage", "visitor")])
    assert ghost["merged_into"] is None
    service.say(person("anna", anonymous_id="w1"))
    (anna,) = service.pull()
    (tombstone,) = service.pull([("stage", "visitor")])
    assert (tombstone["id"], tombstone["merged_into"], tombstone["events"]) == (ghost["id"], anna["id"], 0)
    assert tombstone["updated_at"] == anna["updated_at"] > ghost["updated_at"]
    for suffix in ("", "/timeline", "/score"):
        answer = service.get(f"/v1/leads/{ghost['id']}{suffix}").json()
        assert answer["resolved_from"] == ghost["id"]
    assert service.get(f"/v1/leads/{ghost['id']}").json()["data"]["id"] == anna["id"]


def test_after_waits_for_ones_own_write(service: Service) -> None:
    """A reader that names the position its write got sees it, as soon as the projector was there."""
    service.app.state.wait_seconds = 10
    (outcome,) = service.append(person("anna"))
    assert service.get("/v1/leads").json()["data"] == []
    projector = threading.Timer(0.05, service.catch_up)
    projector.start()
    answer = service.get("/v1/leads", {"after": outcome.position}).json()
    projector.join()
    assert [lead["email"] for lead in answer["data"]] == ["anna@firm.example"]


def test_after_a_position_that_is_not_reached_is_a_503_with_the_gap(service: Service) -> None:
    """When the projector is too far behind, the client learns how far and when to ask again."""
    service.append(person("anna"), person("boris"))
    for path in ("/v1/leads", "/v1/leads/lookup?email=a@b.cd", "/v1/leads/ld_x"):
        answer = service.get(f"{path}{'&' if '?' in path else '?'}after=2")
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "not_reached_yet", "1")
        assert "2 events behind" in answer.json()["message"]


def test_a_table_that_is_missing_is_a_503_that_names_what_to_do(service: Service) -> None:
    """A half restored database is nobody's request's fault; the answer is the same on every database."""
    service.say(person("anna"))
    with writing(service.engine) as connection:
        connection.execute(text("ALTER TABLE leads RENAME TO leads_away"))
    answer = service.get("/v1/leads")
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "incomplete_schema", "1")
    assert "migrate" in answer.json()["message"]
    with writing(service.engine) as connection:
        connection.execute(text("ALTER TABLE leads_away RENAME TO leads"))
    assert emails(service) == ["anna"]


def test_only_a_secret_key_with_the_scope_reads_leads(service: Service) -> None:
    """No key is 401; a write key and a key without leads:read are 403; nobody waits for ?after= before that."""
    for path in ("", "/lookup?email=a@b.cd", "/ld_x", "/ld_x/timeline", "/ld_x/score"):
        url = f"/v1/leads{path}{'&' if '?' in path else '?'}after=99"
        assert service.get(url, key="").status_code == 401
        assert service.get(url, key=service.write).status_code == 403
        answer = service.get(url, key=service.events_only)
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_every_operation_is_described(service: Service) -> None:
    """Generated clients need unique ids, tags, named answers and declared problems."""
    operations = [each for path in service.app.openapi()["paths"].values() for each in path.values()]
    assert len({each["operationId"] for each in operations}) == len(operations)
    assert all(each["tags"] and "403" in each["responses"] for each in operations)
    assert "Problem" in service.app.openapi()["components"]["schemas"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda lead: lead.pop("grade"),
        lambda lead: lead.update(visits="1"),
        lambda lead: lead.update(anything=None),
        lambda lead: lead.update(id=lead.pop("id")),
        lambda lead: lead["definitions"]["ready"]["missing"][0].pop("unknown"),
        lambda lead: lead["scores"].update(behaviour=5),
    ],
)
def test_an_answer_that_is_not_as_described_is_noticed(crowd: Service, spoil: Callable[[dict[str, Any]], object]) -> None:
    """A field left out, of another type, unknown, at another place, or absent instead of null: each is an error here."""
    answer = crowd.get("/v1/leads")
    content = answer.json()
    spoil(content["data"][-1])
    spoiled = httpx.Response(200, content=orjson.dumps(content), request=answer.request)
    with pytest.raises((ValidationError, described.NotAsDescribed)):
        described.check(spoiled)
