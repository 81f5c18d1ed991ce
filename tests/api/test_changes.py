"""The change feed: gapless, ordered, each ``old`` the ``new`` before; whoever follows it misses nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from lead_events.api import changes, problems
from lead_events.domain.lead_id import decode_lead_id
from lead_events.domain.times import DAY, SECOND, format_instant
from lead_events.store import api_keys
from lead_events.store.api_keys import KeyKind, KeyRing
from lead_events.store.engine import writing
from lead_events.store.schema import changes as table
from tests import databases
from tests.api.conftest import assert_problem
from tests.api.replaying import Replaying, with_points
from tests.api.service import person, visitor
from tests.api.sharing import SharingApplication
from tests.histories import Act, Said, acts, logs
from tests.world import World

Change = dict[str, Any]


@pytest.fixture
def service(engine: Engine) -> Replaying:
    """Anna becomes a lead and qualifies, boris is accepted, a visitor stays silent, anna cools after a while."""
    service = Replaying(engine)
    service.say(visitor("w1"), person("anna"), person("anna", "file.downloaded", traits={"job_title": "Director"}))
    service.say(person("boris"), {"type": "lead.accepted", "traits": {"email": "boris@firm.example"}})
    service.wait(40 * DAY)
    return service


def test_changes_tell_the_story_in_order(service: Replaying) -> None:
    """Gapless, nobody speaks of a visitor, moves by time name their instant, no personal value is repeated."""
    said = service.feed()
    assert [each["seq"] for each in said] == list(range(1, len(said) + 1))
    moves = [(each["kind"], (each["new"] or {}).get("stage")) for each in said if each["kind"] == "lead.stage_changed"]
    assert [stage for _, stage in moves] == ["lead", "mql", "lead", "sal", "lead"]
    cooled = next(each for each in said if each["kind"] == "lead.unqualified")
    assert cooled["cause"]["event"] is None
    assert cooled["cause"]["time"] == cooled["at"]
    scored = next(each for each in said if each["kind"] == "lead.score_changed")
    assert set(scored["detail"]["contributions"][0]) == {"position", "score", "rule", "points"}
    traits = next(each for each in said if each["kind"] == "lead.traits_changed")
    assert "email" in traits["detail"]["traits"]
    assert "anna" not in str(said)


def test_pages_of_any_size_give_the_same_feed(service: Replaying) -> None:
    """A page never swallows a move, and the link leads on exactly while there is more."""
    whole = service.feed()
    for limit in (1, 2, 3, 1_000):
        assert service.feed(limit=limit) == whole
    first = service.get("/v1/changes", {"limit": 2, "kind": "lead.stage_changed"})
    assert first.headers["link"] == (
        f'<http://api.test/v1/changes?limit=2&kind=lead.stage_changed&after={first.json()["next_cursor"]}>; rel="next"'
    )
    last = service.get("/v1/changes", {"after": str(len(whole))})
    assert last.json() == {"data": [], "next_cursor": str(len(whole)), "has_more": False}
    assert "link" not in last.headers


def test_filters_skip_to_the_end_without_an_empty_page_in_between(service: Replaying) -> None:
    """Whoever asks for little is not led through everything, and misses nothing that is said later."""
    whole = service.feed()
    moves = [each for each in whole if each["kind"] == "lead.stage_changed"]
    assert service.feed(limit=1, kind="lead.stage_changed") == moves
    into = [each for each in whole if each["kind"] == "lead.stage_changed" and each["new"]["stage"] == "mql"]
    page = service.get("/v1/changes", {"kind": "lead.stage_changed", "stage": "mql"}).json()
    assert (page["data"], page["next_cursor"], page["has_more"]) == (into, str(len(whole)), False)
    service.say(person("clara"), person("clara", "file.downloaded"))
    later = service.get("/v1/changes", {"after": page["next_cursor"], "kind": "lead.stage_changed", "stage": "mql"}).json()
    assert len(later["data"]) == 1
    both = service.feed(kind=["lead.created", "lead.qualified"])
    assert {each["kind"] for each in both} == {"lead.created", "lead.qualified"}


def test_a_consumer_that_died_reads_the_same_again(service: Replaying) -> None:
    """A page asked for twice, with more said in between, begins the same: nothing is said twice with another content."""
    page = service.get("/v1/changes", {"after": "2", "limit": 3})
    service.say(person("anna", "email.unsubscribed"), person("dora"))
    assert service.get("/v1/changes", {"after": "2", "limit": 3}).content == page.content


def test_now_begins_with_what_is_said_next(service: Replaying) -> None:
    """A new consumer need not read the past."""
    end = service.get("/v1/changes", {"after": "now"}).json()
    assert (end["data"], end["has_more"]) == ([], False)
    service.say(person("dora"))
    assert {each["kind"] for each in service.feed(end["next_cursor"])} >= {"lead.created", "lead.stage_changed"}


def test_cursors_that_cannot_be_are_refused(service: Replaying) -> None:
    """A cursor beyond the end belongs to a feed that was lost; to wait there would skip what comes."""
    assert_problem(service.get("/v1/changes", {"after": "x"}), 400, "invalid_cursor")
    assert_problem(service.get("/v1/changes", {"after": "-1"}), 400, "invalid_cursor")
    assert_problem(service.get("/v1/changes", {"after": "99999"}), 410, "cursor_gone")
    assert_problem(service.get("/v1/changes", {"limit": 0}), 422, "invalid_request")
    assert_problem(service.get("/v1/changes", {"kind": "lead.exploded"}), 422, "invalid_request")
    assert_problem(service.get("/v1/changes", key=service.events_only), 403, "missing_scope")


def test_rewritten_history_is_one_correction(service: Replaying) -> None:
    """A late event that changes what already happened is said once, with what was added and removed."""
    begin = service.feed()[-1]["seq"]
    late = format_instant(service.now - 40 * DAY - SECOND)
    service.say({"type": "lead.accepted", "traits": {"email": "anna@firm.example"}, "occurred_at": late})
    corrected = [each for each in service.feed(str(begin)) if each["kind"] == "lead.corrected"]
    assert len(corrected) == 1
    assert "sal" in [entry["stage"] for entry in corrected[0]["detail"]["added"]]
    assert all(entry["at"].endswith("Z") for entry in corrected[0]["detail"]["added"])


def test_old_is_the_new_before_between_promotions(service: Replaying) -> None:
    """A promotion may change what stands without saying it; from there on the chain holds again."""
    generation_id = service.replayed(with_points("price", 45))
    service.post(f"/v1/generations/{generation_id}/promote", {"announce": "all"})
    service.say(person("boris", "file.downloaded"), person("anna"))
    chained(service.feed())


def chained(said: list[Change]) -> None:
    """Check that each change goes on where the one before it of the same lead ended."""
    last: dict[str, Any] = {}
    for each in said:
        if each["kind"] == "generation.promoted":
            last.clear()
            continue
        lead = each["lead_id"]
        assert each["old"] == last.get(lead, each["old"]), each
        last[lead] = each["new"]


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(said=logs(), around=acts(), limit=st.sampled_from([1, 2, 7]))
def test_the_feed_of_any_history_is_gapless_and_chained(emptied: Engine, said: list[Said], around: list[Act], limit: int) -> None:
    """However events arrive, whatever dies: gapless, each old the new before, and at its end where the leads stand."""
    world = World(emptied)
    for _ in world.play(said, around):
        pass
    world.catch_up(3)
    world.tick(world.clock + 10 * DAY)
    world.catch_up(3)
    reader = Following(world, limit)
    feed = reader.read()
    assert [each["seq"] for each in feed] == list(range(1, len(feed) + 1))
    chained(feed)
    stands = {each["lead_id"]: each["new"]["stage"] for each in feed}
    contacts = {row["founding"]: row["stage"] for row in world.rows() if row["contact"]}
    assert {reader.founding(lead): stage for lead, stage in stands.items() if reader.founding(lead) in contacts} == contacts


def ask(app: FastAPI, method: str, url: str, **request: Any) -> httpx.Response:
    """Send one request through ASGI."""

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api.test") as client:
            return await client.request(method, url, **request)

    return asyncio.run(send())


class Following:
    """A consumer of a world's feed."""

    def __init__(self, world: World, limit: int) -> None:
        self.limit = limit
        self.world = world
        self.app = SharingApplication()
        self.app.include_router(changes.router)
        problems.install(self.app)
        with writing(world.engine) as connection:
            self.secret = api_keys.create(connection, KeyKind.SECRET, "shop", ["leads:read"])[1]
        self.app.state.engine, self.app.state.vault, self.app.state.keys = world.engine, world.vault, KeyRing(world.engine)

    def founding(self, lead_id: str) -> int | None:
        """Return the founding position of a lead."""
        return decode_lead_id(self.world.vault.log_id, lead_id)

    def read(self) -> list[Change]:
        """Follow the feed to its end."""
        found: list[Change] = []
        after = "0"
        while True:
            path = f"/v1/changes?after={after}&limit={self.limit}"
            answer = ask(self.app, "GET", path, headers={"X-API-Key": self.secret})
            page = answer.json()
            found += page["data"]
            after = page["next_cursor"]
            if not page["has_more"]:
                return found


@pytest.fixture
def emptied(database_url: str) -> Any:
    """The service's own engine on a database whose log can be emptied."""
    engine = databases.connect(database_url)
    table.metadata.create_all(engine)
    yield engine
    engine.dispose()


def test_a_stage_that_no_database_can_hold_is_refused(service: Replaying) -> None:
    """One of them takes a NUL for a text like any other, the other for an error; clients see neither."""
    problem = assert_problem(service.get("/v1/changes", {"stage": "mql\0"}), 422, "invalid_parameter")
    assert problem["detail"].startswith("?stage: ")
