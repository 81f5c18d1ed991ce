"""Replay beside the live service: build, look, promote, roll back; readers never see a mix."""

from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, select, update

from lead_events import clock
from lead_events.domain.errors import StaleGeneration
from lead_events.domain.times import DAY, format_instant
from lead_events.projections import promotion
from lead_events.projections.building import build_part
from lead_events.store import generations as kept
from lead_events.store import parts, schema
from lead_events.store.engine import reading, writing
from tests.api.conftest import assert_problem
from tests.api.replaying import Replaying, with_points
from tests.api.service import MODEL, person, visitor


@pytest.fixture
def service(engine: Engine) -> Replaying:
    """Anna 45 and qualified, boris 30, clara 15, and a visitor; forms count 15, files 30."""
    service = Replaying(engine)
    service.say(visitor("w1"), person("anna"), person("anna", "file.downloaded"), person("boris", "file.downloaded"))
    service.say(person("clara"), visitor("w2"))
    return service


def shown(service: Replaying) -> dict[str, tuple[Any, ...]]:
    """Return what readers see: stage, temperature and behaviour of everybody, by name."""
    leads = list(service.pull())
    return {each["email"].partition("@")[0]: (each["stage"], each["temperature"], each["scores"]["behaviour"]) for each in leads}


def live_id(service: Replaying) -> int:
    """Return the generation that answers readers."""
    return int(service.get("/v1/leads").json()["generation_id"])


def test_a_build_is_ready_with_its_difference_and_nobody_noticed(service: Replaying) -> None:
    """Files count 45: boris qualifies, anna stays; readers still see the old points."""
    before, said = shown(service), service.feed()
    generation_id = service.begin(service.publish(with_points("price", 45)))
    building = service.get(f"/v1/generations/{generation_id}").json()
    assert (building["status"], building["model"], building["difference"]) == ("building", 2, None)
    assert (building["progress"]["share"], building["progress"]["parts_done"]) == (0.0, 0)
    assert service.build(generation_id)
    ready = service.get(f"/v1/generations/{generation_id}").json()
    difference = ready["difference"]
    assert (ready["status"], ready["lag"], ready["progress"]) == ("ready", 0, None)
    assert difference["from"] == {"generation_id": 1, "model": 1}
    assert difference["to"] == {"generation_id": generation_id, "model": 2}
    assert (difference["leads"], difference["different"], difference["empty"]) == (5, 2, False)
    assert difference["definitions"] == {"ready": {"entered": 1, "left": 0}, "boss": {"entered": 0, "left": 0}}
    assert difference["stages"] == [{"from": "lead", "to": "mql", "leads": 1}]
    assert difference["temperatures"] == [{"from": "warm", "to": "hot", "leads": 1}]
    assert {name: (s["leads"], s["up"], s["largest"]) for name, s in difference["scores"].items()} == {"behaviour": (2, 2, 15.0)}
    assert [mover["rules"] for mover in difference["top_movers"]] == [[{"rule": "price", "points": 15.0}]] * 2
    assert (shown(service), service.feed()) == (before, said)


def test_a_model_that_changes_nothing_gives_an_empty_difference(service: Replaying) -> None:
    """The same document again: row by row the same."""
    generation_id = service.replayed(with_points("price", 30))
    assert service.get(f"/v1/generations/{generation_id}").json()["difference"]["empty"] is True
    assert service.rows(generation_id) == service.rows(1)


@pytest.mark.parametrize("part_positions", [1, 2, 1_000])
def test_events_that_arrive_during_a_build_are_in_it(service: Replaying, part_positions: int) -> None:
    """Late, claiming and new leads alike; what is built beside the live one is what a later build would be."""
    generation_id = service.begin(service.publish(with_points("price", 30)), part_positions)
    service.build(generation_id, most=2)
    service.say(person("clara", anonymous_id="w2"), person("dora"), visitor("w1", occurred_at=format_instant(service.now - DAY)))
    service.wait(2 * DAY)
    assert service.build(generation_id)
    assert service.rows(generation_id) == service.rows(1)
    service.say(person("emil"), person("anna", anonymous_id="w1"))
    assert service.rows(generation_id) == service.rows(1)


