"""``GET /v1/leads/{lead_id}/score``: the live fold once more, with tracing on. Nothing derived is stored for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from lead_events.api import lead_json, resolving, schemas_explained, travelling
from lead_events.api.answering import answer
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, ReaderDep, problems
from lead_events.api.lead_filters import UnknownName
from lead_events.api.travelling import Travelled
from lead_events.domain import consent, explain, overrides
from lead_events.domain.events import Event
from lead_events.domain.explain import Explained, ExplainedScore
from lead_events.domain.lead import fold
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.state import Lead, score_key
from lead_events.domain.times import SECOND, Instant, format_instant
from lead_events.store import histories, parked
from lead_events.store.api_keys import Scope
from lead_events.store.leads import LeadRow
from lead_events.store.reads import ReadKind

router = APIRouter(prefix="/v1/leads", tags=["leads"], dependencies=[require(Scope.LEADS_READ)])


@router.get(
    "/{lead_id}/score",
    operation_id="explain_score",
    dependencies=[OwnWrite],
    response_model=schemas_explained.ExplanationAnswer,
    responses=problems(404, 410, 422, 503),
)
def explain_score(
    lead_id: str,
    asked: Annotated[travelling.Parameters, Depends()],
    reader: ReaderDep,
    score: Annotated[list[str] | None, Query(description="Only these scores; all without it.")] = None,
) -> Response:
    """Explain a lead's scores, now or then: every contribution, what was cut, what decay left; they sum to what is shown."""
    with reader.moment() as moment:
        told = travelling.travel_to(reader, moment, lead_id, asked) if asked.given else _fold(moment, lead_id)
        indexes = _choose(score, told.model)
        reader.note_read(ReadKind.SCORE, [told.row])
        shown = {
            "as_of": format_instant(told.as_of),
            "generation_id": moment.generation.generation_id,
            "position": told.position,
            "data": _explain(moment, told, indexes),
            "resolved_from": told.resolved_from,
        }
    return answer(shown)


def _choose(names: list[str] | None, model: Model) -> list[int]:
    known = [score.name for score in model.scores]
    if names and not set(names) <= set(known):
        raise UnknownName("score", ", ".join(known))
    return [index for index, name in enumerate(known) if not names or name in names]


def _fold(moment: Moment, lead_id: str) -> Travelled:
    row, resolved_from = resolving.load_lead(moment, lead_id)
    lead, trace, events = fold_traced(moment, row)
    place = moment.generation.model_number, moment.as_of, moment.generation.position
    return Travelled(row._replace(lead=lead), trace, events, moment.model, *place, resolved_from)


def fold_traced(moment: Moment, row: LeadRow) -> tuple[Lead, Trace, dict[int, Event]]:
    """Fold the lead's own events at the checkpoint; those of a parked lead as far as its row got."""
    founding, generation = row.lead.founding, moment.generation
    skips = parked.load_skips(moment.connection)
    history = histories.load(moment.connection, moment.vault, [founding], generation.position, skips)[founding]
    events, until = history.events, generation.clock
    if row.parked:
        reached = row.lead.last_at, row.lead.last_position
        events, until = [event for event in events if (event.at, event.position) <= reached], row.lead.last_at
    trace = Trace()
    lead = fold(moment.model.begin(founding), events, moment.model, until, trace)
    return lead, trace, {event.position: event for event in events}


def _explain(moment: Moment, told: Travelled, indexes: list[int]) -> dict[str, Any]:
    lead = told.row.lead
    scores = [explain.explain_score(lead, index, told.model, told.as_of) for index in indexes]
    explained = [each for score in scores for each in _contributions(told, score)]
    explained.sort(key=_canonical)
    return {
        "lead_id": moment.lead_id(lead.founding),
        "model": told.model_number,
        "summary": explain.summarise(explained, told.events, told.model) if lead.profiled else [_say_withheld(lead)],
        "scores": [_show_score(told, score) for score in scores],
        "contributions": _show_contributions(explained, told.events),
    }


def _canonical(explained: Explained) -> tuple[Instant, int]:
    given = explained.contribution
    return given.at, given.position


def _contributions(told: Travelled, score: ExplainedScore) -> list[Explained]:
    if not told.row.lead.profiled:
        return []
    override = overrides.contribution_of(told.row.lead, score.score.name, score.score.half_life)
    return explain.explain_contributions(told.trace.contributions, score, told.as_of, override)


def _say_withheld(lead: Lead) -> str:
    """Say that and since when the person does not permit profiling, and nothing of what was counted."""
    withdrawn = lead.consent.get(consent.PROFILING)
    why = "needs a yes and has none" if withdrawn is None else f"was withdrawn on {format_instant(withdrawn[1])[:10]}"
    return f"consent to profiling {why}: scores are withheld, and nothing is counted meanwhile"


def _show_score(told: Travelled, explained: ExplainedScore) -> dict[str, Any]:
    """Write one score as ``schemas_explained.Score`` describes it."""
    lead, key = told.row.lead, score_key(explained.score.name)
    half_life = explained.score.half_life
    overridden = key in lead.overrides and lead.profiled
    return {
        "name": explained.score.name,
        "value": explained.value,
        "machine": explained.machine,
        "override": lead_json.show_override(lead, key, told.model, told.as_of) if overridden else None,
        "half_life_seconds": None if half_life is None else half_life / SECOND,
        "cap": explained.score.cap,
        "missing": explained.missing,
        "reason": explained.reason,
        "thresholds": [
            {"points": points, "reached": reached, "cools_at": lead_json.show_time(cools_at)}
            for points, reached, cools_at in explained.thresholds
        ],
    }


def _show_contributions(explained: Sequence[Explained], events: Mapping[int, Event]) -> list[dict[str, Any]]:
    """Write contributions as ``schemas_explained.Contribution`` describes them."""
    rounded = explain.round_shown
    shown = []
    for (position, at, score, rule, points, exact, cut_by, by_time), decay, value in explained:
        event, credited = events[position], rounded(exact)
        contribution = {
            "position": position,
            "event_id": event.event_id or None,
            "at": format_instant(at),
            "type": event.type,
            "score": score,
            "rule": rule,
            "points": rounded(points),
            "credited": credited,
            "cut": rounded(points - credited),
            "cut_by": cut_by or None,
            "by_time": by_time or None,
            "decay": decay,
            "value": value,
        }
        shown.append(contribution)
    return shown
