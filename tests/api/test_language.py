"""What the whole language shows of a lead: its grade, what holds it back, and what time did to its points."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from lead_events.domain.times import DAY, SECOND, format_instant
from tests.api.service import MODEL, Service, person

DOCUMENT: dict[str, Any] = {
    **MODEL,
    "scores": {
        "behaviour": {
            "half_life": "30d",
            "groups": {"acts": {"cap": 50}},
            "rules": [
                {"id": "price", "when": {"type": "file.downloaded"}, "points": 30, "group": "acts"},
                {"id": "form", "when": {"type": "form.submitted"}, "points": 40, "group": "acts", "valid_for": "10d",
                 "limit": {"times": 2, "per": "day"}},
            ],
            "inactivity": [{"id": "quiet", "after": "20d", "points": -5}],
        },
        "fit": MODEL["scores"]["fit"],
    },
    "grade": {"letter": {"score": "fit", "steps": [20]}, "digit": {"score": "behaviour", "steps": [45, 20, 5]}},
    "stages": {**MODEL["stages"], "mql": {**MODEL["stages"]["mql"], "requires": ["traits.budget"]}},
}  # fmt: skip


@pytest.fixture
def service(engine: Engine) -> Service:
    """Anna, director, asked for prices and sent a form."""
    service = Service(engine, DOCUMENT)
    service.say(person("anna", "file.downloaded", traits={"job_title": "Director"}), person("anna"))
    return service


def the_lead(service: Service) -> dict[str, Any]:
    """Return anna as the list shows her; alone she looks the same."""
    (lead,) = service.pull()
    alone: dict[str, Any] = service.get(f"/v1/leads/{lead['id']}").json()["data"]
    assert {name: alone[name] for name in ("grade", "held", "stage", "scores")} == {
        name: lead[name] for name in ("grade", "held", "stage", "scores")
    }
    return alone


def test_a_lead_shows_its_grade_and_what_holds_it_back(service: Service) -> None:
    """Ready for marketing's list, but for the budget; when it is there, nothing is held."""
    lead = the_lead(service)
    assert (lead["grade"], lead["stage"], lead["definitions"]["ready"]["met"]) == ("A1", "lead", True)
    assert lead["held"] == {
        "stage": "mql", "missing": [{"field": "traits.budget", "needs": "present", "has": None, "unknown": None}],
    }  # fmt: skip
    service.say(person("anna", "lead.identified", traits={"budget": 5}))
    lead = the_lead(service)
    assert (lead["stage"], lead["held"]) == ("mql", None)


def test_time_takes_points_and_the_explanation_still_adds_up(service: Service) -> None:
    """The form's points end after ten days and silence costs after twenty, each at its own instant."""
    sent = service.now
    service.wait(25 * DAY)
    lead = the_lead(service)
    told = service.get(f"/v1/leads/{lead['id']}/score", [("score", "behaviour")]).json()["data"]
    (score,) = told["scores"]
    assert sum(Decimal(str(each["value"])) for each in told["contributions"]) == Decimal(str(score["value"]))
    assert score["value"] == lead["scores"]["behaviour"]
    assert [(each["rule"], each["by_time"], each["cut_by"], each["at"]) for each in told["contributions"]] == [
        ("price", None, None, format_instant(sent - SECOND)),
        ("form", None, "group cap", format_instant(sent)),
        ("form", "expired", None, format_instant(sent + 10 * DAY)),
        ("quiet", "inactive", None, format_instant(sent + 20 * DAY)),
    ]
    assert any(line.startswith("−5 quiet: no activity for 20d until") for line in told["summary"])
    assert any("form: no longer counts: submitted form f" in line for line in told["summary"])
    assert lead["grade"] == "A3"
