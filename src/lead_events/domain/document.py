"""The model document: what two departments agree on, as data. Validated here, compiled in ``model``.

The JSON Schema of ``ModelDocument`` is published. Conditions are free mappings here; ``conditions`` says what they may hold.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from lead_events.domain.errors import InvalidDuration
from lead_events.domain.times import parse_duration

Condition = dict[str, Any]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Points = Annotated[float, Field(ge=-1_000_000, le=1_000_000)]

SORTABLE_SCORES = 4


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limit(_Part):
    """How often a rule may give points."""

    times: Annotated[int, Field(ge=1, le=1_000)]
    per: Literal["session", "day", "ever"]


class Rule(_Part):
    """Points for an event, or for a trait while it holds (when ``when`` names traits only)."""

    id: Name
    when: Condition
    points: Points
    limit: Limit | None = None
    cap: Annotated[float, Field(gt=0)] | None = None


class Score(_Part):
    """One score: every point of it, negative ones too, fades with its one half-life."""

    half_life: str | None = None
    cap: Annotated[float, Field(gt=0)] | None = None
    floor: Points = 0.0
    rules: list[Rule]

    @field_validator("half_life")
    @classmethod
    def _is_duration(cls, text: str | None) -> str | None:
        return _checked(text)


class Entry(_Part):
    """One way into a stage: by an event (``events``), or as soon as a condition holds (``when``).

    ``after_activity`` asks for an act of the lead newer than its last stage move.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: list[Name] | None = Field(default=None, alias="from")
    events: list[str] | None = None
    when: Condition | None = None
    after_activity: bool = False


class Exit(_Part):
    """One way out of a stage by time: ``after`` a while in which ``unless`` did not hold, or nothing happened (``idle``)."""

    to: Name
    after: str
    unless: Condition | None = None
    idle: bool = False
    reason: Name

    @field_validator("after")
    @classmethod
    def _is_duration(cls, text: str) -> str:
        return _checked(text) or text


class Stage(_Part):
    """One stage of the funnel: who owns it, how it is entered, how time leads out of it."""

    owner: str | None = None
    text: str | None = None
    entry: list[Entry] = []
    exits: list[Exit] = []
    requires: list[str] = []
    sla: dict[str, Any] | None = None


class Topic(_Part):
    """Something a lead may be interested in: events that fit ``when``, or one of several, count and fade."""

    when: Condition | Annotated[list[Condition], Field(min_length=1, max_length=100)]
    half_life: str | None = None

    @field_validator("half_life")
    @classmethod
    def _is_duration(cls, text: str | None) -> str | None:
        return _checked(text)


class NearMiss(_Part):
    """How far away each unmet part of a definition is: a fact that a marketer can find, an act that only the lead can do."""

    fact: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    act: Annotated[float, Field(gt=0, le=1_000)] = 3.0


class ModelDocument(_Part):
    """Scores, definitions of a qualified lead, temperature, stages and topics."""

    name: str = ""
    time_zone: str = "UTC"
    scores: Annotated[dict[Name, Score], Field(min_length=1, max_length=16)]
    priority: Name | dict[Name, float] | None = None
    definitions: Annotated[dict[Name, Condition], Field(max_length=62)] = {}
    temperature: dict[Literal["hot", "warm"], Condition | str] = {}
    stages: dict[Name, Stage] = {}
    topics: Annotated[dict[Name, Topic], Field(max_length=200)] = {}
    near_miss: NearMiss = NearMiss()


def _checked(text: str | None) -> str | None:
    if text is not None:
        try:
            parse_duration(text)
        except InvalidDuration as error:
            raise ValueError(str(error)) from None
    return text
