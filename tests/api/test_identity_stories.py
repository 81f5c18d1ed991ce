"""Stories of the issue, as clients see them: however a person arrives, the lead is right, and every guess is undoable."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.api.identifying import Identifying
from tests.api.service import person, visitor


@pytest.fixture
def service(engine: Engine) -> Identifying:
    """A service with an empty log."""
    return Identifying(engine)


def email_id(service: Identifying, name: str) -> str:
    """Return the id of somebody's lead."""
    return str(service.find(email=f"{name}@firm.example")["id"])


def test_two_people_on_one_laptop(service: Identifying) -> None:
    """Each keeps what was seen until the other one said who it is; they are shown as a candidate and stay two."""
    service.say(visitor("w1", "/a"), person("anna", anonymous_id="w1"), visitor("w1", "/b"))
    service.say(person("boris", anonymous_id="w1"), visitor("w1", "/c"))
    anna, boris = service.find(email="anna@firm.example"), service.find(email="boris@firm.example")
    assert [page["path"] for page in anna["pages"]] == ["/a", "/b"]
    assert [page["path"] for page in boris["pages"]] == ["/c"]
    assert service.candidates() == [({anna["id"], boris["id"]}, "same browser")]


def test_two_devices_of_one_person(service: Identifying) -> None:
    """One address on two browsers is one lead with both histories, and no question is asked."""
    service.say(visitor("phone", "/a"), visitor("desk", "/b"))
    service.say(person("anna", anonymous_id="phone"), person("anna", anonymous_id="desk"), visitor("phone", "/c"))
    anna = service.find(email="anna@firm.example")
    assert ([page["path"] for page in anna["pages"]], anna["events"]) == (["/a", "/b", "/c"], 5)
    assert service.candidates() == []


def test_two_devices_with_two_addresses_are_merged_by_a_person_and_parted_again(service: Identifying) -> None:
    """Where the machine must not guess, a person decides; and takes it back without a trace."""
    service.say(visitor("phone", "/a"), person("anna", anonymous_id="phone"))
    service.say(visitor("desk", "/b"), person("a.smith", anonymous_id="desk"))
    anna, smith = email_id(service, "anna"), email_id(service, "a.smith")
    alone = service.lead(anna), service.lead(smith)
    service.merge(smith, anna)
    assert (service.lead(smith)["id"], service.lead(anna)["visits"], service.lead(anna)["events"]) == (anna, 2, 4)
    service.unmerge(smith, anna)
    for before, now in zip(alone, (service.lead(anna), service.lead(smith)), strict=True):
        assert {**now, "position": 0, "updated_at": ""} == {**before, "position": 0, "updated_at": ""}


def test_a_late_form(service: Identifying) -> None:
    """A form that arrives days after it was filled in gives its sender what was seen before and after it, once."""
    service.say(visitor("w1", "/a"), visitor("w1", "/b"))
    (before,) = service.pull([("stage", "visitor")])
    service.say({**person("anna", anonymous_id="w1"), "occurred_at": "2100-01-01T00:00:00Z"})
    anna = service.find(email="anna@firm.example")
    assert (anna["id"], anna["events"], len(anna["pages"])) == (before["id"], 3, 2)
    assert anna["created_at"] == "2100-01-01T00:00:00.000000Z"
    service.say({**person("boris", anonymous_id="w1"), "occurred_at": "2100-01-04T12:00:01.500000Z"})
    boris = service.find(email="boris@firm.example")
    assert [page["path"] for page in boris["pages"]] == ["/b"]
    assert [page["path"] for page in service.lead(anna["id"])["pages"]] == ["/a"]


def test_the_crm_knew_first(service: Identifying) -> None:
    """A person imported from the CRM gets the website's history the moment both ids meet in one event."""
    service.say({"type": "lead.identified", "crm_ids": {"hubspot": "501"}, "traits": {"email": "anna@firm.example"}})
    service.say(visitor("w1", "/a"), person("anna", anonymous_id="w1"), visitor("w1", "/b"))
    anna = service.find(crm_id="hubspot:501")
    assert (anna["id"], anna["events"], anna["crm_ids"]) == (email_id(service, "anna"), 4, {"hubspot": "501"})
    assert service.candidates() == []


def test_a_crm_id_outranks_an_address_and_a_clash_is_shown(service: Identifying) -> None:
    """An event that names two known people belongs to the CRM's one; nobody is merged by it."""
    service.say({"type": "lead.identified", "crm_ids": {"hubspot": "501"}}, person("anna"))
    crm, anna = service.find(crm_id="hubspot:501")["id"], email_id(service, "anna")
    service.say({**person("anna", "form.submitted"), "crm_ids": {"hubspot": "501"}})
    assert (service.lead(crm)["events"], service.lead(anna)["events"]) == (2, 1)
    assert service.candidates() == [({crm, anna}, "event 3 names both")]


def test_a_visitor_merged_by_hand_makes_way_for_whoever_has_an_identifier(service: Identifying) -> None:
    """The earlier visitor is not the survivor: a known contact's id never gives way to an anonymous one."""
    service.say(visitor("w1"))
    (ghost,) = service.pull([("stage", "visitor")])
    service.say(person("anna"))
    anna = email_id(service, "anna")
    assert service.merge(anna, ghost["id"])["lead"] == anna
    assert service.lead(ghost["id"])["id"] == anna
    service.patch(ghost["id"], {"email": "a.smith@firm.example"})
    assert service.lead(anna)["id"] == ghost["id"], "the earlier one has an identifier of its own now"
