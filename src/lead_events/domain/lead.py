"""The heart: one fold. Live pages, late events, replays, explanations and previews all come through here."""

from __future__ import annotations

from collections.abc import Iterable

from lead_events.domain import funnel, profile, scoring
from lead_events.domain.events import Event
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant

FOLD_REVISION = 2
"""Raise it with every change that makes the same events fold to another state; a golden digest notices if you forget."""


def fold(lead: Lead, events: Iterable[Event], model: Model, clock: Instant, trace: Trace | None = None) -> Lead:
    """Let events, in canonical order (at, position), happen to a lead, and then time up to ``clock``."""
    for event in events:
        funnel.advance(lead, event.at, model, trace)
        known = profile.apply(lead, event, model)
        scored = scoring.apply(lead, event, model, trace, traits_changed=known)
        funnel.apply(lead, event, model, trace, changed=known or scored)
        lead.last_at, lead.last_position = event.at, event.position
    funnel.advance(lead, clock, model, trace)
    return lead
