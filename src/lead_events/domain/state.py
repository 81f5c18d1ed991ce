"""What is remembered of one lead: the state of the fold, written down losslessly between pages.

Mutable and slotted, because a replay changes it a million times a second; nobody but the fold of this lead holds it.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import orjson

from lead_events.domain.times import Instant

BEGINNING = -(2**62)
"""Before every instant."""

FIRST_STAGE = "visitor"


OVERRIDDEN_STAGE = "stage"
"""Names the override of the stage among a lead's overrides."""


def score_key(name: str) -> str:
    """Name the override of a score among a lead's overrides."""
    return f"scores.{name}"


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
        scores: per score of the model [value, at], as it counts: by an override, where there is one.
        stage, stage_since: by the machine; ``shown_stage`` is what counts.
        overrides: ``score_key`` or ``OVERRIDDEN_STAGE`` → an ``overrides.Override``, which keeps the machine's score beneath.
        rules: rule id → [period, count, credited value, at], for rules with a limit, a cap or a condition on traits, and
            for groups of rules (``@score/group``).
        expiring: points given for a time only, soonest first: [expires, at, rule id, credited, position].
        acted: [at, position] of the lead's last act, or its first event, if the model looks for silence; else None.
        silent: ids of the inactivity rules that this silence has met already.
        awaited: [stage, reason] that an event leads to as soon as what the stage requires is there, or None.
        windows: per watch of the model, what it remembers of matching events (``windows``).
        definitions: per definition of the model [met, since, lost].
        history: stage moves [at, stage, reason, position or None].
        waiting: number of a stage's exit → since when its time runs.
        erased: [at, whether others knew of this lead] once its personal data was erased: nothing else is left then.
        consent: purpose, or ``contact:`` and a channel → the latest statement, see ``consent``.
        opt_in: purposes that a source of its events needs a yes for.
        gpc: whether a browser of its ever sent Global Privacy Control.
        profiled, observed: whether the person permits profiling and analytics, as ``consent`` and ``opt_in`` have it.
        interests: per topic of the model [count, at].
        research: who looks for a contact since when, see ``research``; None while nobody does.
    """

    __slots__ = (
        "acted", "awaited", "consent", "created_at", "crm_ids", "definitions", "do_not_contact", "due", "erased", "events",
        "expiring", "first_touch", "founding", "gpc", "history", "interests", "last_at", "last_position", "last_touch",
        "moved", "observed", "opt_in", "other_pages", "overrides", "owner", "pages", "profiled", "qualified_at", "research",
        "rules", "scores", "sessions", "silent", "stage", "stage_since", "temperature", "ticked", "traits", "user_id",
        "visits", "waiting", "windows",
    )  # fmt: skip

    def __init__(self, founding: int, scores: int, watches: int, definitions: int, topics: int = 0) -> None:
        """Begin a lead of whom nothing is known.

        Args:
            founding: position of its founding event.
            scores: how many scores the model has.
            watches: how many conditions of the model remember events.
            definitions: how many definitions the model has.
            topics: how many topics the model has.
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
        self.windows: list[list[Any]] = [[] for _ in range(watches)]
        self.definitions: list[list[Any]] = [[False, None, None] for _ in range(definitions)]
        self.qualified_at: Instant | None = None
        self.temperature = "cold"
        self.stage = FIRST_STAGE
        self.stage_since: Instant | None = None
        self.history: list[list[Any]] = []
        self.waiting: dict[str, Instant] = {}
        self.erased: list[Any] | None = None
        self.consent: dict[str, list[Any]] = {}
        self.opt_in: list[str] = []
        self.gpc = False
        self.profiled = self.observed = True
        self.interests: list[list[Any]] = [[0.0, 0] for _ in range(topics)]
        self.research: list[Any] | None = None
        self.overrides: dict[str, list[Any]] = {}
        self.expiring: list[list[Any]] = []
        self.acted: list[int] | None = None
        self.silent: list[str] = []
        self.awaited: list[Any] | None = None

    def trait(self, name: str) -> Any:
        """Return the current value of a trait, or None."""
        entry = self.traits.get(name)
        return None if entry is None else entry[0]

    @property
    def is_tombstone(self) -> bool:
        """Say whether whoever pulls leads must learn that this one was erased."""
        return self.erased is not None and bool(self.erased[1])

    @property
    def shown_stage(self) -> str:
        """Return the stage that counts: the one that a person set, else the machine's."""
        override = self.overrides.get(OVERRIDDEN_STAGE) if self.overrides else None
        return self.stage if override is None else str(override[0])

    @property
    def shown_stage_since(self) -> Instant | None:
        """Return since when the stage that counts does."""
        override = self.overrides.get(OVERRIDDEN_STAGE) if self.overrides else None
        return self.stage_since if override is None else override[1]

    @property
    def contact(self) -> bool:
        """Say whether sales could reach this person."""
        return "email" in self.traits or "phone" in self.traits


_SLOTS = attrgetter(*Lead.__slots__)


def dump(lead: Lead) -> str:
    """Write a state down; equal states give equal texts on every machine."""
    return orjson.dumps(dict(zip(Lead.__slots__, _SLOTS(lead), strict=True))).decode()


def load(text: str) -> Lead:
    """Read a state that ``dump`` wrote; what an earlier revision of the fold did not know yet is as for a new lead."""
    values = orjson.loads(text)
    lead = Lead.__new__(Lead) if len(values) == len(Lead.__slots__) else Lead(0, 0, 0, 0)
    for name, value in values.items():
        setattr(lead, name, value)
    return lead


def is_unknown(lead: Lead, score: str, unknown_without: tuple[str, ...]) -> bool:
    """Say whether a score is not to be had: withheld for lack of consent, or resting on traits of which none is known.

    An override is known all the same, yet withheld like the rest.
    """
    if not lead.profiled:
        return True
    if not unknown_without or any(trait in lead.traits for trait in unknown_without):
        return False
    return score_key(score) not in lead.overrides
