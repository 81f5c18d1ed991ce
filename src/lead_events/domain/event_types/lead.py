"""Event types about the lead itself: who it is, what people decided about it, merges, erasure; and promotions.

The last group is appended by the service's own endpoints only.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, model_validator

from lead_events.domain.event_types.fields import Count, InstantText, Label, Name, Properties, Reason, Sha256, Text

Points = Annotated[float, Field(ge=-1e12, le=1e12)]


class LeadIdentified(Properties):
    """A visitor became known: the identifiers and traits of the event are claims."""

    method: Name | None = None


class LeadTraitsSet(Properties):
    """A person or a CRM set traits of the lead; traits named in ``cleared`` were emptied."""

    cleared: Annotated[list[Name], Field(max_length=100)] | None = None


class LeadNoted(Properties):
    """A person wrote a note about the lead."""

    text: Text


class LeadAssigned(Properties):
    """The lead was given to an owner."""

    owner: Name
    reason: Reason | None = None


class LeadUnassigned(Properties):
    """The lead was taken from its owner."""

    reason: Reason | None = None


class LeadContacted(Properties):
    """Sales contacted the lead."""

    channel: Name | None = None
    outcome: Reason | None = None
    note: Text | None = None


class LeadAccepted(Properties):
    """Sales accepted the lead as qualified."""

    definition: Name | None = None
    reason: Reason | None = None
    note: Text | None = None


class LeadRejected(LeadAccepted):
    """Sales rejected the lead."""


class LeadRecycled(LeadAccepted):
    """Sales gave the lead back to marketing."""


class LeadDisqualified(LeadAccepted):
    """The lead was found never to become a customer."""


class LeadOverrideWithdrawn(Properties):
    """A person withdrew the override of a score or of the stage."""

    score: Name | None = None
    stage: Name | None = None
    reason: Reason | None = None

    @model_validator(mode="after")
    def check_target(self) -> LeadOverrideWithdrawn:
        """Let exactly one of ``score`` and ``stage`` pass."""
        if (self.score is None) == (self.stage is None):
            message = "name either score or stage"
            raise ValueError(message)
        return self


class LeadOverridden(LeadOverrideWithdrawn):
    """A person overrode a score with a value, or the stage, until it expires or is withdrawn."""

    value: Points | None = None
    expires_at: InstantText | None = None

    @model_validator(mode="after")
    def check_value(self) -> LeadOverridden:
        """Let a score pass with a value only, and a stage without one."""
        if (self.score is None) != (self.value is None):
            message = "give value with score, and only with it"
            raise ValueError(message)
        return self


class LeadResearchTaken(Properties):
    """A person took it upon themselves to find a contact of the lead."""

    note: Text | None = None


class LeadResearchGivenUp(Properties):
    """A person gave up finding a contact of the lead."""

    reason: Reason
    note: Text | None = None


class LeadResearchReopened(LeadResearchTaken):
    """A person put the lead back among those for whom anybody may find a contact."""


class LeadMerged(Properties):
    """Two leads were found to be one person."""

    lead_id: Name
    into: Name


class LeadUnmerged(Properties):
    """A merge of two leads was undone."""

    lead_id: Name
    into: Name


class LeadErased(Properties):
    """The lead's personal data was erased; only counts remain. ``contact`` tells pull clients that they knew it."""

    events: Count | None = None
    contact: bool | None = None
    reason: Reason | None = None


class GenerationPromoted(Properties):
    """A generation became the live one; digests tell which documents its model and lists were, and the model before it."""

    model_config = ConfigDict(extra="forbid")

    generation_id: Count
    previous_id: Count | None = None
    model: Count | None = None
    fold_revision: Count | None = None
    list_revision: Count | None = None
    announce: Name | None = None
    without_approval: Label | None = None
    model_digest: Sha256 | None = None
    lists_digest: Sha256 | None = None
    previous_model_digest: Sha256 | None = None


TYPES: dict[str, type[Properties]] = {
    "lead.identified": LeadIdentified,
    "lead.traits_set": LeadTraitsSet,
    "lead.noted": LeadNoted,
    "lead.assigned": LeadAssigned,
    "lead.unassigned": LeadUnassigned,
    "lead.contacted": LeadContacted,
    "lead.accepted": LeadAccepted,
    "lead.rejected": LeadRejected,
    "lead.recycled": LeadRecycled,
    "lead.disqualified": LeadDisqualified,
    "lead.overridden": LeadOverridden,
    "lead.override_withdrawn": LeadOverrideWithdrawn,
    "lead.research_taken": LeadResearchTaken,
    "lead.research_given_up": LeadResearchGivenUp,
    "lead.research_reopened": LeadResearchReopened,
    "lead.merged": LeadMerged,
    "lead.unmerged": LeadUnmerged,
    "lead.erased": LeadErased,
    "generation.promoted": GenerationPromoted,
}
"""The properties of each type declared here."""
