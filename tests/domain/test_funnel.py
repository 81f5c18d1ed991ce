"""The shipped stage machine: every transition of the chart, at its true instant, and no other."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.scored import rule, scored
from tests.given import given, happened, identified, instant, shipped_model, viewed

HOT = {"job_title": "Marketing director", "industry": "Wholesale trade", "annual_turnover": 2_000_000}


def qualified() -> list[dict[str, Any]]:
    """A lead that meets the shipped definition at day 1."""
    return [
        viewed("0", "/services/site-effectiveness"),
        viewed("10m", "/pricing"),
        viewed("20m", "/terms"),
        identified("1d", **HOT),
    ]


def test_a_contact_makes_a_lead() -> None:
    """A visitor without a contact stays one; an address makes it a lead."""
    given(viewed("0")).then(stage="visitor", stages=[])
    given(viewed("0"), identified("1h")).then(stages=[("lead", "lead.identified")])


def test_a_definition_makes_an_mql() -> None:
    """Meeting a definition moves a lead on at that event, through no stage twice."""
    given(*qualified()).then(
        stages=[("lead", "lead.identified"), ("mql", "lead.identified")],
        met={"sales-ready"},
        temperature="hot",
        qualified_at=instant("1d"),
    )


def test_an_mql_cools_thirty_days_after_it_last_met_a_definition() -> None:
    """Ninety days after the price page the definition lapses, thirty days later the stage does, each at its instant."""
    lapses = instant("10m+90d")
    folded = given(*qualified()).at("10m+120d").then(stage="lead", met=set(), temperature="cold")
    assert folded.lead.history[-1] == [lapses + (instant("30d") - instant("0")), "lead", "cooled", None]
    given(*qualified()).at(instant("10m+120d") - instant("0") - 1).then(stage="mql", met=set())


def test_an_mql_that_qualifies_again_does_not_cool() -> None:
    """A visit to the price page within the thirty days starts the time anew."""
    given(*qualified(), viewed("100d", "/pricing"), viewed("100d+1m", "/terms")).at("125d").then(stage="mql")


def test_acceptance_leads_to_sal() -> None:
    """``lead.accepted`` leads to sal from wherever a lead may be taken."""
    given(*qualified(), happened("2d", "lead.accepted")).then(stage="sal")
    given(viewed("0"), happened("2d", "lead.accepted", anonymous_id="visitor-1")).then(stage="sal")


def test_opportunity_and_customer() -> None:
    """``opportunity.opened`` and ``deal.won`` lead on; nothing leads a customer back."""
    bought = [happened("3d", "opportunity.opened"), happened("4d", "deal.won")]
    given(*qualified(), happened("2d", "lead.accepted"), *bought).then(stage="customer")
    given(*qualified(), *bought, happened("5d", "lead.rejected"), happened("6d", "lead.disqualified")).at("400d").then(
        stage="customer"
    )
    given(identified("0"), happened("1d", "deal.won")).then(stages=[("lead", "lead.identified"), ("customer", "deal.won")])


@pytest.mark.parametrize("type_name", ["lead.rejected", "lead.recycled", "deal.lost"])
def test_a_lead_that_is_given_back_is_recycled(type_name: str) -> None:
    """Rejection, recycling and a lost deal lead to recycled, with the reason that was given."""
    given(*qualified(), happened("2d", "opportunity.opened"), happened("3d", type_name, reason="no_budget")).then(
        stage="recycled", stage_since=instant("3d")
    ).then(stages=[*given(*qualified(), happened("2d", "opportunity.opened")).folded().stages, ("recycled", "no_budget")])


def test_disqualified_stays_until_sales_says_otherwise() -> None:
    """Points do not bring a disqualified lead back; sales does."""
    gone = [*qualified(), happened("2d", "lead.disqualified")]
    given(*gone, viewed("3d", "/pricing")).then(stage="disqualified", met={"sales-ready"})
    given(*gone, happened("4d", "lead.accepted")).then(stage="sal")


@pytest.mark.parametrize(("type_name", "stage"), [("lead.accepted", "sal"), ("opportunity.opened", "opportunity")])
def test_ninety_days_of_silence_stall_a_lead(type_name: str, stage: str) -> None:
    """Ninety days without an event lead a sal or an opportunity to recycled, on the microsecond."""
    history = [*qualified(), happened("2d", type_name), viewed("12d")]
    given(*history).at(instant("102d") - instant("0") - 1).then(stage=stage)
    folded = given(*history).at("102d").then(stage="recycled")
    assert folded.lead.history[-1] == [instant("102d"), "recycled", "stalled", None]
    assert folded.lead.moved == instant("102d")


def test_recycled_qualifies_only_by_something_newer() -> None:
    """The definition still holds when sales gives the lead back; only a new act of the lead counts."""
    back = [*qualified(), happened("2d", "lead.rejected")]
    given(*back).at("20d").then(stage="recycled", met={"sales-ready"})
    given(*back, happened("3d", "lead.noted", text="call later")).then(stage="recycled")
    given(*back, happened("3d", "email.sent")).then(stage="recycled")
    given(*back, happened("3d", "ad.shown")).then(stage="recycled")
    given(*back, happened("3d", "call.rescheduled", anonymous_id="visitor-1")).then(stage="recycled")
    given(*back, viewed("1d+12h")).then(stage="recycled")
    given(*back, viewed("2d")).then(stage="recycled")
    given(*back, viewed("3d")).then(stage="mql", stage_since=instant("3d"))


def test_from_sal_on_points_move_nothing() -> None:
    """Whatever a lead does or stops doing, sales' stages hold; only temperature follows."""
    taken = [*qualified(), happened("2d", "lead.accepted")]
    calls = [happened(f"{day}d", "call.logged") for day in range(40, 200, 40)]
    given(*taken, *calls).at("201d").then(stage="sal", temperature="cold", met=set())
    given(*taken, viewed("3d", "/pricing"), happened("3d", "webinar.attended")).then(stage="sal", temperature="hot")


