"""``demo``: a made-up history of a B2B site and its sales, into the log or into a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import click
from sqlalchemy import Engine

from lead_events import clock
from lead_events.cli.bars import show_bar
from lead_events.cli.opening import opened
from lead_events.cli.tables import counted
from lead_events.domain.errors import Conflict, InvalidInput
from lead_events.domain.times import SECOND
from lead_events.store import generations, log
from lead_events.store.engine import reading
from lead_events.transfer.judging import Piece, Verdict, judge_apart, judge_here

_PIECE = 1_000
_LARGE = 10_000
_LATELY = 10 * SECOND
"""A projector moves its clock about every second."""
_SERVE = "  make run                                                        (serves and scores them; Ctrl-C to stop)\n"
_LIST = "  curl -su sk_…: 'http://127.0.0.1:8000/v1/leads?sort=-priority&limit=5'"


@click.command()
@click.option(
    "--events", default=20_000, show_default=True, type=click.IntRange(1, 1_000_000_000), help="How many arrivals to make up."
)
@click.option("--seed", default=1, show_default=True, help="Chooses one of many histories with the same mix.")
@click.option("--load", is_flag=True, help="Append them to the log, each at its own arrival.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write them as JSON lines for import.")
@click.option("--anyway", is_flag=True, help="Load even into a log that holds events; a log never forgets.")
def demo(events: int, seed: int, out: Path | None, *, load: bool, anyway: bool) -> None:
    """Make up a history: the same arguments give the same one.

    Some arrivals are second sendings and some must be refused, as in life.
    """
    if load == (out is not None):
        raise InvalidInput("Say where the events go: --load into the log, or --out FILE.")
    if out is not None:
        _write(out, events, seed)
    else:
        _load(events, seed, anyway=anyway)


def _write(out: Path, events: int, seed: int) -> None:
    from lead_events.cli.demo_lines import write_lines

    lines = write_lines(events, seed)
    with out.open("wb") as file, show_bar("demo") as advance:
        while some := list(islice(lines, _PIECE)):
            file.writelines(some)
            advance(len(some), events)
    click.echo(f"{events:,} lines in {out}.")
    click.echo(f"Try next:\n  ./lead-events import {out} --dry-run\n  ./lead-events import {out}")


def _load(events: int, seed: int, *, anyway: bool) -> None:
    from lead_events.cli.transfer import print_counts
    from lead_events.transfer.importing import Importer

    with opened() as database, show_bar("demo") as advance:
        if not anyway:
            _refuse_full(database.engine)
        importer = Importer(database.engine, database.vault())
        for verdict in _verdicts(events, seed, database.settings.phone_region):
            importer.take(verdict.judged)
            advance(verdict.size, events)
        importer.finish()
        is_served = _is_served(database.engine)
    print_counts(importer.counts, "refused")
    click.echo(f"Try next:\n{'' if is_served else _SERVE}{_LIST}")


def _is_served(engine: Engine) -> bool:
    """Say whether a projector is at work on this database."""
    with reading(engine) as connection:
        return clock.now() - generations.load_live(connection).clock < _LATELY


def _refuse_full(engine: Engine) -> None:
    with reading(engine) as connection:
        position = log.read_head(connection).position
    if position:
        held = counted(position, "event")
        raise Conflict(f"The log holds {held}, and a log never forgets; --anyway adds made-up ones to them.")


def _verdicts(events: int, seed: int, phone_region: str | None) -> Iterator[Verdict]:
    """Make up and judge in one other process, when there is much to do, while this one appends."""
    from lead_events.cli.demo_lines import DemoRules, judge_next
    from lead_events.transfer.jsonl import LineRules

    rules = DemoRules(events, seed, LineRules(phone_region, announce=None))
    firsts = range(1, events + 1, _PIECE)
    pieces = (Piece((first, _PIECE, clock.now()), min(_PIECE, events + 1 - first)) for first in firsts)
    if events < _LARGE:
        return judge_here(judge_next, rules, pieces)
    return judge_apart(judge_next, rules, pieces, workers=1)