def test_promotion_switches_readers_and_rollback_is_as_before(service: Replaying) -> None:
    """Byte for byte, and with what happened in between."""
    before, rows = shown(service), service.rows(1)
    generation_id = service.replayed(with_points("price", 45))
    done = service.post(f"/v1/generations/{generation_id}/promote").json()
    assert done == {"generation_id": generation_id, "previous_id": 1, "position": 7, "announced": 0}
    assert live_id(service) == generation_id
    assert shown(service)["boris"] == ("mql", "hot", 45.0)
    states = {each["generation_id"]: each for each in service.get("/v1/generations").json()["data"]}
    assert [states[n]["status"] for n in (1, generation_id)] == ["retired", "live"]
    assert states[1]["kept_until"] is not None
    back = service.post("/v1/generations/rollback", {"announce": "none"}).json()
    assert (back["generation_id"], back["previous_id"]) == (1, generation_id)
    assert live_id(service) == 1
    assert (shown(service), service.rows(1)) == (before, rows)
    service.post("/v1/generations/rollback")
    service.say(person("boris"))
    assert shown(service)["boris"] == ("mql", "hot", 60.0)
    service.post("/v1/generations/rollback")
    assert shown(service)["boris"] == ("mql", "hot", 45.0)


def test_only_what_is_ready_can_be_promoted(service: Replaying) -> None:
    """Live, building, failed and unknown generations are refused, and nothing changes."""
    assert_problem(service.post("/v1/generations/1/promote"), 409, "conflict")
    assert_problem(service.post("/v1/generations/rollback"), 409, "conflict")
    assert_problem(service.post("/v1/generations/9/promote"), 404, "not_found")
    generation_id = service.begin(service.publish(with_points("price", 45)))
    assert_problem(service.post(f"/v1/generations/{generation_id}/promote"), 409, "conflict")
    assert_problem(service.post(f"/v1/generations/{generation_id}/promote", {"announce": "some"}), 422, "invalid_request")
    assert service.post(f"/v1/generations/{generation_id}/cancel").json()["status"] == "failed"
    assert_problem(service.post(f"/v1/generations/{generation_id}/promote"), 409, "conflict")
    assert_problem(service.post(f"/v1/generations/{generation_id}/resume"), 409, "conflict")
    assert_problem(service.post("/v1/generations", {"model": 77}), 404, "not_found")
    assert live_id(service) == 1


def test_a_failed_build_goes_on_where_it_stopped(service: Replaying) -> None:
    """What is done stays done."""
    generation_id = service.begin(service.publish(with_points("price", 45)), 1)
    service.build(generation_id, most=3)
    with writing(service.engine) as connection:
        kept.fail(connection, generation_id, "the disk was full")
    assert service.get(f"/v1/generations/{generation_id}").json()["error"] == "the disk was full"
    resumed = service.post(f"/v1/generations/{generation_id}/resume")
    assert (resumed.status_code, resumed.json()["progress"]["parts_done"]) == (202, 3)
    assert service.build(generation_id)


def test_a_builder_that_lost_its_part_saves_nothing(service: Replaying) -> None:
    """It was taken for dead; the rows that another one made, and later events changed, stay."""
    generation_id = service.begin(service.publish(with_points("price", 45)))
    with reading(service.engine) as connection:
        generation = kept.load(connection, generation_id)
    with writing(service.engine) as connection:
        slow = parts.take(connection, generation_id, clock.now())
        assert slow is not None
        assert parts.take(connection, generation_id, clock.now()) is None
        connection.execute(update(schema.build_parts).values(taken_until=0))
    assert service.build(generation_id)
    service.say(person("boris"))
    rows = service.rows(generation_id)
    with pytest.raises(StaleGeneration):
        build_part(service.engine, service.vault, generation, service.compiled.of(generation), slow)
    assert service.rows(generation_id) == rows