def test_engaged_needs_points_and_fit() -> None:
    """The second definition: fifty points that last, twenty of fit, and a contact."""
    history = [
        identified("0", job_title="Owner"),
        happened("1h", "webinar.attended"),
        happened("2h", "meeting.booked"),
        happened("2h", "chat.started"),
    ]
    folded = given(*history).then(met={"engaged"}, stage="mql", score_fit=20.0, temperature="hot")
    assert folded.lead.due is not None
    at = folded.lead.due - instant("0")
    given(*history).at(at - 1).then(met={"engaged"}, temperature="hot")
    given(*history).at(at).then(met=set(), temperature="warm", moved=instant(at))
    given(*history).at("200d").then(temperature="cold", stage="lead")


def test_time_never_moves_a_customer() -> None:
    """Nothing but temperature is left to time once somebody bought."""
    given(*qualified(), happened("2d", "deal.won")).at("900d").then(stage="customer", temperature="cold")


def test_the_chart_has_these_stages_and_these_events_move_leads() -> None:
    """Whoever renames one breaks the models of others."""
    names = ["visitor", "lead", "mql", "sal", "opportunity", "customer", "recycled", "disqualified"]
    assert list(shipped_model().document.stages) == names
    assert shipped_model().event_moves == {
        "lead.accepted", "opportunity.opened", "deal.won", "deal.lost", "lead.rejected", "lead.recycled", "lead.disqualified",
    }  # fmt: skip


@pytest.mark.parametrize("asked", [{"stage": "mql"}, {"temperature": "hot"}, {"not": {"stage": "visitor"}}])
def test_a_definition_may_look_at_stage_and_temperature(asked: dict[str, Any]) -> None:
    """It is met at the instant at which they change, not when something else happens next."""
    model = {
        **scored(rule(10)),
        "definitions": {"known": {"contact": "present"}, "working": asked},
        "temperature": {"hot": {"definition": "known"}},
        "stages": {"visitor": {}, "mql": {"entry": [{"from": ["visitor"], "when": {"definition": "known"}}]}},
    }
    folded = given(identified("0")).under(model).then(stage="mql", met={"known", "working"})
    assert folded.lead.definitions[1][1] == instant("0")
