"""The model document: what two departments agree on, as data. Validated here, compiled in ``model``.

The JSON Schema of ``ModelDocument`` is published. Conditions are free mappings here; ``conditions`` says what they may hold.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lead_events.domain.errors import InvalidDuration
from lead_events.domain.times import parse_duration

Condition = dict[str, Any]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
Points = Annotated[float, Field(ge=-1_000_000, le=1_000_000)]


def _checked(text: str) -> str:
    try:
        parse_duration(text)
    except InvalidDuration as error:
        raise ValueError(str(error)) from None
    return text


def _checked_ago(text: str) -> str:
    return text if text == NOW else _checked(text)


NOW = "now"
"""No time ago; a duration cannot say it."""
Duration = Annotated[str, AfterValidator(_checked)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Limit(_Part):
    """How often a rule may give points."""

    times: Annotated[int, Field(ge=1, le=1_000)]
    per: Literal["session", "day", "ever"]


class Group(_Part):
    """What several rules of a score share: together they give points so often, or are worth so many at any instant."""

    limit: Limit | None = None
    cap: Annotated[float, Field(gt=0)] | None = None


class Rule(_Part):
    """Points for an event, or for a trait while it holds (when ``when`` names traits only).

    ``valid_for`` ends what is left of them so long after the event.
    """

    id: Name
    when: Condition
    points: Points
    limit: Limit | None = None
    cap: Annotated[float, Field(gt=0)] | None = None
    group: Name | None = None
    valid_for: Duration | None = None


class Inactivity(_Part):
    """Points when a lead did nothing for a while (``after``), once in each silence; ``set`` sets the score to a value."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: Name
    after: Duration
    points: Points | None = None
    set_: Points | None = Field(default=None, alias="set")
    unless: Condition | None = None


class Score(_Part):
    """One score: every point of it, negative ones too, fades with its one half-life."""

    half_life: Duration | None = None
    cap: Annotated[float, Field(gt=0)] | None = None
    floor: Points = 0.0
    rules: list[Rule]
    groups: dict[Name, Group] = {}
    inactivity: list[Inactivity] = []


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
    after: Duration
    unless: Condition | None = None
    idle: bool = False
    reason: Name


class Sla(_Part):
    """What the owner of a stage promises: the first contact, and a decision, so long after the lead entered it."""

    contact_within: Duration | None = None
    decide_within: Duration | None = None
    text: str | None = None


class Stage(_Part):
    """One stage of the funnel: who owns it, how it is entered, how time leads out of it.

    ``requires`` names what must hold before a lead enters: a field that must be there, or a condition.
    ``final`` says that nothing leads out of it on purpose.
    """

    owner: str | None = None
    text: str | None = None
    entry: list[Entry] = []
    exits: list[Exit] = []
    requires: Annotated[list[str | Condition], Field(max_length=50)] = []
    final: bool = False
    sla: Sla | None = None


class Axis(_Part):
    """One half of a grade: the points at which each better mark of a score begins, the best first."""

    score: Name
    steps: Annotated[list[Points], Field(min_length=1)]


class Grade(_Part):
    """Two scores in two characters, such as A1: ``letter`` usually says who a lead is, ``digit`` what it does."""

    letter: Axis
    digit: Axis


class Target(_Part):
    """How many leads somebody promises to bring to a definition or a stage in a period; for reports."""

    id: Name
    definition: Name | None = None
    stage: Name | None = None
    at_least: Annotated[int, Field(ge=1, le=1_000_000_000)]
    per: Literal["day", "week", "month", "quarter", "year"]
    owner: str | None = None
    text: str | None = None


class SampleEvent(_Part):
    """One event of a sample lead, as ``POST /v1/events`` takes it, but with ``ago`` for its time."""

    model_config = ConfigDict(extra="allow", frozen=True)

    type: str
    ago: Annotated[str, AfterValidator(_checked_ago)] = NOW


class ModelTest(_Part):
    """A sample lead and what the model must say of it; publishing runs it."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    traits: dict[str, Any] = {}
    events: Annotated[list[SampleEvent], Field(max_length=200)] = []
    expect: Annotated[Condition, Field(min_length=1)]


class Topic(_Part):
    """Something a lead may be interested in: events that fit ``when``, or one of several, count and fade."""

    when: Condition | Annotated[list[Condition], Field(min_length=1, max_length=100)]
    half_life: Duration | None = None


class NearMiss(_Part):
    """How far away each unmet part of a definition is: a fact that a marketer can find, an act that only the lead can do."""

    fact: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    act: Annotated[float, Field(gt=0, le=1_000)] = 3.0


class ModelDocument(_Part):
    """Scores, definitions of a qualified lead, temperature, stages, grade, targets, topics, and tests of all that."""

    name: str = ""
    time_zone: str = "UTC"
    scores: Annotated[dict[Name, Score], Field(min_length=1, max_length=16)]
    priority: Name | dict[Name, float] | None = None
    definitions: Annotated[dict[Name, Condition], Field(max_length=62)] = {}
    temperature: dict[Literal["hot", "warm"], Condition | str] = {}
    stages: dict[Name, Stage] = {}
    grade: Grade | None = None
    targets: Annotated[list[Target], Field(max_length=100)] = []
    topics: Annotated[dict[Name, Topic], Field(max_length=200)] = {}
    near_miss: NearMiss = NearMiss()
    tests: Annotated[list[ModelTest], Field(max_length=100)] = []
