"""The wire of a back-test: how every definition and every rule would have done. Shares are 0 to 1, days are median days."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue, StrictInt

from lead_events.api.schemas import Answer, Problem, Time
from lead_events.domain.backtest import Backtest, Curve, Found, Judged
from lead_events.domain.separation import Quality, Verdict
from lead_events.domain.times import format_instant

Tried = StrictInt | dict[str, JsonValue]


class BacktestRequest(Answer):
    """Which models to try, against which outcome."""

    model: Tried | Annotated[list[Tried], Field(min_length=1, max_length=8)] = Field(
        description="Number of a published model, or a document, or up to eight of them to compare."
    )
    outcome: str = Field(
        pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$",
        max_length=64,
        examples=["deal.won"],
        description="Type of the event that a good definition finds leads before.",
    )
    lists: dict[str, JsonValue] | None = Field(
        default=None, description="A document of lists of mail providers to try them with; those published last when null."
    )
    horizon: str | None = Field(
        default=None,
        examples=["180d"],
        description="How long each lead is watched from its first event; until the end of the log when null.",
    )


class QualityShown(Answer):
    """How a selection of leads compares with all leads; null where there is nothing to divide by."""

    leads: int
    with_outcome: int
    precision: float | None
    recall: float | None
    lift: float | None


class StepShown(QualityShown):
    """What would have been found at one threshold."""

    at_least: float


class CurveShown(Answer):
    """What other thresholds of one score would have found, all else in the definition being as it is."""

    score: str
    at_least: float
    average_precision: float
    steps: list[StepShown]


class FoundShown(QualityShown):
    """How one definition would have done."""

    model: str
    definition: str
    average_precision: float
    days_earlier: float | None = Field(description="Before the outcome, over the leads found that had it.")
    days_before_sales: float | None = Field(description="Before sales took them up; negative when sales came first.")
    with_sales: int = Field(description="How many of the leads found that had the outcome sales took up itself.")
    before_sales: int = Field(description="How many of these were found before sales took them up.")
    thresholds: list[CurveShown]


class JudgedShown(QualityShown):
    """How one rule did, over the leads that it gave points to or took points from."""

    model: str
    score: str
    rule: str
    points: float
    verdict: Verdict


class LeftOutShown(Answer):
    """Leads that are not judged."""

    strangers: int = Field(description="Visitors who never said who they are.")
    too_young: int = Field(description="Leads that began less than the horizon before the end of the log.")
    erased: int
    unreadable: int


class KnownShown(Answer):
    """When the events that counted were known."""

    events: int
    imported: int = Field(description="Those that say themselves when they were known.")
    assumed: int = Field(description="Those of them that were taken for known as soon as they happened.")


class BacktestReport(Answer):
    """How models would have done: definitions, the best first, and rules in the order of their models."""

    outcome: str
    horizon_days: float | None
    as_of: Time
    leads: int
    with_outcome: int
    left_out: LeftOutShown
    known_at: KnownShown
    definitions: list[FoundShown]
    rules: list[JudgedShown]


class BacktestLine(Answer):
    """One line of a back-test that tells how far it is; the last one has the report, or the problem it ended with."""

    progress: float = Field(description="Share of the log looked through, 0 to 1.")
    report: BacktestReport | None = None
    problem: Problem | None = None


def show(done: Backtest) -> BacktestReport:
    """Write a back-test as JSON says it."""
    report, left, horizon = done.report, done.left_out, done.question.horizon
    return BacktestReport(
        outcome=done.question.outcome,
        horizon_days=None if horizon is None else horizon / 86_400_000_000,
        as_of=format_instant(done.question.end),
        leads=report.leads,
        with_outcome=report.with_outcome,
        left_out=LeftOutShown(strangers=left.strangers, too_young=left.too_young, erased=left.erased, unreadable=left.unreadable),
        known_at=KnownShown(events=report.events, imported=report.imported, assumed=report.assumed),
        definitions=[_found(each) for each in report.definitions],
        rules=[_judged(each) for each in report.rules],
    )


def _found(found: Found) -> FoundShown:
    return FoundShown.model_validate(
        {
            **_quality(found.quality),
            "model": found.model,
            "definition": found.definition,
            "average_precision": round(found.average_precision, 4),
            "days_earlier": _rounded(found.days_earlier),
            "days_before_sales": _rounded(found.days_before_sales),
            "with_sales": found.with_sales,
            "before_sales": found.before_sales,
            "thresholds": [_curve(each) for each in found.curves],
        }
    )


def _curve(curve: Curve) -> CurveShown:
    steps = [StepShown.model_validate({**_quality(step.quality), "at_least": step.at_least}) for step in curve.steps]
    average = round(curve.average_precision, 4)
    return CurveShown(score=curve.score, at_least=curve.at_least, average_precision=average, steps=steps)


def _judged(judged: Judged) -> JudgedShown:
    named = {"model": judged.model, "score": judged.score, "rule": judged.rule, "points": judged.points}
    return JudgedShown.model_validate({**_quality(judged.quality), **named, "verdict": judged.verdict})


def _quality(quality: Quality) -> dict[str, float | None]:
    shares = {name: _rounded(getattr(quality, name)) for name in ("precision", "recall", "lift")}
    return {"leads": quality.leads, "with_outcome": quality.with_outcome, **shares}


def _rounded(number: float | None) -> float | None:
    return None if number is None else round(number, 4)
