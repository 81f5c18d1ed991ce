"""Editing a lead by hand, and where each value of it came from."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from tests.api.identifying import Identifying
from tests.api.service import person, visitor


@pytest.fixture
def service(engine: Engine) -> Identifying:
    """A service with anna, who said in public that she is a clerk."""
    service = Identifying(engine)
    service.say(
        {**person("anna", "file.downloaded"), "author": "form"}, person("anna", author="form", traits={"job_title": "Clerk"})
    )
    return service


def anna_id(service: Identifying) -> str:
    """Return anna's id."""
    return str(service.find(email="anna@firm.example")["id"])


def test_an_edit_is_an_event_and_the_answer_shows_it(service: Identifying) -> None:
    """A lead one trait short of a definition qualifies in the answer to the edit that fills it in."""
    anna = anna_id(service)
    assert service.lead(anna)["definitions"]["boss"]["met"] is False
    answer = service.patch(anna, {"job_title": "Director"}, author="zoe")
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["written"], body["position"], body["data"]["job_title"]) == (3, 3, "Director")
    assert body["data"]["definitions"]["boss"]["met"] is True
    event = service.get(f"/v1/leads/{anna}/timeline").json()["data"][0]
    assert (event["type"], event["author"], event["traits"]) == ("lead.traits_set", "zoe", {"job_title": "Director"})


def test_each_value_says_where_it_came_from(service: Identifying) -> None:
    """Instant, event, authority and source stand beside every value; the author is the key's source unless named."""
    service.patch(anna_id(service), {"city": "Perm"})
    found = service.get(f"/v1/leads/{anna_id(service)}/traits").json()["data"]
    assert set(found) == {"city", "email", "job_title"}
    assert found["city"] == {
        "value": "Perm", "at": found["city"]["at"], "position": 3, "type": "lead.traits_set",
        "authority": "person", "source": "shop",
    }  # fmt: skip
    assert (found["job_title"]["position"], found["job_title"]["type"]) == (2, "form.submitted")
    event = service.get(f"/v1/leads/{anna_id(service)}/timeline").json()["data"][0]
    assert event["author"] == "shop"


def test_null_empties_a_trait(service: Identifying) -> None:
    """What was emptied is gone from the lead, and its history remains."""
    anna = anna_id(service)
    answer = service.patch(anna, {"job_title": None, "city": "Perm"})
    assert (answer.json()["data"]["job_title"], answer.json()["data"]["city"]) == (None, "Perm")
    event = service.get(f"/v1/leads/{anna}/timeline").json()["data"][0]
    assert event["properties"] == {"cleared": ["job_title"]}


def title(service: Identifying) -> tuple[Any, Any]:
    """Return anna's job title and what it is worth."""
    found = service.get(f"/v1/leads/{anna_id(service)}/traits").json()["data"]["job_title"]
    return found["value"], found["authority"]


def test_a_crm_outranks_a_person_and_a_person_outranks_the_public(service: Identifying) -> None:
    """CRM-verified > edited by a person > claimed in public, whatever comes last; within a rank the newest wins."""
    anna = anna_id(service)
    service.say_in_public(person("anna", traits={"job_title": "Intern"}))
    assert title(service) == ("Clerk", "person")
    service.patch(anna, {"job_title": "Manager"})
    assert title(service) == ("Manager", "person")
    service.say(person("anna", "lead.identified", traits={"job_title": "Director"}))
    assert title(service) == ("Director", "crm")
    service.patch(anna, {"job_title": "Manager"})
    service.patch(anna, {"job_title": None})
    service.say_in_public(person("anna", traits={"job_title": "Pope"}))
    assert title(service) == ("Director", "crm")
    service.say(person("anna", "lead.identified", traits={"job_title": "CEO"}))
    assert title(service) == ("CEO", "crm")


