"""The wire of explanations: why a lead scores what it scores, and what happened to it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lead_events.api.schemas import Answer, AsOf, Facts, Override, Time

CutBy = Literal["limit", "group limit", "rule cap", "group cap", "score cap", "floor", "machine"]


class Threshold(Answer):
    """Points that the model compares a score with, and when it cools below them if nothing happens."""

    points: float
    reached: bool
    cools_at: Time | None


class Score(Answer):
    """One score; when it is null, ``missing`` names the traits of which none is known, or ``reason`` says why.

    The reason is ``no_profiling_consent``: what was counted is withheld, and nothing is counted meanwhile.
    """

    name: str
    value: float | None
    machine: Annotated[float | None, Field(description="What the machine says; another than `value` beneath an override.")]
    override: Override | None
    half_life_seconds: float | None
    cap: float | None
    missing: list[str]
    reason: str | None = None
    thresholds: list[Threshold]


class Contribution(Answer):
    """What one event gave one score by one rule: ``points`` earned, ``cut`` of them by ``cut_by``, ``value`` is left now.

    The rule ``override`` is what a person set: what it shows more, or less, than the machine does.
    With ``by_time`` it is what time did with the event's points later, at ``at``: they ``expired``, or the event was the
    last one for too long (``inactive``).
    """

    position: int
    event_id: str | None
    at: Time
    type: str
    score: str
    rule: str
    points: float
    credited: float
    cut: float
    cut_by: CutBy | None
    by_time: Literal["expired", "inactive"] | None
    decay: float
    value: float


class Explanation(Answer):
    """Why a lead scores what it scores: the values of a score's contributions sum exactly to it."""

    lead_id: str
    model: int
    summary: Annotated[list[str], Field(max_length=5)]
    scores: list[Score]
    contributions: list[Contribution]


class ExplanationAnswer(AsOf):
    """An explanation of scores."""

    data: Explanation
    resolved_from: str | None


class TimelineContext(Answer):
    """Where an event happened."""

    page: Facts | None
    campaign: Facts | None


class TimelineEvent(Answer):
    """One event of a lead, as it was sent; ``skipped`` by an operator, it counts for nothing."""

    kind: Literal["event"] = "event"
    position: int
    event_id: str
    type: str
    at: Time
    received_at: Time
    source: str | None
    author: str | None
    properties: Facts
    traits: Facts
    context: TimelineContext
    readable: bool
    skipped: bool


class TimelineMove(Answer):
    """One move from stage to stage; ``position`` is of the event that caused it, null when time did."""

    kind: Literal["stage_moved"] = "stage_moved"
    position: int | None
    at: Time
    old: str
    new: str
    reason: str


class Timeline(AsOf):
    """One page of what happened to a lead, newest first."""

    data: list[Annotated[TimelineEvent | TimelineMove, Field(discriminator="kind")]]
    resolved_from: str | None
    next_cursor: str | None
    has_more: bool
