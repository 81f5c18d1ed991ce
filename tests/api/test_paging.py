"""Paging as generic clients do it: nothing is skipped while leads change, and a cursor is only good where it was made."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, update

from lead_events.api import paging
from lead_events.domain.errors import InvalidCursor
from lead_events.domain.times import DAY, HOUR
from lead_events.store import generations, schema
from lead_events.store.engine import writing
from tests.api.service import Service, person, visitor


@pytest.fixture
def service(engine: Engine) -> Service:
    """A service with an empty log."""
    return Service(engine)


def crowd(service: Service, size: int = 9) -> list[str]:
    """Let some people arrive, three of them at the same instant of their own; return their names."""
    names = [f"p{number}" for number in range(size)]
    same = {"occurred_at": "2026-11-21T10:00:00Z"}
    service.say(*(person(name, **(same if number < 3 else {})) for number, name in enumerate(names)))
    service.say(*(person(name, "file.downloaded") for name in names[::2]))
    return names


def names_of(leads: list[dict[str, Any]]) -> list[str]:
    """Return who is in a list."""
    return [lead["last_name"] for lead in leads]


@pytest.mark.parametrize("sort", ["updated_at", "-updated_at", "-priority", "-scores.behaviour", "-scores.fit"])
def test_a_list_that_changes_meanwhile_skips_no_unchanged_lead(service: Service, sort: str) -> None:
    """Between pages some leads change, new ones come and time passes: every lead that stood still is there, once."""
    names = crowd(service)
    moving, steps = names[:3], itertools.count()

    def change() -> None:
        number = next(steps)
        if number > 5:  # a list by time of change that changes for ever has no end
            return
        service.say(person(moving[number % 3], "file.downloaded"), person(f"new{number}"))
        service.wait(HOUR)

    for filters in ([], [("stage", "lead"), ("stage", "mql"), ("stage", "sal")]):
        pulled = names_of(list(service.pull([("sort", sort), ("limit", 2), *filters], between=change)))
        still = [name for name in pulled if name in names[3:]]
        assert sorted(still) == names[3:]


def test_a_rank_keeps_its_order_while_time_passes(service: Service) -> None:
    """Pages of a ranked list are of one instant, the one that the first page named."""
    crowd(service)
    first = service.get("/v1/leads", {"sort": "-priority", "limit": 3}).json()
    service.wait(40 * DAY)
    second = service.get("/v1/leads", {"sort": "-priority", "limit": 3, "cursor": first["next_cursor"]}).json()
    assert second["as_of"] == first["as_of"]
    values = [lead["scores"]["behaviour"] for lead in first["data"] + second["data"]]
    assert values == sorted(values, reverse=True)
    assert values[0] == 45.0


def test_an_incremental_pull_gets_every_change(service: Service) -> None:
    """Asking again from the greatest ``updated_at`` seen, inclusive, misses no change, whatever came between."""
    bookmark, seen = "2000-01-01T00:00:00.000000Z", {}
    for number in range(6):
        service.say(person(f"p{number}"), person(f"p{number // 2}", "file.downloaded"), page=1)
        if number == 3:
            service.wait(45 * DAY)
        for lead in service.pull([("updated_since", bookmark), ("limit", 2)]):
            seen[lead["id"]] = (lead["updated_at"], lead["position"], lead["stage"])
            bookmark = max(bookmark, lead["updated_at"])
        now = {lead["id"]: (lead["updated_at"], lead["position"], lead["stage"]) for lead in service.pull()}
        assert seen == now


def test_a_cursor_goes_with_the_same_filters_in_any_order_and_spelling(service: Service) -> None:
    """Clients repeat all filters with the cursor, or none; both go on, and the limit is free."""
    crowd(service)
    filters = [("updated_since", "2026-11-21T00:00:00Z"), ("stage", "mql"), ("stage", "lead"), ("limit", 2)]
    cursor = service.get("/v1/leads", filters).json()["next_cursor"]
    again = [("limit", 3), ("stage", "lead"), ("stage", "mql"), ("updated_since", "2026-11-21T00:00:00.000 00:00")]
    pages = [service.get("/v1/leads", [*given, ("cursor", cursor)]).json() for given in (again, [("limit", 3)])]
    assert len(pages[0]["data"]) == 3
    assert pages[0]["data"] == pages[1]["data"]
    assert service.get("/v1/leads", {"sort": "updated_at", "cursor": cursor}).status_code == 200


@pytest.mark.parametrize(
    "other", [{"sort": "-priority"}, {"stage": "sal"}, {"q": "p"}, {"updated_since": "2026-11-22T00:00:00Z"}]
)
def test_a_filter_that_contradicts_the_cursor_is_refused(service: Service, other: dict[str, str]) -> None:
    """Going on in another list would skip leads in silence."""
    crowd(service)
    params = {"stage": "lead", "limit": "2"}
    cursor = service.get("/v1/leads", params).json()["next_cursor"]
    answer = service.get("/v1/leads", {**params, **other, "cursor": cursor})
    assert (answer.status_code, answer.json()["code"]) == (400, "cursor_mismatch")
    assert next(iter(other)) in answer.json()["message"]


def test_a_cursor_that_was_tampered_with_is_unreadable(service: Service) -> None:
    """Every changed character, a cursor of another list, and nonsense are 400, never 500 and never an empty page."""
    crowd(service)
    (lead, *_) = service.pull()
    cursor = service.get("/v1/leads", {"limit": 2}).json()["next_cursor"]
    timeline = service.get(f"/v1/leads/{lead['id']}/timeline", {"limit": 1}).json()["next_cursor"]
    broken = [cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :] for place in range(0, len(cursor), 9)]
    for each in [*broken, cursor[:-1], cursor + "A", timeline, "x", "é", "=" * 5, "A" * 10_000, "A" * 16, "%00"]:
        answer = service.get("/v1/leads", {"limit": 2, "cursor": each})
        assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), each


def test_a_cursor_of_a_generation_that_is_gone_is_410(service: Service) -> None:
    """A list is of one generation; when that is no longer kept, the client starts again."""
    crowd(service)
    cursor = service.get("/v1/leads", {"limit": 2}).json()["next_cursor"]
    table = schema.generations
    with writing(service.engine) as connection:
        second = generations.create(
            connection, model_number=1, fold_revision=1, list_revision=1, status=generations.Status.BUILDING, created_at=0
        )
        connection.execute(update(table).where(table.c.generation_id == service.live).values(status="retired", built_at=1))
        connection.execute(update(table).where(table.c.generation_id == second).values(status="live"))
    kept = service.get("/v1/leads", {"limit": 2, "cursor": cursor}).json()
    assert (kept["generation_id"], len(kept["data"])) == (service.live, 2)
    for values in ({"built_at": None}, {"status": "failed"}, {"generation_id": 77}):
        with writing(service.engine) as connection:
            connection.execute(update(table).where(table.c.generation_id == service.live).values(**values))
        answer = service.get("/v1/leads", {"limit": 2, "cursor": cursor})
        assert (answer.status_code, answer.json()["code"]) == (410, "cursor_gone")


def test_the_link_is_absolute_and_repeats_everything(service: Service) -> None:
    """Clients that know only the Link header follow it to the end, behind a proxy too."""
    crowd(service)
    service.app.state.public_url = "https://events.shop.example/"
    url, seen = "/v1/leads?limit=4&stage=lead&stage=mql&q=firm%20p&cursor=&updated_since=2026-11-21T00:00:00%2B00:00", []
    while url:
        answer = service.ask("GET", url, headers={"Authorization": f"Bearer {service.secret}"})
        seen += names_of(answer.json()["data"])
        link = answer.headers.get("link", "")
        if link:
            assert link.startswith("<https://events.shop.example/v1/leads?limit=4&stage=lead&stage=mql&q=")
            assert link.endswith('>; rel="next"')
        url = link.partition(">")[0].removeprefix("<https://events.shop.example")
    assert sorted(seen) == [f"p{number}" for number in range(9)]


def test_only_visitors_leave_nothing_to_page(service: Service) -> None:
    """Without ``stage`` a list holds people with a contact; a thousand visitors are no page of it."""
    service.say(*(visitor(f"w{number}") for number in range(5)))
    assert service.get("/v1/leads", {"limit": 1}).json()["has_more"] is False
    assert len(list(service.pull([("stage", "visitor"), ("limit", 2)]))) == 5


@given(st.text(max_size=60), st.lists(st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300), max_size=3))
def test_a_cursor_reads_back_what_was_written_and_nothing_else(noise: str, numbers: list[float]) -> None:
    """Floats and whole numbers come back bit by bit; any other text, log or kind is refused."""
    cursor = paging.write_cursor(b"a" * 16, "leads", {"key": numbers})
    assert paging.read_cursor(b"a" * 16, "leads", cursor) == {"key": numbers}
    for log_id, kind, text in ((b"b" * 16, "leads", cursor), (b"a" * 16, "parked", cursor), (b"a" * 16, "leads", noise)):
        with pytest.raises(InvalidCursor):
            paging.read_cursor(log_id, kind, text)
