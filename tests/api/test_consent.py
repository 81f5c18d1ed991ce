"""What a person agreed to, over HTTP: on the phone, in lists, in explanations, in the change feed."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from lead_events.api import consent
from lead_events.domain.consent import CHANNELS
from lead_events.domain.times import DAY
from tests.api.identifying import Identifying
from tests.api.service import person


class Consenting(Identifying):
    """A service with the routes of consent and anna, who is qualified, and boris, who is not."""

    def __init__(self, engine: Engine) -> None:
        """Found the log and let two people act."""
        super().__init__(engine)
        self.app.include_router(consent.router)
        self.say(*[person("anna", "file.downloaded")] * 2, person("anna", traits={"phone": "+74951234567"}), person("boris"))
        self.anna = self.find(email="anna@firm.example")["id"]

    def state(self, state: str, purpose: str, lead: str | None = None, **more: Any) -> httpx.Response:
        """Write down what somebody said, while a projector is at work."""
        with self.projecting():
            return self.post(f"/v1/leads/{lead or self.anna}/consent", {"state": state, "purpose": purpose, **more})

    def listed(self, **parameters: str) -> list[str]:
        """Return who is in a list, by the part of the address before the at sign."""
        return sorted(lead["email"].partition("@")[0] for lead in self.pull(list(parameters.items())))


@pytest.fixture
def service(engine: Engine) -> Consenting:
    """A service with two people."""
    return Consenting(engine)


def test_a_qualified_lead_that_withdraws_profiling_leaves_every_list_and_comes_back(service: Consenting) -> None:
    """The feed says so both times; between, scores and definitions are null with the reason."""
    assert service.listed(definition="ready") == service.listed(stage="mql") == ["anna"]
    seen = len(service.feed())
    answer = service.state("withdrawn", "profiling", author="zoe", method="phone", text_version="2026-1", text="No more of that")
    assert answer.status_code == 200, answer.text
    lead = answer.json()["data"]
    assert lead["withheld"] == "no_profiling_consent"
    assert (lead["scores"], lead["temperature"], lead["stage"]) == ({"behaviour": None, "fit": None}, "cold", "lead")
    gap = {"field": "consent.profiling", "needs": "granted", "has": "withdrawn", "unknown": None}
    assert lead["definitions"]["ready"] == {"met": None, "since": None, "missing": [gap]}
    stated = lead["consent"]["profiling"]
    assert (stated["state"], stated["author"], stated["method"], stated["text_version"]) == (
        "withdrawn",
        "zoe",
        "phone",
        "2026-1",
    )
    for parameters in ({"definition": "ready"}, {"stage": "mql"}, {"temperature": "hot"}, {"min_score": "behaviour:1"}):
        assert "anna" not in service.listed(**parameters), parameters
    assert service.listed() == ["anna", "boris"]
    service.state("granted", "profiling")
    assert service.listed(definition="ready") == service.listed(stage="mql") == ["anna"]
    said = [change["kind"] for change in service.feed()[seen:]]
    assert said == [
        "lead.unqualified", "lead.temperature_changed", "lead.stage_changed", "lead.score_changed",
        "lead.qualified", "lead.temperature_changed", "lead.stage_changed", "lead.score_changed",
    ]  # fmt: skip


def test_an_explanation_says_why_a_score_is_null(service: Consenting) -> None:
    """Nothing of what was counted is shown; with consent again it is, decayed."""
    service.state("withdrawn", "profiling")
    found = service.get(f"/v1/leads/{service.anna}/score").json()["data"]
    assert [(score["value"], score["reason"]) for score in found["scores"]] == [(None, "no_profiling_consent")] * 2
    assert found["contributions"] == []
    assert "withdrawn on" in found["summary"][0]
    service.wait(30 * DAY)
    service.state("granted", "profiling")
    found = service.get(f"/v1/leads/{service.anna}/score").json()["data"]
    assert next(score["value"] for score in found["scores"] if score["name"] == "behaviour") == pytest.approx(37.5, abs=0.01)
    assert sum(each["value"] for each in found["contributions"]) == pytest.approx(37.5, abs=0.01)


def test_the_list_knows_whom_one_may_write_to(service: Consenting) -> None:
    """A channel is open when nobody closed it and the address for it is known."""
    assert service.listed(contactable="email") == ["anna", "boris"]
    assert service.listed(contactable="phone") == ["anna"]
    service.state("withdrawn", "contact", channel="email")
    service.say(person("boris", "email.unsubscribed"))
    assert service.listed(contactable="email") == []
    assert service.lead(service.anna)["do_not_contact"] == ["email"]
    service.state("withdrawn", "contact")
    assert service.lead(service.anna)["do_not_contact"] == list(CHANNELS)
    assert service.listed(contactable="phone") == []
    service.state("granted", "contact", channel="phone")
    assert service.listed(contactable="phone") == ["anna"]


def test_the_same_statement_sent_again_changes_nothing(service: Consenting) -> None:
    """With an id of its own it is one event; other content under it is refused."""
    said = {"event_id": "call-1", "author": "zoe", "note": "She laughed"}
    first, again = (service.state("withdrawn", "analytics", **said) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.json()["written"] == again.json()["written"]
    assert first.json()["data"]["events"] == again.json()["data"]["events"]
    answer = service.state("granted", "analytics", **said)
    assert (answer.status_code, answer.json()["code"]) == (409, "event_id_taken")
    assert service.lead(service.anna)["consent"]["analytics"]["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"state": "granted", "purpose": "profiling", "channel": "email"}, 422),
        ({"state": "maybe", "purpose": "profiling"}, 422),
        ({"state": "granted", "purpose": "selling"}, 422),
        ({"state": "granted", "purpose": "contact", "channel": "owl"}, 422),
        ({"state": "granted", "purpose": "contact", "occurred_at": "yesterday"}, 422),
        ({"state": "granted", "purpose": "contact", "event_id": "with space"}, 422),
        ({"state": "granted"}, 422),
    ],
)
def test_what_cannot_be_written_is_refused(service: Consenting, body: dict[str, Any], status: int) -> None:
    """Nothing is appended, and the answer names the field."""
    answer = service.post(f"/v1/leads/{service.anna}/consent", body)
    assert answer.status_code == status, answer.text
    assert service.lead(service.anna)["consent"] == {}


def test_keys_and_leads_are_checked(service: Consenting) -> None:
    """Writing takes the scope, and a lead that exists."""
    body = {"state": "granted", "purpose": "analytics"}
    assert service.post(f"/v1/leads/{service.anna}/consent", body, key=service.reads_only).status_code == 403
    assert service.post(f"/v1/leads/{service.anna}/consent", body, key=service.write).status_code in {401, 403}
    assert service.post("/v1/leads/ld_zzzz/consent", body).status_code == 404


def test_what_was_said_earlier_loses_against_what_was_said_later(service: Consenting) -> None:
    """A call of last month that is written down today does not undo yesterday's withdrawal."""
    service.state("withdrawn", "contact", channel="phone")
    service.state("granted", "contact", channel="phone", occurred_at="2099-12-01T10:00:00Z")
    assert service.lead(service.anna)["do_not_contact"] == ["phone"]