def test_an_older_claim_of_the_same_rank_does_not_win_by_coming_late(service: Identifying) -> None:
    """Within a rank it is the newest instant that counts, not the last arrival."""
    service.patch(anna_id(service), {"job_title": "Manager"})
    late = {**person("anna", author="form", traits={"job_title": "Trainee"}), "occurred_at": "2099-01-01T00:00:00Z"}
    service.say(late)
    assert title(service) == ("Manager", "person")


def test_an_edit_can_give_a_visitor_a_contact(service: Identifying) -> None:
    """An address found by research makes a lead of a visitor; one that is somebody's makes a candidate."""
    service.say(visitor("w1"))
    (visitor_lead,) = service.pull([("stage", "visitor")])
    body = service.patch(visitor_lead["id"], {"email": "Boris@Firm.example", "first_name": "Boris"}).json()["data"]
    assert (body["email"], body["stage"], body["identification"]) == ("boris@firm.example", "lead", "contact_known")
    assert service.find(email="boris@firm.example")["id"] == visitor_lead["id"]
    service.patch(visitor_lead["id"], {"email": "anna@firm.example"})
    assert [reason for _, reason in service.candidates()] == ["event 5 names both"]
    assert service.find(email="anna@firm.example")["id"] == anna_id(service) != visitor_lead["id"]


def test_what_is_said_of_a_merged_lead_is_its_own_again_after_an_unmerge(service: Identifying) -> None:
    """An edit under a merged id shows on the survivor, and goes back with the merge."""
    service.say(person("boris"))
    boris, anna = service.find(email="boris@firm.example")["id"], anna_id(service)
    service.merge(boris, anna)
    answer = service.patch(boris, {"city": "Perm"}).json()
    assert (answer["data"]["id"], answer["resolved_from"], answer["data"]["city"]) == (anna, boris, "Perm")
    service.unmerge(boris)
    assert (service.lead(anna)["city"], service.lead(boris)["city"]) == (None, "Perm")


def test_an_edit_that_is_not_folded_yet_is_accepted(service: Identifying) -> None:
    """When the projector is behind, the answer is 202 with the position to wait for."""
    headers = {"Authorization": f"Bearer {service.secret}"}
    answer = service.ask("PATCH", f"/v1/leads/{anna_id(service)}", json={"traits": {"city": "Perm"}}, headers=headers)
    assert (answer.status_code, answer.json()["written"], answer.json()["position"]) == (202, 3, 2)
    service.catch_up()
    assert service.lead(anna_id(service))["city"] == "Perm"


def test_a_log_that_holds_a_nul_is_folded_all_the_same(service: Identifying) -> None:
    """One was let in once; the lead that it is about and everybody behind it are shown on either database."""
    service.say(person("anna", "form.submitted", traits={"job_title": "Cl\0erk"}), person("boris"))
    assert service.lead(anna_id(service))["job_title"] == "Cl\0erk"
    assert [each["email"] for each in service.get("/v1/leads", {"q": "clerk"}).json()["data"]] == ["anna@firm.example"]
    assert service.find(email="boris@firm.example")["events"] == 1


def test_what_cannot_be_set_is_a_problem_that_names_the_field(service: Identifying) -> None:
    """Nothing is appended when a value does not fit, nothing is named, or the lead is unknown."""
    anna = anna_id(service)
    for lead_id, traits, status, pointer in (
        (anna, {"email": "no address"}, 422, "/traits/email"),
        (anna, {"currency": "rubles"}, 422, "/traits/currency"),
        (anna, {"city": ""}, 422, None),
        (anna, {}, 422, "/traits"),
        (anna, {"job_title": "Clerk\0"}, 400, None),
        (anna, {"floors\0": 3}, 400, None),
        (anna, {"floors": [{"high": 2**63}]}, 400, None),
        ("ld_x", {"city": "Perm"}, 404, None),
    ):
        answer = service.patch(lead_id, traits)
        assert answer.status_code == status, answer.text
        assert pointer is None or answer.json()["errors"][0]["pointer"] == pointer
    assert service.get("/v1/leads").json()["position"] == 2
    assert service.patch(anna, {"city": "Perm"}, key=service.reads_only).status_code == 403
