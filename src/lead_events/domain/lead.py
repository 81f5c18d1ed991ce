"""The heart: one fold. Live pages, late events, replays, explanations and previews all come through here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lead_events.domain import consent, erasing, funnel, interests, overrides, profile, research, scoring
from lead_events.domain.erasing import ERASED
from lead_events.domain.events import Event
from lead_events.domain.funnel import Pending
from lead_events.domain.model import Model
from lead_events.domain.scoring import Effect, Trace
from lead_events.domain.state import BEGINNING, Lead
from lead_events.domain.times import Instant

FOLD_REVISION = 3
"""Raise it with every change that makes the same events fold to another state; a golden digest notices if you forget."""


def fold(lead: Lead, events: Iterable[Event], model: Model, clock: Instant, trace: Trace | None = None) -> Lead:
    """Let events, in canonical order (at, position), happen to a lead, and then time up to ``clock``."""
    pending = Pending()
    for event in events:
        if event.type == ERASED or lead.erased is not None:
            erasing.apply(lead, event, model, trace)
            continue
        if lead.due is not None and lead.due - model.scope.margin <= event.at:
            funnel.advance(lead, event.at, model, trace, pending)
        agreed = consent.apply(lead, event)
        seen = event if lead.observed else consent.curtail(lead, event)
        learnt = profile.apply(lead, seen, model) or agreed
        scored = scoring.apply(lead, seen, model, trace, traits_changed=learnt)
        overridden = event.type in overrides.TYPES and overrides.apply(lead, event, model, trace)
        interests.apply(lead, seen, model.topics)
        research.apply(lead, seen)
        funnel.apply(lead, seen, model, trace, pending, Effect.NOTICEABLE if learnt or overridden else scored)
        lead.last_at, lead.last_position = event.at, event.position
    if lead.erased is None:
        funnel.advance(lead, clock, model, trace, pending)
    return lead


class Reached(NamedTuple):
    """How far a fold came.

    Attributes:
        whole: whether every event could be folded; if not, the lead is as it was before the first that could not.
    """

    lead: Lead
    trace: Trace
    whole: bool


def fold_from_beginning(founding: int, events: Sequence[Event], model: Model, clock: Instant) -> Reached:
    """Fold all events of a lead with tracing on; one that cannot be folded ends the fold, as it parks a lead.

    Args:
        founding: position of the lead's founding event.
        clock: the instant up to which time passes, microseconds UTC.
    """
    trace = Trace()
    try:
        return Reached(fold(model.begin(founding), events, model, clock, trace), trace, whole=True)
    except Exception:  # noqa: BLE001 - whatever is wrong with one event, those before it still count
        return _fold_prefix(founding, events, model)


def _fold_prefix(founding: int, events: Sequence[Event], model: Model) -> Reached:
    whole = _count_foldable(founding, events, model)
    trace, until = Trace(), events[whole - 1].at if whole else BEGINNING
    return Reached(fold(model.begin(founding), events[:whole], model, until, trace), trace, whole=False)


def _count_foldable(founding: int, events: Sequence[Event], model: Model) -> int:
    lead = model.begin(founding)
    for number, event in enumerate(events):
        try:
            fold(lead, [event], model, event.at)
        except Exception:  # noqa: BLE001 - whatever is wrong with it, this is the one
            return number
    return len(events)
