"""The wire of generations: how far each is, how a build goes, what would be different."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from lead_events.api.schemas import Answer, Plain, Time
from lead_events.store.generations import Status


class Announce(StrEnum):
    """Which differences a promotion tells CRMs about."""

    NONE = "none"
    CHANGED_STAGE = "changed-stage"
    ALL = "all"


class BuildRequest(Answer):
    """Which model to replay."""

    model: int


class RollbackRequest(Answer):
    """How a rollback is announced."""

    announce: Announce = Announce.NONE


class PromotionRequest(RollbackRequest):
    """How a promotion is announced, and why it need not wait for approvals that its model lacks."""

    without_approval: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000), Plain] | None = (
        Field(default=None, description="Kept and shown for ever; not looked at when everybody named has approved.")
    )


class _Report(BaseModel):
    """A part of the stored report; what a later version adds to it is left out."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class Side(_Report):
    """One of two generations that were compared."""

    generation_id: int
    model: int


class DefinitionMoves(_Report):
    """How many leads begin or cease to meet a definition."""

    entered: int
    left: int


class Moves(_Report):
    """How many leads would stand elsewhere."""

    from_: str = Field(alias="from")
    to: str
    leads: int


class Band(_Report):
    """How many leads move by more than ``above`` and at most ``up_to`` points; null is without bound."""

    above: float | None
    up_to: float | None
    leads: int


class ScoreMoves(_Report):
    """How a score moves, over the leads whose score moves at all, in points."""

    leads: int
    up: int
    down: int
    mean: float
    largest: float
    histogram: list[Band]


class RuleMove(_Report):
    """What one rule adds to a lead's move, in points."""

    rule: str
    points: float


class Mover(_Report):
    """One of the leads that move most, with the rules that move it."""

    lead_id: str
    points: float
    rules: list[RuleMove]


class GenerationDifference(_Report):
    """What a promotion would change, lead by lead, as of the end of the build."""

    as_of: Time
    from_: Side = Field(alias="from")
    to: Side
    empty: bool
    leads: int
    different: int
    definitions: dict[str, DefinitionMoves]
    stages: list[Moves]
    temperatures: list[Moves]
    companies: int = Field(default=0, description="Leads that come to another company, or to one, or to none.")
    scores: dict[str, ScoreMoves]
    top_movers: list[Mover]


class BuildProgress(Answer):
    """How a build goes; null where nothing is known yet."""

    share: float = Field(description="Of the events, 0 to 1.")
    parts: int
    parts_done: int
    events: int
    leads: int
    events_per_second: float
    eta_seconds: float | None
    eta_at: Time | None


class GenerationHead(Answer):
    """One complete read model and how far it is."""

    generation_id: int
    status: Status
    model: int
    fold_revision: int
    list_revision: int
    position: int
    lag: int = Field(description="Events of the log that it has not taken in.")
    clock: Time | None
    created_at: Time
    built_at: Time | None
    promoted_at: Time | None
    kept_until: Time | None = Field(description="Until when it can be rolled back to; null while it stands anyhow.")
    replaces: int | None
    error: str | None
    without_approval: str | None = Field(description="Why it went live although not everybody named had approved its model.")
    progress: BuildProgress | None = Field(description="Of a build; null for what is built.")


class GenerationDetail(GenerationHead):
    """One generation, with its difference from the live one when it is ready."""

    difference: GenerationDifference | None


class GenerationList(Answer):
    """Every generation, oldest first."""

    data: list[GenerationHead]
    next_cursor: None = None
    has_more: bool = False


class Promoted(Answer):
    """What a promotion did; ``position`` is that of its event, ``announced`` counts leads."""

    generation_id: int
    previous_id: int
    position: int
    announced: int
