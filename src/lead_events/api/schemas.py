"""The wire of reading: what a lead looks like in JSON, alone, in lists and looked up. Absent is null, never missing.

Times are ISO 8601 UTC with six digits and ``Z``, so that texts sort as times. How a lead becomes one is in ``lead_json``;
scores and timelines are in ``schemas_explained``, what operators and keys ask for in ``schemas_kept``.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, field_validator

from lead_events.domain.companies import Identification
from lead_events.domain.research import Research

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-11-21T12:00:00.123456Z"])]
Facts = dict[str, JsonValue]


def _without_nul(text: str) -> str:
    if "\0" in text:
        message = "a text holds no NUL character"
        raise ValueError(message)
    return text


Plain = AfterValidator(_without_nul)
"""Annotates a text that is kept as it is: not every database holds a NUL."""
NDJSON = "application/x-ndjson"
"""An answer of one JSON document a line."""


class Answer(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Temperature(StrEnum):
    """How near a lead is at the moment."""

    COLD = "cold"
    WARM = "warm"
    HOT = "hot"


class FieldError(Answer):
    """One field that is wrong."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """RFC 9457: what went wrong, and what to do about it."""

    model_config = ConfigDict(frozen=True, extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    message: str
    errors: list[FieldError] | None = None


class AsOf(Answer):
    """How fresh an answer is: the generation that gave it, the last event and the instant it knows."""

    as_of: Time
    generation_id: int
    position: int


class Touch(Answer):
    """Where a lead came from."""

    at: Time
    source: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None
    promo_code: str | None = None
    referrer: str | None = None
    landing_page: str | None = None


class Gap(Answer):
    """One thing that is missing for a definition.

    ``unknown`` names the traits without which a score is unknown.
    """

    field: str
    needs: JsonValue
    has: JsonValue
    unknown: list[str] | None = None


class Met(Answer):
    """Whether a lead meets a definition, since when, and what is missing if not; ``met`` is null when it may not be asked."""

    met: bool | None
    since: Time | None
    missing: list[Gap]


class Held(Answer):
    """The stage that a lead would be in if it had what that stage requires, and what is missing."""

    stage: str
    missing: list[Gap]


class Company(Answer):
    """The company as a lead named it; without a name, the domain of a corporate e-mail address stands in."""

    name: str | None
    domain: str | None


class PageViews(Answer):
    """How often a lead looked at a page."""

    path: str
    views: int


class StageMove(Answer):
    """One move from stage to stage; ``position`` is of the event that caused it, null when time did."""

    at: Time
    stage: str
    reason: str
    position: int | None


class Consent(Answer):
    """The latest statement on one purpose, or on contact by one channel, and the event that says so.

    ``source`` is where it was said, ``method`` how, ``text_version`` which text it was said to; ``author`` wrote it down.
    """

    state: Literal["granted", "withdrawn"]
    at: Time
    position: int
    type: str
    source: str | None
    method: str | None
    text_version: str | None
    author: str | None


class Interest(Answer):
    """How many events concerned a topic of the model, as they count now."""

    topic: str
    count: float


class ResearchItem(Answer):
    """Who looks for a contact of this lead since when, or gave it up and why."""

    state: Research
    by: str | None
    since: Time
    reason: str | None


class Override(Answer):
    """What a person set in place of the machine: a score (``value`` in points at ``at``, fading from there) or the stage.

    ``machine`` is what the machine says beneath, and what is shown again when the override expires or is withdrawn.
    """

    score: Annotated[str | None, Field(description="Which score; null for the stage.")]
    value: float | str
    machine: float | str | None
    reason: str | None
    author: str | None
    position: int
    at: Time
    expires_at: Time | None


class Lead(Answer):
    """A person as known from events.

    ``derived`` names the fields that nobody said: they were made up from others. ``merged_into`` names the lead that
    owns everything this one had.
    """

    id: str
    position: int
    updated_at: Time
    created_at: Time | None
    stage: str
    stage_since: Time | None
    temperature: Temperature
    scores: Annotated[dict[str, float | None], Field(description="Points; null when unknown, which is not zero.")]
    grade: Annotated[str | None, Field(description="Such as A1; null when the model gives none, or a score is unknown.")]
    held: Held | None
    definitions: dict[str, Met]
    overrides: Annotated[list[Override], Field(description="What people set; scores, stage and definitions follow it.")]
    qualified_at: Time | None
    email: str | None
    phone: str | None
    first_name: str | None
    last_name: str | None
    job_title: str | None
    company: Company
    industry: str | None
    country: str | None
    city: str | None
    identification: Annotated[Identification, Field(description="Whether a contact, or at least the company, is known.")]
    derived: list[str]
    crm_ids: dict[str, str]
    user_id: str | None
    owner: str | None
    do_not_contact: Annotated[list[str], Field(description="Channels by which this person must not be contacted.")]
    consent: Annotated[dict[str, Consent], Field(description="By `analytics`, `profiling` and `contact:<channel>`.")]
    opt_in: Annotated[list[str], Field(description="Purposes that a source of its events needs a yes for.")]
    withheld: Annotated[str | None, Field(description="Why scores and definitions are null: `no_profiling_consent`.")]
    no_sharing: Annotated[bool, Field(description="A browser said Global Privacy Control, and the person agreed to nothing.")]
    interests: Annotated[list[Interest], Field(description="Topics of the model, strongest first.")]
    research: Annotated[ResearchItem | None, Field(description="Null while nobody looks for a contact.")]
    first_touch: Touch | None
    last_touch: Touch | None
    visits: int
    events: int
    pages: list[PageViews]
    traits: Facts
    merged_into: str | None
    deleted: bool
    parked: bool
    stale_since: Annotated[
        Time | None,
        Field(description="Since when events are missing here: a long history is folded again every 10 s at most."),
    ]


class LeadWithHistory(Lead):
    """A lead with every stage move it made, oldest first."""

    history: list[StageMove]


class LeadAnswer(AsOf):
    """One lead; ``resolved_from`` is the id that was asked for, when its events belong to this lead now."""

    data: LeadWithHistory
    resolved_from: str | None


class LeadList(AsOf):
    """One page of leads."""

    data: list[Lead]
    next_cursor: str | None
    has_more: bool


class Identifier(Answer):
    """Exactly one identifier of a person."""

    email: str | None = None
    phone: str | None = None
    user_id: str | int | None = None
    anonymous_id: str | int | None = None
    crm_id: Annotated[dict[str, str | int] | None, Field(examples=[{"hubspot": "501"}])] = None
    lead_id: str | None = None

    @field_validator("*")
    @classmethod
    def _is_text(cls, value: object) -> object:
        """Refuse halves of surrogate pairs, which JSON may spell and UTF-8 may not."""
        try:
            "".join(map(str, [*value, *value.values()] if isinstance(value, dict) else [value])).encode()
        except UnicodeEncodeError:
            message = "this is not Unicode text"
            raise ValueError(message) from None
        return value


class Lookup(Answer):
    """Whom to look up."""

    identifiers: Annotated[list[Identifier], Field(min_length=1, max_length=1_000)]


class LookedUp(Answer):
    """Whom one identifier belongs to now; ``problem`` says why it can be nobody's."""

    identifier: Identifier
    lead: Lead | None
    problem: str | None = None


class LookupAnswer(AsOf):
    """One result per identifier, in the order asked."""

    data: list[LookedUp]
