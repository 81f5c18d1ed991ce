"""``replay``, ``generations``, ``promote`` and ``rollback``: change the model beside the live service, look, switch, go back."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from sqlalchemy import Connection

from lead_events import app, clock, serving
from lead_events.cli import difference_report
from lead_events.cli.groups import Group
from lead_events.cli.opening import Opened, opened
from lead_events.cli.tables import print_table
from lead_events.domain.errors import Conflict
from lead_events.domain.lead import FOLD_REVISION
from lead_events.domain.times import format_instant
from lead_events.projections import projector, promotion
from lead_events.projections import replay as replaying
from lead_events.projections.estimating import estimate
from lead_events.projections.promotion import Announce, Promotion
from lead_events.store import approvals, leads, lists, log, parts, sizes
from lead_events.store import generations as kept
from lead_events.store.engine import reading, writing
from lead_events.store.generations import Generation, Status

_STOPPED = 1
_ANNOUNCE = click.option(
    "--announce",
    type=click.Choice([each.value for each in Announce]),
    default=Announce.NONE.value,
    show_default=True,
    help="Which leads whose standing differs CRMs are told about.",
)
_YES = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command()
@click.option("--model", "number", type=int, required=True, help="The number of a published model.")
@click.option("--processes", type=click.IntRange(1, 256), help="How many to build with.  [default: one per usable core]")
@click.option("--no-wait", is_flag=True, help="Only begin; a worker builds it.")
def replay(number: int, *, processes: int | None, no_wait: bool) -> None:
    """Replay all history under a model beside the live one, and show what would be different."""
    with opened() as database:
        generation = _begin_or_join(database, number)
        generation_id = generation.generation_id
        if no_wait:
            click.echo(f"Generation {generation_id} will be built by a worker; see: ./lead-events generations")
            return
        stop = threading.Event()
        serving.stop_on_signals(stop)
        try:
            is_ready = _build(database, generation, stop, processes)
        except replaying.BuilderKilled as error:
            click.echo(f"lead-events: {error}", err=True)
            sys.exit(_STOPPED)
        found = _load(database, generation_id)
    if not is_ready and found.status is not Status.READY:
        again = f"go on with: ./lead-events replay --model {number}"
        click.echo(f"Generation {generation_id} is {found.status}; what is done stays done; {again}", err=True)
        sys.exit(_STOPPED)
    _show(found)
    click.echo(f"Nothing changed yet. Make it live: ./lead-events promote {generation_id}")


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def generations(context: click.Context) -> None:
    """List generations: which is live, which are being built or stand by."""
    if context.invoked_subcommand is not None:
        return
    with opened() as database, reading(database.engine) as connection:
        head = log.read_head(connection).position
        counted = leads.count_rows(connection)
        rows = [
            (
                str(each.generation_id),
                each.status.value,
                str(each.model_number),
                str(each.position),
                str(max(0, head - each.position)),
                format_instant(each.current_until) if each.current_until else "",
                str(counted.get(each.generation_id, 0)),
                _note(connection, each),
            )
            for each in kept.load_all(connection)
        ]
    print_table(("id", "status", "model", "position", "lag", "kept until", "rows", "note"), rows)
    with opened() as database:
        _print_disk(sizes.measure(database.engine), head, counted)


def _print_disk(measured: Mapping[str, int] | None, events: int, rows: Mapping[int, int]) -> None:
    """Say on standard error what an event and what each generation take on disk, with indexes."""
    if measured is None:
        click.echo("On disk: this Python's SQLite cannot count pages; ls -l the database file.", err=True)
        return
    parts_of = {"log": sizes.LOG, "identity": sizes.IDENTITY, "activity ledger": sizes.LEDGER}
    each = {name: sum(measured.get(table, 0) for table in tables) / max(1, events) for name, tables in parts_of.items()}
    told = ", ".join(f"{name} {size:,.0f}" for name, size in each.items())
    click.echo(f"On disk, with indexes: {sum(each.values()):,.0f} bytes per event ({told}).", err=True)
    whole = max(1, sum(rows.values()))
    shares = [f"{number} {measured.get('leads', 0) * count / whole / 1e6:,.1f} MB" for number, count in sorted(rows.items())]
    click.echo(f"Generations on disk: {', '.join(shares) or 'no rows yet'}.", err=True)


@generations.command("show")
@click.argument("generation_id", type=int)
@click.option("--json", "as_json", is_flag=True, help="The whole difference as JSON.")
def show(generation_id: int, *, as_json: bool) -> None:
    """Print what a generation would change, against the one that was live when it was built."""
    with opened() as database:
        found = _load(database, generation_id)
    if as_json:
        click.echo(found.difference or "null")
    else:
        _show(found)


@generations.command("cancel")
@click.argument("generation_id", type=int)
def cancel(generation_id: int) -> None:
    """Give up a build, or a generation that is ready; its rows are dropped by a worker."""
    with opened() as database, writing(database.engine) as connection:
        kept.load(connection, generation_id)
        kept.fail(connection, generation_id, kept.CANCELLED)
    click.echo(f"Generation {generation_id} is given up.")


@generations.command("resume")
@click.argument("generation_id", type=int)
def resume(generation_id: int) -> None:
    """Let a worker take up a failed build where it stopped."""
    with opened() as database, writing(database.engine) as connection:
        kept.load(connection, generation_id)
        kept.resume(connection, generation_id)
    click.echo(f"Generation {generation_id} goes on.")


@click.command()
@click.argument("generation_id", type=int)
@_ANNOUNCE
@click.option("--without-approval", metavar="REASON", help="Why it need not wait for approvals; shown for ever.")
@_YES
def promote(generation_id: int, *, announce: str, without_approval: str | None, yes: bool) -> None:
    """Make a generation that is ready the live one; no reader sees a mix."""
    with opened() as database:
        found = _load(database, generation_id)
        reason = (without_approval or "").strip()[:1_000] or None
        with reading(database.engine) as connection:
            approvals.check(connection, found, reason)
        if not yes:
            _show(found)
            click.confirm(f"Make generation {generation_id} (model {found.model_number}) live?", abort=True)
        compiled = projector.Models(database.engine)
        vault = database.vault()
        said = Announce(announce)
        done = promotion.promote(database.engine, vault, generation_id, compiled, announce=said, without_approval=reason)
    _say(done)


@click.command()
@_ANNOUNCE
@_YES
def rollback(*, announce: str, yes: bool) -> None:
    """Make the generation live again that was live before."""
    with opened() as database:
        with reading(database.engine) as connection:
            previous = kept.load_live(connection).replaces
        if previous is not None and not yes:
            click.confirm(f"Make generation {previous} live again?", abort=True)
        compiled = projector.Models(database.engine)
        done = promotion.rollback(database.engine, database.vault(), compiled, announce=Announce(announce))
    _say(done)


def _say(done: Promotion) -> None:
    click.echo(f"Generation {done.generation_id} is live since position {done.position}; {done.announced} leads announced.")
    click.echo(f"Generation {done.previous_id} stands by; go back with: ./lead-events rollback")


def _begin_or_join(database: Opened, number: int) -> Generation:
    """Return the build of a model that is under way, or a new one."""
    with reading(database.engine) as connection:
        wanted = number, FOLD_REVISION, lists.load_newest(connection)
        under_way = kept.load_building(connection)
    for each in under_way:
        if (each.model_number, each.fold_revision, each.list_revision) == wanted:
            click.echo(f"Generation {each.generation_id} of model {number} is being built already; this joins in.", err=True)
            return each
    return _load(database, replaying.begin(database.engine, number))


def _load(database: Opened, generation_id: int) -> Generation:
    with reading(database.engine) as connection:
        return kept.load(connection, generation_id)


def _build(database: Opened, generation: Generation, stop: threading.Event, processes: int | None) -> bool:
    """Build with a live bar; the last parts are followed by catching up with the live generation, and comparing."""
    opening = app.describe_opening(database.settings)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[pace]}"),
    )
    total = max(generation.base_position, 1)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(f"generation {generation.generation_id}", total=total, pace="")

        def report(progress: parts.Progress) -> None:
            what = "catching up and comparing" if progress.done == progress.parts else f"generation {generation.generation_id}"
            bar.update(task, completed=progress.events, description=what, pace=_pace(generation, progress))

        return replaying.build(
            opening,
            database.engine,
            database.vault(),
            generation.generation_id,
            stop,
            processes=processes,
            report=report,
        )


def _pace(generation: Generation, progress: parts.Progress) -> str:
    """Write the rate, and the time that is left."""
    found = estimate(generation, progress, clock.now())
    if found.seconds_left is None:
        return ""
    left = round(found.seconds_left)
    return f"{found.events_per_second:,.0f} events/s, {left // 60}:{left % 60:02d} left"


def _show(found: Generation) -> None:
    """Print a generation's difference.

    Raises:
        Conflict: it has none.
    """
    if found.difference is None:
        why = f": {found.error}" if found.error else ""
        raise Conflict(f"Generation {found.generation_id} is {found.status}{why} and was not compared with a live one.")
    difference_report.print_report(orjson.loads(found.difference))


def _note(connection: Connection, generation: Generation) -> str:
    if generation.status is Status.BUILDING:
        progress = parts.read_progress(connection, generation.generation_id)
        left = estimate(generation, progress, clock.now()).seconds_left
        eta = "" if left is None else f", {left:.0f} s left"
        return f"{progress.done} of {progress.parts} parts{eta}"
    if generation.status is Status.READY:
        different = orjson.loads(generation.difference or "{}").get("different", 0)
        return f"waits for: promote {generation.generation_id} ({different} leads differ)"
    if generation.without_approval is not None:
        return f"went live without approval: {generation.without_approval}"
    return generation.error or ""
