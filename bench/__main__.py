"""``python -m bench --size 200K``: measure everything, print the table, write JSON and the page of the docs."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import httpx
from sqlalchemy.exc import SQLAlchemyError

from bench import (
    appending,
    batches,
    databases,
    disk,
    door,
    growth,
    importing,
    ledger,
    listing,
    niced,
    people,
    previewing,
    profiles,
    replaying,
    report,
    sealing,
    visible,
    world,
)
from bench.budget import Budget
from bench.plan import expected_seconds, plan, read_size
from bench.table import Row, as_text
from bench.world import World

_ROOT = Path(__file__).resolve().parent.parent
_RESULTS = _ROOT / "bench" / "results"
_SERVED = {
    "lists": listing.run,
    "people": people.run,
    "door": door.run,
    "batches": batches.run,
    "visible": visible.run,
    "niced": niced.run,
}
_ALONE = {"import": importing.run, "sealing": sealing.run}
FIGURES = (*_ALONE, "replay", "disk", "promotion", "preview", "growth", *_SERVED, "append")
NOWHERE = "–"
_USUAL_MINUTES = 9.5
_LONG_RUN = 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; missed figures are told, not failed."""
    given = _parse(arguments)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="lead-events-bench-") as text:
        folder = Path(text)
        sampled = folder / "samples" if given.profile else None
        with databases.opened(given.database or databases.NAMES, folder) as opened:
            made = World(plan(read_size(given.size)), folder, opened, sampled, budget=_budget(given, begun, len(opened)))
            machine = report.describe_machine(list(opened.values()))
            rows = _measure(made, set(given.only or FIGURES))
        if sampled is not None:
            given.results.mkdir(parents=True, exist_ok=True)
            (given.results / "profile.md").write_text(profiles.summarise(sampled), encoding="utf-8")
    print("\n" + as_text(rows))
    whole = not given.only and not given.database
    usual = given.results == _RESULTS
    if whole or not usual:
        page = _ROOT / "docs" / "benchmark.md" if whole and usual and not given.profile else None
        report.write(given.results, page, given.size, rows, machine, time.perf_counter() - begun, given.note)
    return 0


def _budget(given: argparse.Namespace, begun: float, databases: int) -> Budget:
    size, minutes = read_size(given.size), given.minutes
    if minutes is None and size < _LONG_RUN:
        minutes = _USUAL_MINUTES
    return Budget(None if minutes is None else minutes * 60, expected_seconds(plan(size), databases), begun)


def _measure(given: World, wanted: set[str]) -> list[Row]:
    """Measure what is wanted, in the order in which one figure needs another."""
    rows: list[Row] = []
    if wanted & {"replay", "preview", "growth", "batches", "append"}:
        rows += _try("peers", _measure_peers, given)
    for name in ("import", "sealing"):
        rows += _try(name, _ALONE[name], given) if name in wanted else []
    if not wanted - {"import", "sealing"}:
        return rows
    if not given.budget.allows("history"):
        why = f"left out: there was no time for loading the history, {given.budget.estimate('history'):.0f} s"
        return rows + [_leave_out(given, name, why) for name in FIGURES if name in wanted - set(_ALONE)]
    with given.budget.phase("history"):
        given.say(f"loading {given.plan.events:,} demo events into {' and '.join(given.databases)}")
        world.load_history(given)
    if wanted - {"append"}:
        rows += _measure_built(given, wanted)
    return rows + (_try("append", appending.run, given) if "append" in wanted else [])


def _measure_built(given: World, wanted: set[str]) -> list[Row]:
    """Measure what needs a generation: building it, promoting it, and all that is asked of it then."""
    rows = _keep("replay", wanted, _try("replay", replaying.run, given))
    if "disk" in wanted:
        rows += _try("disk", disk.run, given)
    if not wanted & {"promotion", "preview", "growth", *_SERVED}:
        return rows
    rows += _keep("promotion", wanted, _try("promotion", listing.prepare, given))
    asked = [name for name in ("preview", "growth", *_SERVED) if name in wanted]
    if not all(world.has_leads(database) for database in given.databases.values()):
        return rows + [_leave_out(given, name, "there are no leads to ask for") for name in asked]
    if wanted & {"preview", "growth"}:
        rows += _keep("preview", wanted, _try("preview", previewing.run, given))
    rows += _try("growth", growth.run, given) if "growth" in wanted else []
    rows += _try("serving", partial(_serve, wanted=wanted), given) if wanted & set(_SERVED) else []
    return rows + (ledger.run(given) if "preview" in wanted else [])


def _serve(given: World, wanted: set[str]) -> list[Row]:
    """Measure what a running service is asked for."""
    rows: list[Row] = []
    with world.served(given):
        for name, run in _SERVED.items():
            rows += _try(name, run, given) if name in wanted else []
    return rows


def _measure_peers(given: World) -> list[Row]:
    replaying.measure_peers(given)
    return []


def _keep(name: str, wanted: set[str], rows: list[Row]) -> list[Row]:
    """Leave out rows of a figure that was only needed by others, unless they tell that it failed."""
    return [row for row in rows if name in wanted or (row.reached is False and row.database == NOWHERE)]


def _try(name: str, run: Callable[[World], list[Row]], given: World) -> list[Row]:
    """Measure a figure if there is time; one that cannot be measured is told as missed, and the rest of a long run is kept."""
    if not given.budget.allows(name):
        return [_leave_out(given, name, f"left out: there was no time for its {given.budget.estimate(name):.0f} s")]
    seconds = given.budget.estimate(name)
    given.say(f"{name}: about {seconds:.0f} s" if seconds else f"{name} …")
    try:
        with given.budget.phase(name):
            return run(given)
    except (RuntimeError, OSError, TimeoutError, httpx.HTTPError, SQLAlchemyError) as error:
        traceback.print_exc()
        return [_leave_out(given, name, f"not measured: {type(error).__name__}")]


def _leave_out(given: World, name: str, why: str) -> Row:
    given.say(f"{name}: {why}")
    return Row(name, NOWHERE, why, asked="to be measured", reached=False)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", default="200K", help="events of demo history, such as 200K or 10M")
    parser.add_argument("--minutes", type=float, help="leave out what no longer fits; 9.5 below 1M, and no bound from there on")
    parser.add_argument("--only", type=lambda text: text.split(","), help=f"figures, by comma: {', '.join(FIGURES)}")
    parser.add_argument("--database", action="append", choices=databases.NAMES, help="measure this one only")
    parser.add_argument("--profile", action="store_true", help="sample every process and write profile.md beside the results")
    parser.add_argument("--results", type=Path, default=_RESULTS, help="folder for the JSON")
    parser.add_argument("--note", default="", help="a sentence for the page about the circumstances of this run")
    given = parser.parse_args(arguments)
    unknown = set(given.only or ()) - set(FIGURES)
    if unknown:
        parser.error(f"no such figure: {', '.join(sorted(unknown))}")
    return given


if __name__ == "__main__":
    sys.exit(main())
