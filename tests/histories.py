"""Random histories for Hypothesis: what people say, in which batches it arrives, and what a projector does meanwhile.

Small on purpose: few people, few browsers, coarse times, so that ties, shared laptops and late claims are the rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from lead_events.domain import wire
from lead_events.domain.events import NewEvent
from lead_events.domain.times import MINUTE, Instant, format_instant, parse_instant
from tests import builders

START: Instant = parse_instant("2026-01-05T09:00:00Z")

GAPS = (0, 0, 10, 30, 40, 700, 3_000)
"""Minutes between arrivals."""
LATENESS = (0, 0, 0, 10, 700, 5_000)
"""Minutes between what happened and its arrival."""
BROWSERS = (None, "w1", "w1", "w2")
NAMES: tuple[tuple[dict[str, Any], ...], ...] = (
    ({"crm_ids": {"hubspot": "c1"}},),
    ({"user_id": "u1"}, {"user_id": "u2"}),
    ({"traits": {"email": "anna@firm.example"}},),
)
"""Four strong identifiers of three kinds; an event names at most one of a kind."""

MODEL: dict[str, Any] = {
    "name": "short",
    "time_zone": "Asia/Kathmandu",
    "scores": {
        "behaviour": {
            "half_life": "12h",
            "cap": 60,
            "rules": [
                {"id": "view", "when": {"type": "page.viewed"}, "points": 10, "limit": {"times": 2, "per": "session"}, "cap": 25},
                {"id": "file", "when": {"type": "file.downloaded"}, "points": 30, "limit": {"times": 1, "per": "day"}},
                {"id": "form", "when": {"type": "form.submitted"}, "points": 15, "limit": {"times": 3, "per": "ever"}},
                {"id": "gone", "when": {"type": "email.unsubscribed"}, "points": -20},
            ],
        },
        "heat": {"half_life": "6h", "rules": [{"id": "any-view", "when": {"type": "page.viewed"}, "points": 7}]},
        "fit": {
            "rules": [
                {"id": "director", "when": {"traits.job_title": {"matches": "(?i)director"}}, "points": 20},
                {"id": "small", "when": {"traits.staff": {"below": 5}}, "points": -5},
            ]
        },
    },
    "definitions": {
        "ready": {"all": [{"contact": "present"}, {"scores.behaviour": {"at_least": 25}}]},
        "reader": {"count": {"type": "page.viewed"}, "at_least": 2, "within": "2d"},
        "regular": {"all": [{"visits": {"at_least": 2}}, {"scores.fit": {"at_least": 20}}]},
    },
    "temperature": {"hot": "ready", "warm": {"scores.heat": {"at_least": 9}}},
    "stages": {
        "visitor": {},
        "lead": {"entry": [{"from": ["visitor"], "when": {"contact": "present"}}]},
        "mql": {
            "entry": [
                {"from": ["visitor", "lead"], "when": {"definition": "any"}},
                {"from": ["recycled"], "when": {"definition": "any"}, "after_activity": True},
            ],
            "exits": [{"to": "lead", "after": "1d", "unless": {"definition": "any"}, "reason": "cooled"}],
        },
        "sal": {
            "entry": [{"from": ["visitor", "lead", "mql", "recycled"], "events": ["lead.accepted"]}],
            "exits": [{"to": "recycled", "after": "3d", "idle": True, "reason": "stalled"}],
        },
        "recycled": {"entry": [{"from": ["mql", "sal"], "events": ["lead.rejected"]}]},
    },
    "topics": {"files": {"when": {"type": "file.downloaded"}, "half_life": "8h"}, "all": {"when": [{"type": "page.viewed"}]}},
}
"""A model under which much happens within days: short half-lives, a window, both kinds of exits, limits, caps, traits."""

LANGUAGE: dict[str, Any] = {
    "name": "everything",
    "time_zone": "Asia/Kathmandu",
    "scores": {
        "behaviour": {
            "half_life": "12h",
            "cap": 60,
            "groups": {
                "looks": {"limit": {"times": 3, "per": "day"}, "cap": 30},
                "visit": {"limit": {"times": 2, "per": "session"}},
            },
            "rules": [
                {"id": "view", "when": {"type": "page.viewed"}, "points": 10, "group": "looks", "cap": 25},
                {"id": "file", "when": {"type": "file.downloaded"}, "points": 30, "group": "looks", "valid_for": "2d"},
                {"id": "form", "when": {"type": "form.submitted"}, "points": 15, "group": "visit"},
                {"id": "fair", "when": {"type": "form.submitted"}, "points": 9, "valid_for": "1d", "cap": 12,
                 "limit": {"times": 3, "per": "ever"}},
                {"id": "gone", "when": {"type": "email.unsubscribed"}, "points": -20, "valid_for": "12h",
                 "limit": {"times": 2, "per": "day"}},
            ],
            "inactivity": [
                {"id": "quiet", "after": "1d", "points": -7, "unless": {"stage": ["sal", "recycled"]}},
                {"id": "asleep", "after": "3d", "set": 2},
            ],
        },
        "heat": {
            "rules": [{"id": "any-view", "when": {"type": "page.viewed"}, "points": 7, "valid_for": "36h",
                       "limit": {"times": 9, "per": "day"}}],
            "inactivity": [{"id": "cold", "after": "2d", "set": 0, "unless": {"definition": "steady"}}],
        },
        "fit": {
            "cap": 22,
            "groups": {"who": {"cap": 20}},
            "rules": [
                {"id": "director", "when": {"traits.job_title": {"matches": "(?i)director"}}, "points": 15, "group": "who"},
                {"id": "large", "when": {"traits.staff": {"at_least": 5}}, "points": 12, "group": "who"},
            ],
        },
    },
    "grade": {"letter": {"score": "fit", "steps": [20, 10]}, "digit": {"score": "behaviour", "steps": [30, 15, 5]}},
    "definitions": {
        "steady": {"distinct": "context.page.path", "at_least": 2, "within": "2d"},
        "ready": {"all": [{"contact": "present"}, {"grade": ["A1", "A2", "B1", "B2"]}]},
        "turning": {"sequence": [{"type": "page.viewed"}, {"type": ["file.downloaded", "form.submitted"]}], "within": "12h",
                    "lately": "3d"},
        "away": {"since": {"type": "page.viewed"}, "at_least": "1d", "at_most": "4d"},
        "spends": {"sum": {"type": "form.submitted", "of": "properties.amount", "properties.amount": {"at_least": 0.5}},
                   "at_least": 2, "within": "2d"},
        "two-of": {"at_least": 2, "of": [{"definition": "steady"}, {"definition": "away"}, {"scores.heat": {"at_least": 14}}]},
    },
    "temperature": {"hot": "ready", "warm": {"scores.heat": {"at_least": 9}}},
    "stages": {
        "visitor": {},
        "lead": {"entry": [{"from": ["visitor"], "when": {"contact": "present"}}]},
        "mql": {
            "requires": [{"not": {"definition": "away"}}],
            "entry": [
                {"from": ["visitor", "lead"], "when": {"definition": "any"}},
                {"from": ["recycled"], "when": {"definition": "any"}, "after_activity": True},
            ],
            "exits": [{"to": "lead", "after": "1d", "unless": {"definition": "any"}, "reason": "cooled"}],
        },
        "sal": {
            "requires": ["traits.job_title"],
            "entry": [{"from": ["visitor", "lead", "mql", "recycled"], "events": ["lead.accepted"]}],
            "exits": [{"to": "recycled", "after": "3d", "idle": True, "reason": "stalled"}],
        },
        "recycled": {"entry": [{"from": ["mql", "sal"], "events": ["lead.rejected"]}]},
    },
}  # fmt: skip
"""A model with every construct of the language that time alone moves, short enough that all of it happens within days."""

TYPES = (
    *("page.viewed",) * 4,
    "file.downloaded",
    "form.submitted",
    "email.unsubscribed",
    "lead.accepted",
    "lead.rejected",
    "lead.identified",
    "consent.granted",
    "consent.withdrawn",
    "lead.research_taken",
)
PURPOSES = ("profiling", "profiling", "analytics", "contact")
TRAITS: tuple[dict[str, Any], ...] = ({}, {}, {"job_title": "Director"}, {"job_title": "Clerk"}, {"staff": 3}, {"staff": 9})


@dataclass(frozen=True)
class Said:
    """One event as somebody says it.

    Attributes:
        number: names it, for ever.
        arrival: microseconds UTC by the server's clock.
        body: the wire form; its ``occurred_at`` may be missing, in the future, or equal to another's.
    """

    number: int
    arrival: Instant
    body: dict[str, Any]

    def sent(self) -> dict[str, Any]:
        """Return the wire form with its time made certain, for ``given.opened``."""
        at = min(self.admitted().at, self.arrival)
        return {**self.body, "occurred_at": format_instant(at), "trusted": True}

    def admitted(self) -> NewEvent:
        """Return the event as the door lets it in, sent with a secret key."""
        return wire.admit(
            self.body, arrival=self.arrival, trusted=True, phone_region=None, new_event_id=lambda: f"generated-{self.number}"
        )


def say(number: int, minutes: int, type_name: str = "page.viewed", late: int = 0, **body: Any) -> Said:
    """An event that arrives so many minutes after the beginning, and happened ``late`` minutes before that."""
    arrival = START + minutes * MINUTE
    told = {"occurred_at": format_instant(arrival - late * MINUTE), "event_id": f"e-{number}", "properties": {}, **body}
    if type_name == "file.downloaded":
        told["properties"] = {"file": "x.pdf"}
    return Said(number, arrival, builders.make_event(type_name, **told))


@st.composite
def bodies(draw: st.DrawFn, number: int, arrival: Instant) -> dict[str, Any]:
    """One event in wire form that arrives at an instant: late, on time, from the future, or without a time."""
    browser = draw(st.sampled_from(BROWSERS))
    strong = [draw(st.sampled_from(kind)) for kind in NAMES if draw(st.integers(0, 3)) == 0][:2]
    if browser is None and not strong:
        strong = [draw(st.sampled_from(NAMES[1]))]
    traits = dict(draw(st.sampled_from(TRAITS)))
    body: dict[str, Any] = {}
    for name in strong:
        traits |= name.get("traits", {})
        body |= {key: value for key, value in name.items() if key != "traits"}
    time = draw(st.sampled_from(["past", "past", "past", "past", "missing", "future"]))
    lateness = -60 if time == "future" else draw(st.sampled_from(LATENESS))
    occurred_at = None if time == "missing" else format_instant(arrival - lateness * MINUTE)
    page = {"page": {"path": draw(st.sampled_from(["/", "/pricing", "/a?utm_source=x"])), "url": "https://a.example/"}}
    return builders.make_event(
        draw(st.sampled_from(TYPES)),
        event_id=f"e-{number}",
        occurred_at=occurred_at,
        anonymous_id=browser,
        traits=traits or None,
        context=draw(st.sampled_from([None, page])),
        properties={
            "file": "x.pdf",
            "form_id": "f",
            "amount": draw(st.sampled_from(["0.7", "1.3", "0.2"])),
            "purpose": draw(st.sampled_from(PURPOSES)),
        },
        **body,
    )


@st.composite
def logs(draw: st.DrawFn, most: int = 16) -> list[Said]:
    """Everything that is ever said in one history, in order of arrival; equal arrivals are common."""
    said, arrival = [], START
    for number in range(draw(st.integers(2, most))):
        arrival += draw(st.sampled_from(GAPS)) * MINUTE
        said.append(Said(number, arrival, draw(bodies(number, arrival))))
    return said


@dataclass(frozen=True)
class Append:
    """A batch arrives; ``again`` names events that were sent before."""

    size: int
    again: tuple[int, ...] = ()
    crashes: bool = False


@dataclass(frozen=True)
class StepOnce:
    """The projector steps, or dies before the commit of its n-th transaction of that step."""

    page: int
    dies_at: int | None = None


@dataclass(frozen=True)
class Extend:
    """Identity is extended and the projector dies before it steps."""

    page: int


@dataclass(frozen=True)
class Tick:
    """The clock of the idle log is raised by so many minutes after the last arrival."""

    minutes: int


Act = Append | StepOnce | Extend | Tick


def acts() -> st.SearchStrategy[list[Act]]:
    """What happens around a log while it arrives."""
    pages = st.sampled_from([1, 2, 3, 5, 50])
    return st.lists(
        st.one_of(
            st.builds(Append, st.integers(1, 5), st.lists(st.integers(0, 15), max_size=2).map(tuple), st.booleans()),
            st.builds(StepOnce, pages),
            st.builds(StepOnce, pages, st.sampled_from([1, 2])),
            st.builds(Extend, pages),
            st.builds(Tick, st.sampled_from([0, 1, 60, 800, 4_000])),
        ),
        min_size=3,
        max_size=25,
    )
