"""Companies as a read over leads, how far a lead is identified, and the research queue."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from lead_events.domain import companies
from lead_events.domain.lists import SHIPPED
from tests.api.identifying import Identifying
from tests.api.service import person, visitor

KEYS = [
    ("anna@firm.example", None, "firm.example"),
    ("anna@mail.moscow.firm.co.uk", None, "firm.co.uk"),
    ("anna@почта.пример.рф", None, "пример.рф"),
    ("anna@gmail.com", None, None),
    ("anna@mail.ru", None, None),
    ("anna@yandex.ru", "ООО «Ромашка»", "name:ооо ромашка"),
    ("anna@mailinator.com", "Anna & Co.", "name:anna & co"),
    ("anna@firm.example", "Somebody Else", "firm.example"),
    (None, "  ANNA  &  Co ", "name:anna & co"),
    (None, "https://www.shop.co.uk/about", "shop.co.uk"),
    (None, "gmail.com", None),
    (None, "—", None),
    (None, None, None),
]


def test_a_company_is_known_by_a_corporate_address_or_by_its_name() -> None:
    """Free and disposable mailboxes say nothing of a company; subdomains and spelling do not divide one."""
    for email, name, key in KEYS:
        by_email = companies.corporate_domain(email, SHIPPED) if email else None
        found = by_email or (companies.key_of_name(name, SHIPPED) if name else None)
        assert found == key, (email, name)


@pytest.fixture
def service(engine: Engine) -> Identifying:
    """A service with two people of one company, one with a free mailbox, one known by company alone, two visitors."""
    service = Identifying(engine)
    service.say(visitor("w1"), person("anna", anonymous_id="w1", traits={"company": "Firm"}))
    service.say(visitor("w1", "/terms"), person("boris", "file.downloaded", traits={"email": "boris@mail.firm.example"}))
    service.say(
        {
            "type": "form.submitted",
            "properties": {"form_id": "f"},
            "traits": {"email": "clara@gmail.com", "company": "Clara & Co"},
        }
    )
    service.say({"type": "form.submitted", "properties": {"form_id": "f"}, "user_id": "u1", "traits": {"company": "Firm.com"}})
    service.say(visitor("w2"), {"type": "popup.closed", "anonymous_id": "w3", "properties": {"popup_id": "p"}})
    return service


def test_companies_are_listed_with_their_best_lead(service: Identifying) -> None:
    """Each company once, by its key, with how many leads it has and the one with the highest priority."""
    found = list(service.pull([("limit", 1)], path="/v1/companies"))
    assert [(each["id"], each["domain"], each["name"], each["leads"], each["contacts"]) for each in found] == [
        ("firm.com", "firm.com", "Firm.com", 1, 0),
        ("firm.example", "firm.example", "firm.example", 2, 2),
        ("name:clara & co", None, "Clara & Co", 1, 1),
    ]
    best = found[1]["best"]
    assert (best["lead_id"], best["scores"]["behaviour"]) == (service.find(email="boris@mail.firm.example")["id"], 30.0)


def test_a_company_shows_its_people_and_what_they_looked_at(service: Identifying) -> None:
    """By its domain, a host below it, somebody's address or a website's: people by priority, visits, pages."""
    for asked in ("firm.example", "WWW.Firm.example", "anybody@x.firm.example", "mail.firm.example"):
        answer = service.get(f"/v1/companies/{asked}")
        assert answer.status_code == 200, asked
        company = answer.json()["data"]
        assert [lead["email"] for lead in company["people"]] == ["boris@mail.firm.example", "anna@firm.example"]
        assert (company["visits"], company["more_people"]) == (1, False)
        assert company["pages"] == [{"path": "/pricing", "views": 1}, {"path": "/terms", "views": 1}]
    named = service.get("/v1/companies/name:Clara & Co").json()["data"]
    assert [lead["email"] for lead in named["people"]] == ["clara@gmail.com"]


def test_an_unknown_company_is_not_found(service: Identifying) -> None:
    """Nobody is of a free mail provider, of a suffix, or of what is no domain at all."""
    for asked in ("gmail.com", "co.uk", "nobody.example", "x", "name:", "name:nobody"):
        answer = service.get(f"/v1/companies/{asked}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_company"), asked


def test_a_merged_lead_leaves_its_company_to_the_one_that_stands_for_it(service: Identifying) -> None:
    """A tombstone belongs to no company."""
    service.merge(service.find(email="boris@mail.firm.example")["id"], service.find(email="anna@firm.example")["id"])
    assert service.get("/v1/companies/firm.example").json()["data"]["leads"] == 1


def test_a_free_mailbox_is_no_company(service: Identifying) -> None:
    """The company's name falls back on a corporate address only."""
    service.say({"type": "page.viewed", "traits": {"email": "dora@mail.ru"}})
    dora, boris = service.find(email="dora@mail.ru"), service.find(email="boris@mail.firm.example")
    assert (dora["company"], dora["derived"]) == ({"name": None, "domain": None}, ["last_name"])
    assert boris["company"] == {"name": "firm.example", "domain": "firm.example"}


def test_a_lead_says_how_far_it_is_identified(service: Identifying) -> None:
    """A contact, at least a company, or nothing."""
    found = {lead["id"]: lead["identification"] for lead in service.pull([("stage", "visitor"), ("stage", "lead")])}
    assert sorted(found.values()) == ["company_known", *["contact_known"] * 3, "unknown", "unknown"]
    assert found[service.find(user_id="u1")["id"]] == "company_known"


def test_the_research_queue_holds_who_is_worth_it_and_cannot_be_reached(service: Identifying) -> None:
    """By priority: whose company is known or who did something worth points; a contact that is found ends it."""
    queue = list(service.pull([("needs", "contact"), ("limit", 1)]))
    known, active = service.find(user_id="u1")["id"], service.find(anonymous_id="w2")["id"]
    assert [lead["id"] for lead in queue] == [known, active]
    service.patch(known, {"phone": "+74951234567"})
    assert [lead["id"] for lead in service.pull([("needs", "contact")])] == [active]
    assert [lead["id"] for lead in service.pull([("needs", "contact"), ("stage", "visitor")])] == [active]


def test_the_research_queue_has_one_order(service: Identifying) -> None:
    """Another order, and another need, are refused with what there is."""
    answer = service.get("/v1/leads", {"needs": "contact", "sort": "updated_at"})
    assert (answer.status_code, "-priority" in answer.json()["message"]) == (422, True)
    assert service.get("/v1/leads", {"needs": "contact", "sort": "-priority"}).status_code == 200
    assert service.get("/v1/leads", {"needs": "love"}).status_code == 422