@pytest.mark.parametrize(("announce", "told"), [("none", []), ("changed-stage", ["boris"]), ("all", ["boris", "clara"])])
def test_what_is_announced_is_said_and_stands_behind_every_bookmark(service: Replaying, announce: str, told: list[str]) -> None:
    """Forms and files count more: boris changes his stage, clara only her temperature, anna neither."""
    document = with_points("price", 45)
    document["temperature"]["hot"] = {"scores.behaviour": {"at_least": 11}}
    generation_id = service.replayed(document)
    bookmark = max(each["updated_at"] for each in service.pull())
    begin = service.feed()[-1]["seq"]
    done = service.post(f"/v1/generations/{generation_id}/promote", {"announce": announce}).json()
    moved = [each for each in service.pull([("updated_since", bookmark)]) if each["updated_at"] > bookmark]
    names = {each["id"]: each["email"].partition("@")[0] for each in service.pull()}
    promoted, *said = service.feed(str(begin))
    assert promoted["kind"] == "generation.promoted"
    assert promoted["detail"] == {"generation_id": generation_id, "previous_id": 1}
    assert [names[each["lead_id"]] for each in said] == told
    assert sorted(names[each["id"]] for each in moved) == told
    assert done["announced"] == len(told)
    for each in said:
        assert each["cause"] == {"event": done["position"], "time": None, "replayed": {"from_model": 1, "to_model": 2}}
        assert each["old"] != each["new"]


def test_another_name_of_a_definition_is_announced(service: Replaying) -> None:
    """Anna met the first definition and meets the first one now; that it is called otherwise is for everybody to know."""
    generation_id = service.replayed(orjson.loads(orjson.dumps(MODEL).replace(b'"ready"', b'"able"')))
    begin = service.feed()[-1]["seq"]
    service.post(f"/v1/generations/{generation_id}/promote", {"announce": "all"})
    _, said = service.feed(str(begin))
    assert said["kind"] == "lead.qualified"
    assert (said["old"]["qualified"], said["new"]["qualified"]) == (["ready"], ["able"])


def test_promotions_at_once_are_one_after_the_other(service: Replaying) -> None:
    """Whoever comes second is refused or promotes on top; there is always exactly one live generation."""
    ids = [service.replayed(with_points("price", points)) for points in (45, 50)]
    outcomes: list[object] = []

    def promote(generation_id: int) -> None:
        try:
            outcomes.append(promotion.promote(service.engine, service.vault, generation_id, service.compiled))
        except Exception as error:  # noqa: BLE001 - told to the test below
            outcomes.append(error)

    threads = [threading.Thread(target=promote, args=(generation_id,)) for generation_id in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each for each in outcomes if isinstance(each, Exception)] == []
    states = [each["status"] for each in service.get("/v1/generations").json()["data"]]
    assert states.count("live") == 1
    assert service.rows(live_id(service)) != []


def agreed(approvers: list[str]) -> dict[str, Any]:
    """Return a model with a definition that these people must approve."""
    document = with_points("price", 45)
    document["definitions"]["ready"] = {**document["definitions"]["ready"], "owner": "marketing", "approvers": approvers}
    return document


def test_a_model_goes_live_when_everybody_named_has_approved(service: Replaying) -> None:
    """Until then promotion names who is missing; approving again changes nothing."""
    generation_id = service.replayed(agreed(["anna", "boris"]))
    address = "/v1/models/2/approvals"
    before = service.get(address).json()
    assert (before["missing"], before["data"]) == (["anna", "boris"], [])
    assert before["approvers"] == {"anna": ["ready"], "boris": ["ready"]}
    given = service.post(address, {"name": "anna", "note": "as we said"})
    assert (given.status_code, given.json()["note"]) == (201, "as we said")
    assert service.post(address, {"name": " anna ", "note": "again"}).json() == given.json()
    refused = service.post(f"/v1/generations/{generation_id}/promote")
    assert_problem(refused, 409, "not_approved")
    assert "boris" in refused.json()["message"]
    assert "anna" not in refused.json()["message"]
    assert live_id(service) == 1
    service.post(address, {"name": "boris"})
    assert service.get(address).json()["missing"] == []
    done = service.post(f"/v1/generations/{generation_id}/promote", {"without_approval": "not needed"})
    assert done.status_code == 200
    assert service.get(f"/v1/generations/{generation_id}").json()["without_approval"] is None
    assert service.post("/v1/generations/rollback").status_code == 200


