"""``GET /v1/leads/{lead_id}/score``: the live fold once more, with tracing on. Nothing derived is stored for it."""

from __future__ import annotations

from typing import Annotated, Literal, cast

from fastapi import APIRouter, Query
from sqlalchemy import Connection, select

from lead_events.api import lead_json, resolving, schemas_explained
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, ReaderDep, problems
from lead_events.api.lead_filters import UnknownName
from lead_events.domain import explain
from lead_events.domain.events import Event
from lead_events.domain.explain import Explained, ExplainedScore
from lead_events.domain.lead import fold
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.state import Lead
from lead_events.domain.times import SECOND, format_instant
from lead_events.store import histories, parked, schema
from lead_events.store.api_keys import Scope
from lead_events.store.dialect import any_of
from lead_events.store.leads import LeadRow

router = APIRouter(prefix="/v1/leads", tags=["leads"], dependencies=[require(Scope.LEADS_READ)])


@router.get("/{lead_id}/score", operation_id="explain_score", dependencies=[OwnWrite], responses=problems(404, 422, 503))
def explain_score(
    lead_id: str,
    reader: ReaderDep,
    score: Annotated[list[str] | None, Query(description="Only these scores; all without it.")] = None,
) -> schemas_explained.ExplanationAnswer:
    """Explain a lead's scores: every contribution with what was cut and what decay left; they sum to what is shown."""
    with reader.moment() as moment:
        row, resolved_from = resolving.load_lead(moment, lead_id)
        indexes = _choose(score, moment.model)
        lead, trace, events = _fold(moment, row)
        return schemas_explained.ExplanationAnswer(
            as_of=format_instant(moment.as_of),
            generation_id=moment.generation.generation_id,
            position=moment.generation.position,
            data=_explain(moment, lead, trace, events, indexes),
            resolved_from=resolved_from,
        )


def _choose(names: list[str] | None, model: Model) -> list[int]:
    known = [score.name for score in model.scores]
    if names and not set(names) <= set(known):
        raise UnknownName("score", ", ".join(known))
    return [index for index, name in enumerate(known) if not names or name in names]


def _fold(moment: Moment, row: LeadRow) -> tuple[Lead, Trace, dict[int, Event]]:
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


def _explain(
    moment: Moment, lead: Lead, trace: Trace, events: dict[int, Event], indexes: list[int]
) -> schemas_explained.Explanation:
    scores = [explain.explain_score(lead, index, moment.model, moment.as_of) for index in indexes]
    explained = [
        each
        for score in scores
        for each in explain.explain_contributions(trace.contributions, score.score, score.value, moment.as_of)
    ]
    explained.sort(key=lambda each: (each.contribution.at, each.contribution.position))
    ids = _load_event_ids(moment.connection, {each.contribution.position for each in explained})
    return schemas_explained.Explanation(
        lead_id=moment.lead_id(lead.founding),
        model=moment.generation.model_number,
        summary=explain.summarise(explained, events, moment.model),
        scores=[_show_score(score) for score in scores],
        contributions=[_show_contribution(each, events, ids) for each in explained],
    )


def _load_event_ids(connection: Connection, positions: set[int]) -> dict[int, str]:
    if not positions:
        return {}
    table = schema.events
    rows = connection.execute(select(table.c.position, table.c.event_id).where(any_of(connection, table.c.position, positions)))
    return {row.position: row.event_id for row in rows}


def _show_score(explained: ExplainedScore) -> schemas_explained.Score:
    half_life = explained.score.half_life
    return schemas_explained.Score(
        name=explained.score.name,
        value=explained.value,
        half_life_seconds=None if half_life is None else half_life / SECOND,
        cap=explained.score.cap,
        missing=list(explained.missing),
        thresholds=[
            schemas_explained.Threshold(points=points, reached=reached, cools_at=lead_json.show_time(cools_at))
            for points, reached, cools_at in explained.thresholds
        ],
    )


def _show_contribution(explained: Explained, events: dict[int, Event], ids: dict[int, str]) -> schemas_explained.Contribution:
    given = explained.contribution
    credited = explain.round_shown(given.credited)
    return schemas_explained.Contribution(
        position=given.position,
        event_id=ids.get(given.position),
        at=format_instant(given.at),
        type=events[given.position].type,
        score=given.score,
        rule=given.rule,
        points=explain.round_shown(given.points),
        credited=credited,
        cut=explain.round_shown(given.points - credited),
        cut_by=cast("schemas_explained.CutBy", given.cut_by) if given.cut_by else None,
        by_time=cast("Literal['expired', 'inactive']", given.by_time) if given.by_time else None,
        decay=explained.decay,
        value=explained.value,
    )
