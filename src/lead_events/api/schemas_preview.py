"""The wire of previews: one whole report a line, of a sample first and of every lead at last."""

from __future__ import annotations

from pydantic import Field

from lead_events.api.schemas import Answer, Time
from lead_events.api.schemas_generations import DefinitionMoves, Mover, Moves, ScoreMoves, Side


class Sample(Answer):
    """How many leads a report speaks of."""

    leads: int
    of: int = Field(description="All leads.")


class About(Answer):
    """What a sample says of all leads, with the bounds of 95 % certainty."""

    about: int
    low: int
    high: int


class Unknown(Answer):
    """What a condition asks for and only the log knows."""

    type: str = Field(description="Of the events.")
    field: str
    events: int = Field(description="How many were read for it.")


class Read(Answer):
    """What a preview had to look at."""

    folded: int = Field(description="Events that were folded; those neither folded nor added up can matter to neither model.")
    added_up: int = Field(
        description="Events of leads whom no condition of either model can move: their points were added up, many leads at once."
    )
    from_log: int = Field(description="Events read from the log itself rather than from the activity ledger.")
    because: list[Unknown] = Field(description="The most frequent reasons; the rest said who somebody is or what they decided.")
    everything: str | None = Field(description="Why no event could be left out; null if some could, or in a sample.")


class MovesAbout(Answer):
    """About how many leads begin or cease to meet a definition."""

    entered: About
    left: About


class PreviewEstimate(Answer):
    """What a sample says of all leads."""

    different: About
    definitions: dict[str, MovesAbout]


class FirstLeads(Answer):
    """Ids of the first leads that begin or cease to meet a definition, twenty at most."""

    entered: list[str]
    left: list[str]


class PointsGiven(Answer):
    """What a rule gave."""

    leads: int = Field(description="To how many leads.")
    times: int
    points: float = Field(description="All it ever gave; what limits and caps cut is not among it.")
    left: float = Field(description="What decay left of that.")


class RuleEffect(Answer):
    """What one rule gives under the live model and under the one that is previewed."""

    score: str
    rule: str
    now: PointsGiven
    then: PointsGiven


class NowAndThen(Answer):
    """Leads under the live model, and under the one that is previewed."""

    now: int
    then: int


class PreviewWeek(Answer):
    """How many leads began to meet each definition in a week, and how many came to sales."""

    begins: str = Field(description="Its Monday, in the time zone of the live model.", examples=["2026-11-16"])
    qualified: dict[str, NowAndThen]
    to_sales: NowAndThen


class SalesLoad(Answer):
    """How many leads come to sales in a whole week, of all leads also where the report is of a sample."""

    stage: str
    weeks: int
    now: float
    then: float


class Preview(Answer):
    """What a model would change; counts are those of the sample, ``estimate`` and ``sales_load`` speak of all leads."""

    exact: bool = Field(description="Whether every lead was looked at; true in the last line only.")
    sample: Sample
    progress: float = Field(description="0 to 1.")
    as_of: Time
    position: int = Field(description="The last event that counts.")
    from_: Side = Field(alias="from")
    read: Read
    estimate: PreviewEstimate | None = Field(description="Null where the report is exact.")
    empty: bool
    leads: int
    different: int
    definitions: dict[str, DefinitionMoves]
    first: dict[str, FirstLeads]
    stages: list[Moves]
    temperatures: list[Moves]
    companies: int = Field(description="Leads that come to another company, or to one, or to none.")
    scores: dict[str, ScoreMoves]
    top_movers: list[Mover]
    rules: list[RuleEffect]
    weeks: list[PreviewWeek] = Field(description="The last twelve, the one under way at the end.")
    sales_load: SalesLoad
