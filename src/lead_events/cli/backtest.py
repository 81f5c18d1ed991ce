"""``models backtest``: how documents would have done on everything that happened, as a report for a terminal or a file."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from lead_events.cli.bars import show_bar
from lead_events.cli.difference_report import print_rows
from lead_events.cli.documents import LISTS, load_lists
from lead_events.cli.opening import opened
from lead_events.cli.tables import open_console
from lead_events.domain.backtest import Backtest, Curve, Found, Judged
from lead_events.domain.errors import InvalidInput
from lead_events.domain.separation import Quality, Verdict
from lead_events.domain.times import DAY, format_instant, parse_duration

_BAR = 30
_BESIDE_BAR = 55
"""Characters that the numbers beside a bar take."""
_TYPE = r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*"
_WORDS = {
    Verdict.HELPS: "helps",
    Verdict.MISLEADS: "misleads",
    Verdict.USELESS: "useless",
    Verdict.NEVER_FIRES: "never fires",
    Verdict.UNCERTAIN: "unclear",
}


@click.command()
@click.argument("documents", metavar="FILE…", nargs=-1, required=True)
@click.option("--outcome", required=True, metavar="TYPE", help="What good leads end in, such as deal.won.")
@LISTS
@click.option("--horizon", metavar="TIME", help="How long to watch each lead from its first event, such as 180d.")
def backtest(documents: tuple[str, ...], *, lists: Path | None, outcome: str, horizon: str | None) -> None:
    """Try documents, files or numbers of published ones, on everything that happened, with what was known at each moment."""
    import re

    from lead_events.cli.models import find_document
    from lead_events.projections import backtesting

    if not re.fullmatch(_TYPE, outcome):
        raise InvalidInput(f"'{outcome}' is no type of event; write one such as deal.won.")
    watched = None if horizon is None else parse_duration(horizon)
    labelled: dict[str, dict[str, Any]] = {label: find_document(name) for label, name in _labelled(documents)}
    with opened() as database, show_bar("back-test") as advance:
        run = partial(backtesting.run, database.engine, database.vault(), labelled, outcome=outcome, horizon=watched)
        done = run(changed=load_lists(database, lists), advance=advance)
    print_report(done)


def _labelled(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """Call each document by its number or by its file's name; by the whole path where two files have one name."""
    short = [f"model {name}" if name.isdigit() and not Path(name).exists() else Path(name).name for name in names]
    return [(label if short.count(label) == 1 else name, name) for label, name in zip(short, names, strict=True)]


def print_report(done: Backtest) -> None:
    """Print a whole back-test."""
    console = open_console()
    _print_summary(console, done)
    report = done.report
    rows = [(str(place), *_definition(found)) for place, found in enumerate(report.definitions, 1)]
    headings = ("", "definition", "model", "AP", "found", "good", "precision", "recall", "lift")
    print_rows(console, f"Definitions, the best first (AP: average precision; good: had {done.question.outcome})", headings, rows)
    for found in report.definitions:
        _print_lead_time(console, found, done.question.outcome)
    for found in report.definitions:
        for curve in found.curves:
            _print_curve(console, found, curve)
    for model in dict.fromkeys(judged.model for judged in report.rules):
        _print_rules(console, model, [judged for judged in report.rules if judged.model == model])


def _print_summary(console: Console, done: Backtest) -> None:
    report, left, horizon = done.report, done.left_out, done.question.horizon
    window = "" if horizon is None else f" within {horizon / DAY:g} days of their first event"
    share = _percent(report.with_outcome / report.leads)
    console.print(
        f"{done.question.outcome}{window}: {report.with_outcome:,} of {report.leads:,} leads ({share}), "
        f"as of {format_instant(done.question.end)}."
    )
    console.print(
        f"Left out: {left.strangers:,} visitors who never said who they are, {left.too_young:,} leads too young, "
        f"{left.erased:,} erased, {left.unreadable:,} unreadable."
    )
    console.print(
        f"{report.imported:,} of {report.events:,} events say when they were known; for {report.assumed:,} of them that is "
        "assumed to be when they happened."
    )


def _definition(found: Found) -> tuple[str, ...]:
    return found.definition, found.model, f"{found.average_precision:.3f}", *_quality(found.quality)


def _quality(quality: Quality) -> tuple[str, ...]:
    lift = "–" if quality.lift is None else f"{quality.lift:.2f}"
    return f"{quality.leads:,}", f"{quality.with_outcome:,}", _percent(quality.precision), _percent(quality.recall), lift


def _print_lead_time(console: Console, found: Found, outcome: str) -> None:
    if found.days_earlier is None:
        return
    line = f"{found.definition} ({found.model}): found {found.days_earlier:.1f} days before {outcome}"
    if found.days_before_sales is not None:
        way = "before" if found.days_before_sales >= 0 else "after"
        line += f", {abs(found.days_before_sales):.1f} days {way} sales ({found.before_sales} of {found.with_sales} before)"
    console.print(f"{line}; medians.")


def _print_curve(console: Console, found: Found, curve: Curve) -> None:
    most = max((step.quality.leads for step in curve.steps), default=0) or 1
    width = max(0, min(_BAR, console.width - _BESIDE_BAR))
    rows = []
    for step in curve.steps:
        whole, good = (round(count * width / most) for count in (step.quality.leads, step.quality.with_outcome))
        mark = " ←" if step.at_least == curve.at_least else ""
        rows.append((f"{step.at_least:g}{mark}", *_quality(step.quality), "█" * good + "░" * (whole - good)))
    title = f"{found.definition} ({found.model}) at other thresholds of {curve.score}"
    print_rows(console, title, ("at least", "found", "good", "precision", "recall", "lift", ""), rows)


def _print_rules(console: Console, model: str, rules: list[Judged]) -> None:
    headings = ("rule", "points", "leads", "good", "precision", "recall", "lift", "verdict")
    for score in dict.fromkeys(each.score for each in rules):
        rows = [
            (each.rule, f"{each.points:+g}", *_quality(each.quality), _WORDS[each.verdict])
            for each in rules
            if each.score == score
        ]
        print_rows(console, f"Rules of {score} in {model}", headings, rows)
    for verdict, words in ((Verdict.USELESS, "do not separate"), (Verdict.NEVER_FIRES, "never fire")):
        named = [each.rule for each in rules if each.verdict is verdict]
        if named:
            console.print(f"Useless rules of {model} ({words}): {', '.join(named)}")


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share * 100:.1f} %"
