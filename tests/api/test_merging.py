"""Merging and unmerging over HTTP, the candidates for it, and what pull clients see of it."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.api.identifying import Identifying
from tests.api.service import person, visitor


@pytest.fixture
def service(engine: Engine) -> Identifying:
    """A service with anna and boris, who used one browser, and clara, who did not."""
    service = Identifying(engine)
    service.say(person("anna", anonymous_id="w1", traits={"first_name": "Anna"}), person("boris", anonymous_id="w1"))
    service.say(person("clara", "file.downloaded"))
    return service


def ids(service: Identifying) -> tuple[str, str, str]:
    """Return the ids of anna, boris and clara."""
    anna, boris, clara = (service.find(email=f"{name}@firm.example")["id"] for name in ("anna", "boris", "clara"))
    return anna, boris, clara


def test_a_merge_names_where_it_stands_and_who_stands_for_both(service: Identifying) -> None:
    """The earlier founded lead with an identifier survives, whichever is merged into which."""
    anna, boris, clara = ids(service)
    assert service.merge(clara, boris) == {"position": 4, "lead": boris}
    assert service.merge(anna, clara) == {"position": 5, "lead": anna}
    assert service.lead(anna)["events"] == 3
    assert {service.find(email=f"{name}@firm.example")["id"] for name in ("anna", "boris", "clara")} == {anna}


def test_a_merged_id_answers_with_the_survivor_and_says_so(service: Identifying) -> None:
    """Every route that takes a lead id takes the old one too."""
    anna, boris, _ = ids(service)
    service.merge(anna, boris)
    for suffix in ("", "/timeline", "/score", "/traits"):
        assert service.get(f"/v1/leads/{boris}{suffix}").json()["resolved_from"] == boris
    assert service.lead(boris)["id"] == anna


def test_pull_clients_see_a_tombstone_and_its_end(service: Identifying) -> None:
    """A lead that was merged away stays in the default list behind every bookmark, and comes back whole."""
    anna, boris, _ = ids(service)
    before = {lead["id"]: lead for lead in service.pull()}
    bookmark = max(lead["updated_at"] for lead in before.values())
    service.merge(boris, anna)
    news = {lead["id"]: lead for lead in service.pull([("updated_since", bookmark)])}
    assert (news[boris]["merged_into"], news[boris]["deleted"], news[boris]["email"]) == (anna, False, None)
    assert news[anna]["merged_into"] is None
    service.unmerge(boris)
    after = {lead["id"]: lead for lead in service.pull()}
    ledger = {"position", "updated_at"}
    assert [{k: v for k, v in lead.items() if k not in ledger} for lead in after.values()] == [
        {k: v for k, v in before[lead_id].items() if k not in ledger} for lead_id in after
    ]


def test_the_feed_says_that_a_lead_was_merged_and_unmerged(service: Identifying) -> None:
    """CRMs that follow changes learn of both."""
    anna, boris, _ = ids(service)
    service.merge(boris, anna)
    service.unmerge(boris, anna)
    said = [(each["kind"], each["lead_id"]) for each in service.feed() if "merged" in each["kind"]]
    assert said == [("lead.merged", boris), ("lead.unmerged", boris)]


def test_what_cannot_be_merged_or_parted_is_a_conflict(service: Identifying) -> None:
    """A lead with itself, a pair that is one already, and a pair that is not are 409; the log stays as it is."""
    anna, boris, clara = ids(service)
    assert service.post(f"/v1/leads/{anna}/merge", {"into": anna}).json()["code"] == "same_lead"
    assert service.post(f"/v1/leads/{anna}/unmerge", {"into": boris}).json()["code"] == "not_merged"
    assert service.post(f"/v1/leads/{anna}/unmerge").json()["code"] == "not_merged"
    service.merge(anna, boris)
    service.merge(boris, clara)
    again = service.post(f"/v1/leads/{anna}/merge", {"into": clara})
    assert (again.status_code, again.json()["code"]) == (409, "same_lead")
    assert service.get("/v1/leads").json()["position"] == 5


def test_a_merge_is_known_at_once_though_nothing_is_folded_yet(service: Identifying) -> None:
    """Merging twice in a row is told so, and the merge can be undone before any projector saw it."""
    anna, boris, _ = ids(service)
    assert service.post(f"/v1/leads/{anna}/merge", {"into": boris}).status_code == 200
    assert service.post(f"/v1/leads/{anna}/merge", {"into": boris}).status_code == 409
    assert service.post(f"/v1/leads/{anna}/unmerge", {"into": boris}).status_code == 200
    service.catch_up()
    assert [lead["merged_into"] for lead in service.pull()] == [None, None, None]


def test_a_lead_is_parted_from_the_one_named_however_they_were_joined(service: Identifying) -> None:
    """A chain is cut where it leads to the named one; without a name, everything of the lead's own is undone."""
    anna, boris, clara = ids(service)
    service.merge(anna, boris)
    service.merge(boris, clara)
    assert service.unmerge(clara, anna)["lead"] == clara
    assert service.lead(boris)["id"] == anna
    service.merge(boris, clara)
    assert service.unmerge(boris)["lead"] == boris
    assert [service.lead(each)["id"] for each in (anna, boris, clara)] == [anna, boris, clara]


def test_ids_that_were_never_given_are_not_found(service: Identifying) -> None:
    """Neither of the two may be invented."""
    anna, *_ = ids(service)
    for path, body in ((anna, {"into": "ld_x"}), ("ld_x", {"into": anna})):
        answer = service.post(f"/v1/leads/{path}/merge", body)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_lead")


def test_only_a_key_that_may_write_leads_merges(service: Identifying) -> None:
    """A key that reads is 403, and a merge that comes in as an event is refused at the door."""
    anna, boris, _ = ids(service)
    for verb in ("merge", "unmerge"):
        answer = service.post(f"/v1/leads/{anna}/{verb}", {"into": boris}, key=service.reads_only)
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_candidates_name_both_leads_and_the_reason(service: Identifying) -> None:
    """A shared browser, and an event that names two people, are shown until they are merged."""
    anna, boris, clara = ids(service)
    (first,) = service.pull(path="/v1/merge-candidates")
    assert [(lead["email"], lead["first_name"], lead["stage"]) for lead in first["leads"]] == [
        ("anna@firm.example", "Anna", "lead"), ("boris@firm.example", None, "lead"),
    ]  # fmt: skip
    service.say(person("anna", user_id="u1"), person("clara", user_id="u1"))
    assert service.candidates() == [({anna, boris}, "same browser"), ({anna, clara}, "event 5 names both")]
    service.merge(anna, boris)
    assert service.candidates() == [({anna, clara}, "event 5 names both")]
    service.unmerge(anna)
    assert len(service.candidates()) == 2


def test_an_emptied_visitor_is_merged_as_the_one_who_has_its_events(service: Identifying) -> None:
    """The id of a visitor whose events all went to somebody known names that one."""
    service.say(visitor("w9"))
    (ghost,) = service.pull([("stage", "visitor")])
    service.say(person("anna", anonymous_id="w9"))
    anna, _, clara = ids(service)
    assert service.merge(ghost["id"], clara)["lead"] == anna
    assert service.lead(clara)["id"] == anna