def test_going_live_without_approval_is_shown_for_ever(service: Replaying) -> None:
    """The reason stands in the generation and in the log; a rollback, its way back and a rebuild ask nobody again."""
    generation_id = service.replayed(agreed(["anna"]))
    empty = service.post(f"/v1/generations/{generation_id}/promote", {"without_approval": "  "})
    answer = service.post(f"/v1/generations/{generation_id}/promote", {"without_approval": "ill\0"})
    assert_problem(answer, 422, "invalid_request")
    assert answer.json()["message"] == "/without_approval: a text holds no NUL character"
    assert_problem(empty, 422, "invalid_request")
    service.post(f"/v1/generations/{generation_id}/promote", {"without_approval": "anna is ill"})
    assert live_id(service) == generation_id
    with reading(service.engine) as connection:
        (body,) = connection.execute(select(schema.events.c.body).where(schema.events.c.type == "generation.promoted")).scalars()
    assert "anna is ill" in str(body)
    service.post("/v1/generations/rollback")
    service.post("/v1/generations/rollback")
    again = service.begin(2)
    assert service.build(again)
    assert service.post(f"/v1/generations/{again}/promote").status_code == 200
    shown = service.get("/v1/generations").json()["data"]
    assert [each["without_approval"] for each in shown] == [None, "anna is ill", "anna is ill"]


def test_only_those_who_are_named_can_approve(service: Replaying) -> None:
    """A name that no definition has, and a model that is not there."""
    service.publish(agreed(["anna"]))
    assert_problem(service.post("/v1/models/2/approvals", {"name": "mallory"}), 422, "not_an_approver")
    assert_problem(service.post("/v1/models/9/approvals", {"name": "anna"}), 404, "not_found")
    assert_problem(service.post("/v1/models/2/approvals", {"name": ""}), 422, "invalid_request")
    assert_problem(service.get("/v1/models/9/approvals"), 404, "not_found")


def test_which_generation_was_live_at_an_instant_is_told(service: Replaying) -> None:
    """By the promotions in the log: before the first, between two, and after a rollback; nobody knows the future."""
    begin = service.get("/v1/leads").json()["as_of"]
    generation_id = service.replayed(with_points("form", 40))
    service.post(f"/v1/generations/{generation_id}/promote")
    service.catch_up()
    between = service.get("/v1/leads").json()["as_of"]
    service.post("/v1/generations/rollback")
    service.catch_up()
    now = service.get("/v1/leads").json()["as_of"]
    assert begin < between < now

    def live(at: str) -> list[tuple[int, int]]:
        answer = service.get("/v1/generations", {"live_at": at})
        assert answer.status_code == 200, answer.text
        return [(each["generation_id"], each["model"]) for each in answer.json()["data"]]

    assert (live("2001-01-01T00:00:00Z"), live(begin), live(between), live(now)) == ([(1, 1)], [(1, 1)], [(2, 2)], [(1, 1)])
    for wrong in ("2999-01-01T00:00:00Z", "yesterday", "2026-11-21", ""):
        assert_problem(service.get("/v1/generations", {"live_at": wrong}), 422, "invalid_parameter")


@pytest.mark.parametrize("number", [0, -1, 2**31 - 1, 2**31, -(2**31) - 1, 2**63, 10**30])
def test_a_number_that_nothing_can_have_is_found_nowhere(service: Replaying, number: int) -> None:
    """Neither database is asked for a number that its columns do not hold: there is no such model, and no such generation."""
    model, generation = f"/v1/models/{number}", f"/v1/generations/{number}"
    lead = service.get("/v1/leads").json()["data"][0]["id"]
    answers = [service.get(path) for path in (model, f"{model}/diagram", f"{model}/approvals", f"/v1/models/1/diff/{number}")]
    answers += [service.post(f"{model}/approvals", {"name": "anna"}), service.post("/v1/generations", {"model": number})]
    answers += [service.get(generation)] + [service.post(f"{generation}/{act}") for act in ("promote", "resume", "cancel")]
    assert [answer.status_code for answer in answers] == [404] * 10
    assert service.get(f"/v1/leads/{lead}", {"model": number}).status_code == 422
