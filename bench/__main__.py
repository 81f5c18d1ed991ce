"""``python -m bench --size 300K``: measure everything, print the table, write JSON and the page of the docs."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx
from sqlalchemy.exc import SQLAlchemyError

from bench import (
    appending,
    batches,
    databases,
    disk,
    door,
    importing,
    listing,
    niced,
    people,
    profiles,
    replaying,
    report,
    sealing,
    visible,
    world,
)
from bench.plan import plan, read_size
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
FIGURES = ("import", "sealing", "replay", "disk", "promotion", *_SERVED, "append")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; missed figures are told, not failed."""
    given = _parse(arguments)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="lead-events-bench-") as text:
        folder = Path(text)
        sampled = folder / "samples" if given.profile else None
        with databases.opened(given.database or databases.NAMES, folder) as opened:
            made = World(plan(read_size(given.size)), folder, opened, sampled)
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


def _measure(given: World, wanted: set[str]) -> list[Row]:
    rows: list[Row] = []
    if wanted & {"replay", "batches", "append"}:
        replaying.measure_peers(given)
    rows += _try("import", importing.run, given) if "import" in wanted else []
    rows += _try("sealing", sealing.run, given) if "sealing" in wanted else []
    if not wanted - {"import", "sealing"}:
        return rows
    given.say(f"loading {given.plan.events:,} demo events into {' and '.join(given.databases)}")
    world.load_history(given)
    if wanted - {"append"}:
        rows += _keep("replay", wanted, replaying.run(given))
    if "disk" in wanted:
        rows += _try("disk", disk.run, given)
    if wanted & {"promotion", *_SERVED}:
        rows += _keep("promotion", wanted, listing.prepare(given))
    if wanted & set(_SERVED):
        with world.served(given):
            for name, run in _SERVED.items():
                rows += _try(name, run, given) if name in wanted else []
    return rows + (_try("append", appending.run, given) if "append" in wanted else [])


def _keep(name: str, wanted: set[str], rows: list[Row]) -> list[Row]:
    """Leave out rows of a figure that was only needed by others."""
    return rows if name in wanted else []


def _try(name: str, run: Callable[[World], list[Row]], given: World) -> list[Row]:
    """Measure a figure; one that cannot be measured is told as missed, and the rest of a long run is kept."""
    try:
        return run(given)
    except (RuntimeError, OSError, TimeoutError, httpx.HTTPError, SQLAlchemyError) as error:
        traceback.print_exc()
        return [Row(name, "–", f"not measured: {type(error).__name__}", asked="to be measured", reached=False)]


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--size", default="300K", help="events of demo history, such as 200K or 10M")
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
