"""Consent and erasure go before everything else that shows a lead: looking back, overriding, listing who nearly qualifies."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from lead_events.api import consent, erasing
from lead_events.domain.times import HOUR, format_instant
from tests.api.conftest import assert_problem
from tests.api.identifying import Identifying
from tests.api.service import person


class Guarding(Identifying):
    """A service with the routes of consent and erasure, and with anna and boris, who nearly qualify."""

    def __init__(self, engine: Engine) -> None:
        """Found the log and let two people act."""
        super().__init__(engine)
        for router in (consent.router, erasing.router):
            self.app.include_router(router)
        self.app.state.erasure_ledger = None
        self.say(person("anna"), person("boris"))
        self.wait(HOUR)
        self.anna = str(self.find(email="anna@firm.example")["id"])

    def tell(self, path: str, **body: Any) -> None:
        """Write something about anna while a projector is at work."""
        with self.projecting():
            answer = self.post(f"/v1/leads/{self.anna}/{path}", body)
        assert answer.status_code == 200, answer.text

    def near(self) -> list[str]:
        """Return who nearly qualifies."""
        return sorted(each["lead"]["email"] for each in self.pull([], path="/v1/leads/near-misses"))


@pytest.fixture
def service(engine: Engine) -> Guarding:
    """A service with two people."""
    return Guarding(engine)


def test_what_an_erased_lead_was_is_shown_to_nobody(service: Guarding) -> None:
    """Neither an earlier instant nor what was known then brings anything back; nothing can be set any more."""
    path, before = f"/v1/leads/{service.anna}", format_instant(service.now)
    assert service.near() == ["anna@firm.example", "boris@firm.example"]
    service.tell("erase")
    for asked in ({"as_of": before}, {"known_at": before}, {"as_of": before, "model": 1}):
        assert_problem(service.get(path, asked), 410, "erased_lead")
        assert_problem(service.get(f"{path}/score", asked), 410, "erased_lead")
    ahead = service.get(path, {"as_of": format_instant(service.now + 24 * HOUR)})
    assert (ahead.status_code, ahead.json()["data"]["deleted"], ahead.json()["data"]["traits"]) == (200, True, {})
    wanted = {"score": "behaviour", "value": 80, "reason": "met at the fair"}
    assert_problem(service.post(f"{path}/override", wanted), 410, "erased_lead")
    assert_problem(service.post(f"{path}/override/withdraw", {"stage": True}), 410, "erased_lead")
    assert service.near() == ["boris@firm.example"]


def test_without_profiling_an_overridden_score_is_withheld_and_comes_back(service: Guarding) -> None:
    """Who withdraws is no near miss; neither the score nor the override is told until the consent is given again."""
    service.tell("override", score="behaviour", value=30, reason="met at the fair")
    shown = service.lead(service.anna)
    assert (shown["scores"]["behaviour"], len(shown["overrides"])) == (30.0, 1)
    service.tell("consent", state="withdrawn", purpose="profiling")
    hidden = service.lead(service.anna)
    assert (hidden["scores"], hidden["overrides"]) == ({"behaviour": None, "fit": None}, [])
    told = service.get(f"/v1/leads/{service.anna}/score").json()["data"]
    assert (told["contributions"], {score["override"] for score in told["scores"]}) == ([], {None})
    assert {score["machine"] for score in told["scores"]} == {None}
    assert service.near() == ["boris@firm.example"]
    service.tell("consent", state="granted", purpose="profiling")
    back = service.lead(service.anna)
    assert (back["scores"]["behaviour"], back["overrides"][0]["value"]) == (pytest.approx(30.0, abs=0.01), 30.0)
    assert len(service.near()) == 2
