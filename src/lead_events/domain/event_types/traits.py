"""The traits of a person: the built-in ones with loose types, and any custom one that is a scalar or a short list.

Every trait is sealed. ``email`` and ``phone`` are identifiers and are taken out before a model sees the rest.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from lead_events.domain.event_types.fields import Currency, Properties

TraitText = Annotated[str, StringConstraints(max_length=1_000)]
Money = Annotated[int, Field(ge=0, le=10**18)] | Annotated[float, Field(ge=0, le=1e18)]
Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
Scalar = bool | Whole | float | TraitText
CustomTrait = Scalar | Annotated[list[Scalar], Field(max_length=50)]
"""What a trait that is not built in may be."""


class Traits(Properties):
    """What is known of a person besides ``email`` and ``phone``."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, CustomTrait]

    first_name: TraitText | None = None
    last_name: TraitText | None = None
    job_title: TraitText | None = None
    company: TraitText | None = None
    industry: TraitText | None = None
    annual_turnover: Money | None = None
    currency: Currency | None = None
    budget: Money | None = None
    authority: TraitText | bool | None = None
    need: TraitText | None = None
    timeline: TraitText | None = None
    gender: TraitText | None = None
    age_band: TraitText | None = None
    social_urls: Annotated[list[TraitText], Field(max_length=20)] | None = None
    city: TraitText | None = None
    country: TraitText | None = None
