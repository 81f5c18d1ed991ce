"""The difference between two generations as a report that reads well in a terminal and in a file."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from lead_events.cli.tables import build_table, open_console

_BAR = 40


def print_report(report: dict[str, Any]) -> None:
    """Print a whole difference."""
    console = open_console()
    old, new = report["from"], report["to"]
    console.print(
        f"Generation {new['generation_id']} (model {new['model']}) against generation {old['generation_id']} "
        f"(model {old['model']}) as of {report['as_of']}: {report['different']} of {report['leads']} leads differ."
    )
    if report["empty"]:
        console.print("No lead stands or scores differently.")
        return
    print_moves(console, report)


def print_moves(console: Console, report: dict[str, Any]) -> None:
    """Print what moves where and who moves most."""
    definitions = report["definitions"].items()
    print_rows(console, "Definitions", ("definition", "enter", "leave"), [(n, d["entered"], d["left"]) for n, d in definitions])
    for title, name in (("Stages", "stages"), ("Temperatures", "temperatures")):
        print_rows(console, title, ("from", "to", "leads"), [(m["from"], m["to"], m["leads"]) for m in report[name]])
    if report.get("companies"):
        console.print(f"Leads that come to another company, or to one, or to none: {report['companies']}.")
    _print_scores(console, report["scores"])
    movers = [(m["lead_id"], f"{m['points']:g}", _rules(m["rules"])) for m in report["top_movers"]]
    print_rows(console, "Who moves most", ("lead", "moves by", "points by rule"), movers)


def _print_scores(console: Console, scores: dict[str, Any]) -> None:
    rows = [(name, s["leads"], s["up"], s["down"], f"{s['mean']:+g}", f"{s['largest']:+g}") for name, s in scores.items()]
    print_rows(console, "Scores", ("score", "leads", "up", "down", "mean", "largest"), rows)
    for name, score in scores.items():
        most = max(band["leads"] for band in score["histogram"])
        bands = [(_band(band), band["leads"], "█" * max(1, band["leads"] * _BAR // most)) for band in score["histogram"]]
        print_rows(console, f"Points of {name}", ("change", "leads", ""), bands)


def _band(band: dict[str, Any]) -> str:
    above, up_to = (None if band[end] is None else _signed(band[end]) for end in ("above", "up_to"))
    if above is None:
        return f"to {up_to}"
    return f"over {above}" if up_to is None else f"{above} to {up_to}"


def _signed(points: float) -> str:
    return f"{points:+g}" if points else "0"


def _rules(rules: list[dict[str, Any]]) -> str:
    return ", ".join(f"{rule['rule']} {rule['points']:+g}" for rule in rules)


def print_rows(console: Console, title: str, headings: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Print a table, or nothing when it has no rows."""
    if rows:
        console.print(build_table(console.width, headings, rows, title))
