"""A preview in a terminal: a bar while it grows, then a report that reads well there and in a file."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from lead_events import serving
from lead_events.cli.difference_report import print_moves, print_rows
from lead_events.cli.opening import Opened
from lead_events.cli.tables import open_console
from lead_events.domain.model import Model
from lead_events.projections import previewing

_BAR = 40
_SHOWN_IDS = 5

Report = dict[str, Any]


def run(database: Opened, model: Model, *, as_json: bool) -> bool:
    """Preview a model and print what it would change; say whether every lead was looked at.

    Args:
        database: whose leads.
        model: the candidate.
        as_json: print every report as a line instead.
    """
    stop = threading.Event()
    serving.stop_on_signals(stop)
    gc.disable()  # a fold makes no cycles, and looking for them took a fifth of a preview of 145 000 events
    reports = previewing.preview(database.engine, database.vault(), model, stop)
    last: Report | None = None
    for report in reports if as_json else _with_bar(reports):
        last = report
        if as_json:
            click.echo(orjson.dumps(report).decode())
    if last is not None and not as_json:
        print_report(last)
    return last is not None and bool(last["exact"])


def _with_bar(reports: Iterator[Report]) -> Iterator[Report]:
    """Show on standard error how far it is, and what is known so far."""
    columns = TextColumn("previewing"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TextColumn("{task.description}")
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        for report in reports:
            bar.update(task, completed=report["progress"], description=_so_far(report))
            yield report


def _so_far(report: Report) -> str:
    sample, estimate = report["sample"], report["estimate"]
    if estimate is None:
        return ""
    found = {name: (moves["entered"]["about"], moves["left"]["about"]) for name, moves in estimate["definitions"].items()}
    moves = ", ".join(f"{name} about +{entered} -{left}" for name, (entered, left) in found.items() if entered or left)
    return f"{sample['leads']} of {sample['of']} leads: {moves or 'nobody enters or leaves a definition'}"


def print_report(report: Report) -> None:
    """Print a whole preview."""
    console = open_console()
    sample, old = report["sample"], report["from"]
    against = f"Against generation {old['generation_id']} (model {old['model']}) as of {report['as_of']}"
    console.print(f"{against}: {report['different']} of {sample['leads']} leads differ.")
    _print_read(console, report)
    if not report["exact"]:
        _print_estimate(console, report)
    if report["empty"]:
        console.print("No lead stands or scores differently.")
        return
    print_moves(console, report)
    _print_first(console, report["first"])
    _print_rules(console, report["rules"])
    _print_weeks(console, report["weeks"])
    load = report["sales_load"]
    over = f"{load['weeks']} whole weeks" if load["weeks"] > 1 else "one week"
    console.print(
        f"Load on sales: {load['then']:g} leads a week come to {load['stage']} instead of {load['now']:g} (over {over})."
    )


def _print_read(console: Console, report: Report) -> None:
    """Say what had to be looked at, and which conditions cost reading the log itself."""
    read = report["read"]
    matter = read["folded"] + read["added_up"]
    share = matter / max(1, report["position"])
    console.print(
        f"{matter} of {report['position']} events matter ({share:.0%}), {read['added_up']} of them to points alone; "
        f"{read['from_log']} were read from the log."
    )
    if read["everything"]:
        console.print(f"None could be left out: {read['everything']}.")
    fields = [f"{each['type']} {each['field']} ({each['events']})" for each in read["because"][:_SHOWN_IDS]]
    if fields:
        console.print(f"Of these because the ledger does not know a field: {', '.join(fields)}.")


def _print_estimate(console: Console, report: Report) -> None:
    sample, estimate = report["sample"], report["estimate"]
    console.print(f"This is a sample of {sample['leads']} of {sample['of']} leads; of all of them, with 95 % certainty:")
    rows = [("differ", *_about(estimate["different"]))]
    for name, moves in estimate["definitions"].items():
        rows += [(f"enter {name}", *_about(moves["entered"])), (f"leave {name}", *_about(moves["left"]))]
    print_rows(console, "All leads", ("who", "about", "between"), rows)


def _about(found: dict[str, int]) -> tuple[str, str]:
    return str(found["about"]), f"{found['low']} and {found['high']}"


def _print_first(console: Console, first: dict[str, dict[str, list[str]]]) -> None:
    rows = [
        (name, verb, "\n".join(ids[:_SHOWN_IDS]))
        for name, moves in first.items()
        for verb, ids in (("enter", moves["entered"]), ("leave", moves["left"]))
        if ids
    ]
    print_rows(console, "Some of them", ("definition", "", "leads"), rows)


def _print_rules(console: Console, rules: list[dict[str, Any]]) -> None:
    """Print the rules that give something else."""
    rows = [
        (each["rule"], each["score"], *(f"{each[side]['points']:g} ({each[side]['leads']})" for side in ("now", "then")))
        for each in rules
        if each["now"] != each["then"]
    ]
    print_rows(console, "Points given by rules, and to how many leads", ("rule", "score", "now", "then"), rows)


def _print_weeks(console: Console, weeks: list[dict[str, Any]]) -> None:
    most = max((max(week["to_sales"].values()) for week in weeks), default=0)
    rows = [(week["begins"], week["to_sales"]["now"], week["to_sales"]["then"], _bar(week, most)) for week in weeks]
    print_rows(console, "Leads that came to sales each week", ("week of", "now", "then", ""), rows if most else [])
    names = list(weeks[-1]["qualified"])
    rows = [(week["begins"], *(_now_then(week["qualified"][name]) for name in names)) for week in weeks]
    print_rows(console, "Leads that began to meet a definition each week, now → then", ("week of", *names), rows)


def _bar(week: dict[str, Any], most: int) -> str:
    return "█" * int(week["to_sales"]["then"] * _BAR / max(1, most))


def _now_then(both: dict[str, int]) -> str:
    return str(both["now"]) if both["now"] == both["then"] else f"{both['now']} → {both['then']}"
