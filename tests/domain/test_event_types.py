"""The catalogue: its names, who may send what, what is readable, and that every version ever stored can be read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lead_events.domain.event_types import TYPES, is_public, json_schema
from lead_events.domain.events import IdentifierKind
from lead_events.domain.privacy import merge
from lead_events.domain.upcasting import upcast
from lead_events.domain.wire import admit
from tests.builders import EXAMPLES

GOLDEN = Path(__file__).parent / "golden"
VOCABULARY = """
page.viewed page.scrolled page.left element.clicked exit.intended search.performed video.played file.downloaded
product.viewed product.favourited cart.updated order.placed order.cancelled form.viewed form.started form.abandoned
form.submitted popup.shown popup.accepted popup.closed question.answered chat.started chat.message_sent offer.accepted
subscription.started webinar.registered webinar.attended webinar.question_asked webinar.offer_accepted email.sent
email.opened email.clicked email.replied email.bounced email.complained email.unsubscribed message.sent
message.delivered message.read message.clicked message.replied message.bounced message.unsubscribed
consent.granted consent.withdrawn
ad.shown ad.clicked touch.recorded spend.recorded call.logged meeting.booked needs.determined presentation.given
case_study.sent spec_sheet.sent opportunity.opened deal.won deal.lost lead.identified lead.traits_set lead.noted
lead.assigned lead.unassigned lead.contacted lead.accepted lead.rejected lead.recycled lead.disqualified
lead.research_taken lead.research_given_up lead.research_reopened
lead.overridden lead.override_withdrawn lead.merged lead.unmerged lead.erased generation.promoted
"""
PRIVATE = """
email.sent message.sent spend.recorded touch.recorded needs.determined presentation.given case_study.sent
spec_sheet.sent call.logged meeting.booked opportunity.opened deal.won deal.lost generation.promoted
"""


def test_the_catalogue_is_the_vocabulary() -> None:
    """Every type that is promised is there, and no other."""
    assert set(TYPES) == set(VOCABULARY.split()) == set(EXAMPLES)


@pytest.mark.parametrize("name", sorted(TYPES))
def test_private_types_need_a_secret_key(name: str) -> None:
    """What a browser cannot witness is private; ``lead.identified`` is the one public type about leads."""
    private = name in PRIVATE.split() or (name.startswith("lead.") and name != "lead.identified")
    assert TYPES[name].public is not private


@pytest.mark.parametrize(
    ("name", "public"),
    [("robot.waved", True), ("lead.liked", False), ("deal.signed", False), ("call.missed", False), ("page.x", True)],
)
def test_custom_types_follow_their_object(name: str, public: bool) -> None:
    """A custom type of a private object is private."""
    assert is_public(name) is public


@pytest.mark.parametrize("name", sorted(TYPES))
def test_every_type_has_a_schema_and_a_sentence(name: str) -> None:
    """The schema of every type is valid JSON that names the type; every type is described."""
    schema = json_schema(name)
    assert json.loads(json.dumps(schema))["title"] == name
    assert TYPES[name].description.endswith(".")
    assert set(schema.get("properties", {})) == set(TYPES[name].properties.model_fields)


def test_free_text_is_never_plain() -> None:
    """No property that people write into is stored readable."""
    free = {"note", "text", "subject", "query", "question", "answer", "fields", "reason", "referred_by", "items"}
    plain = {(name, each) for name, kind in TYPES.items() for each in kind.plain & free}
    # The caption of a button is the site's own text.
    assert plain == {("element.clicked", "text")}


@pytest.mark.parametrize(("name", "version"), [(k.name, v) for k in TYPES.values() for v in range(1, k.version + 1)])
def test_every_version_of_every_type_has_a_golden_file(name: str, version: int) -> None:
    """Each stored form that ever was is kept as a file and reads as the current version's model."""
    golden = _read(GOLDEN / f"{name}.v{version}.json")
    fields = merge(golden["plain"], golden["personal"])
    assert fields == golden["fields"]
    current = upcast(name, version, fields)
    TYPES[name].properties.model_validate(current.get("properties", {}))


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_the_wire_form_still_gives_the_golden_form(path: Path) -> None:
    """The current version's wire form is admitted, divided and identified exactly as the file says."""
    golden = _read(path)
    kind = TYPES[golden["type"]]
    assert golden["version"] <= kind.version
    if golden["version"] < kind.version:
        return
    event = admit(
        golden["wire"],
        arrival=1_795_262_400_000_000,
        trusted=golden["trusted"],
        phone_region="RU",
        new_event_id=lambda: "unused",
        own=kind.server_only,
    )
    assert event.plain == golden["plain"]
    assert event.personal == golden["personal"]
    assert [[each.kind.name, each.value, each.system] for each in event.identifiers] == golden["identifiers"]
    assert (event.type, event.version, event.event_id) == (golden["type"], golden["version"], "e-1")
    assert not any(each.kind is IdentifierKind.ANONYMOUS for each in event.identifiers[:-1])


def _read(path: Path) -> dict[str, Any]:
    """Read one golden file."""
    golden: dict[str, Any] = json.loads(path.read_text())
    return golden
