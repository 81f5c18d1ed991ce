"""What is remembered of one lead: the state of the fold, written down losslessly between pages.

Mutable and slotted, because a replay changes it a million times a second; nobody but the fold of this lead holds it.
"""

from __future__ import annotations

from typing import Any

import orjson

from lead_events.domain.times import Instant

BEGINNING = -(2**62)
"""Before every instant."""

FIRST_STAGE = "visitor"


class Lead:
    """A person as known from events.

    Attributes:
        founding: position of the event that founded this lead.
        last_at, last_position: canonical place of the last event folded.
        ticked: the last due instant that was passed; an event before it cannot be folded in order.
        moved: the last instant at which time alone changed something visible.
        due: the next instant at which time alone may change something, or None.
        events: how many events were folded.
        traits: name → [value, at, position, authority].
        sessions: anonymous ref (hex) → [last at, number of the session, rule id → how often it fired in it].
        scores: per score of the model [value, at].
        rules: rule id → [period, count, credited value, at], for rules with a limit, a cap or a condition on traits, and
            for groups of rules (``@score/group``).
        expiring: points given for a time only, soonest first: [expires, at, rule id, credited, position].
        acted: [at, position] of the lead's last act, or its first event, if the model looks for silence; else None.
        silent: ids of the inactivity rules that this silence has met already.
        awaited: [stage, reason] that an event leads to as soon as what the stage requires is there, or None.
        windows: per counting condition of the model, what it remembers of matching events (``windows``).
        definitions: per definition of the model [met, since, lost].
        history: stage moves [at, stage, reason, position or None].
        waiting: number of a stage's exit → since when its time runs.
    """

    __slots__ = (
        "acted", "awaited", "created_at", "crm_ids", "definitions", "do_not_contact", "due", "events", "expiring",
        "first_touch", "founding", "history", "last_at", "last_position", "last_touch", "moved", "other_pages", "owner",
        "pages", "qualified_at", "rules", "scores", "sessions", "silent", "stage", "stage_since", "temperature", "ticked",
        "traits", "user_id", "visits", "waiting", "windows",
    )  # fmt: skip

    def __init__(self, founding: int, scores: int, counters: int, definitions: int) -> None:
        """Begin a lead of whom nothing is known.

        Args:
            founding: position of its founding event.
            scores: how many scores the model has.
            counters: how many counting conditions the model has.
            definitions: how many definitions the model has.
        """
        self.founding = founding
        self.last_at: Instant = BEGINNING
        self.last_position = 0
        self.ticked: Instant = BEGINNING
        self.moved: Instant = BEGINNING
        self.due: Instant | None = None
        self.created_at: Instant | None = None
        self.events = 0
        self.traits: dict[str, list[Any]] = {}
        self.user_id: str | None = None
        self.crm_ids: dict[str, str] = {}
        self.first_touch: dict[str, Any] | None = None
        self.last_touch: dict[str, Any] | None = None
        self.visits = 0
        self.sessions: dict[str, list[Any]] = {}
        self.pages: dict[str, int] = {}
        self.other_pages = 0
        self.owner: str | None = None
        self.do_not_contact: list[str] = []
        self.scores: list[list[Any]] = [[0.0, 0] for _ in range(scores)]
        self.rules: dict[str, list[Any]] = {}
        self.windows: list[list[Any]] = [[] for _ in range(counters)]
        self.definitions: list[list[Any]] = [[False, None, None] for _ in range(definitions)]
        self.qualified_at: Instant | None = None
        self.temperature = "cold"
        self.stage = FIRST_STAGE
        self.stage_since: Instant | None = None
        self.history: list[list[Any]] = []
        self.waiting: dict[str, Instant] = {}
        self.expiring: list[list[Any]] = []
        self.acted: list[int] | None = None
        self.silent: list[str] = []
        self.awaited: list[Any] | None = None

    def trait(self, name: str) -> Any:
        """Return the current value of a trait, or None."""
        entry = self.traits.get(name)
        return None if entry is None else entry[0]

    @property
    def contact(self) -> bool:
        """Say whether sales could reach this person."""
        return "email" in self.traits or "phone" in self.traits


def dump(lead: Lead) -> str:
    """Write a state down; equal states give equal texts on every machine."""
    return orjson.dumps({name: getattr(lead, name) for name in Lead.__slots__}).decode()


def load(text: str) -> Lead:
    """Read a state that ``dump`` wrote; what an earlier revision of the fold did not know yet is as for a new lead."""
    lead = Lead(0, 0, 0, 0)
    for name, value in orjson.loads(text).items():
        setattr(lead, name, value)
    return lead
