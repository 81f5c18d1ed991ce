"""``import`` and ``export``: history in and out."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
import orjson

from lead_events.cli.bars import show_bar
from lead_events.cli.opening import load_settings, opened
from lead_events.domain.errors import InvalidInput

if TYPE_CHECKING:
    from lead_events.transfer.candidates import Candidate, Reject
    from lead_events.transfer.files import Source
    from lead_events.transfer.importing import Counts

_FOUND = 1
_SHOWN = 10


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "form", type=click.Choice(["jsonl", "csv"]), help="By default what the file's name ends with.")
@click.option("--map", "map_name", help="What the columns mean: a file, or the name of a shipped map.")
@click.option("--source", help="The source of all events.  [default: what a line says, else import]")
@click.option("--encoding", help="Of a CSV file, such as cp1251.  [default: the map's, else utf-8]")
@click.option("--dry-run", is_flag=True, help="Write nothing; print the first ten events and what would be refused.")
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path), help="Where bad lines go.  [default: FILE.rejects.jsonl]"
)
@click.option("--announce", is_flag=True, help="Let changes be told as if they happened now; by default they are historic.")
@click.option("--batch", default=2_000, show_default=True, type=click.IntRange(1, 20_000), help="Events per commit.")
def import_events(
    file: Path,
    form: str | None,
    map_name: str | None,
    source: str | None,
    encoding: str | None,
    rejects: Path | None,
    batch: int,
    *,
    dry_run: bool,
    announce: bool,
) -> None:
    """Append the events of FILE, JSON lines or CSV; what is there already is not added again."""
    from lead_events.transfer.files import open_source

    form = form or ("csv" if map_name or file.suffix.lower() in {".csv", ".tsv"} else "jsonl")
    if form == "csv" and map_name is None:
        raise InvalidInput("A CSV file needs --map; see ./lead-events maps for those that are shipped.")
    region = load_settings().phone_region
    found = open_source(file, map_name, phone_region=region, announce=announce, encoding=encoding)
    for note in found.notes:
        click.echo(note, err=True)
    if dry_run:
        refused = _try(found, rejects, file)
    else:
        counts = _run(found, file, source, batch, rejects or file.with_name(f"{file.name}.rejects.jsonl"))
        refused = counts.rejected
    if refused:
        sys.exit(_FOUND)


@click.command("maps")
@click.argument("name", required=False)
def maps(name: str | None) -> None:
    """List the maps for CSV files that are shipped, or print one to start your own from."""
    from lead_events.transfer.csv_map import list_maps, load_map, read_map

    if name is not None:
        click.echo(read_map(name), nl=False)
        return
    for each in list_maps():
        click.echo(f"{each}\t{load_map(each).description}")


@click.command("export")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="A file to write.  [default: standard output]")
@click.option("--source", help="Only the events of this source.")
@click.option("--after", default=0, show_default=True, type=click.IntRange(0), help="Only events after this position.")
def export_events(out: Path | None, source: str | None, after: int) -> None:
    """Write the log as JSON lines, personal values and all; each lead's access log says so."""
    from lead_events.cli.noting import note_reads
    from lead_events.store.reads import ReadKind
    from lead_events.transfer.exporting import export

    written, unreadable, noted = 0, list[tuple[int, str]](), set[int]()
    with opened() as database, _writing(out) as file, show_bar("export", shown=out is not None) as advance:
        done = after
        for page in export(database.engine, database.vault(), after=after, source=source):
            note_reads(database.engine, ReadKind.EXPORT, page.foundings - noted)
            noted |= page.foundings
            file.writelines(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in page.lines)
            advance(page.position - done, page.last - after)
            done, written = page.position, written + len(page.lines)
            unreadable += page.unreadable
    for position, reason in unreadable:
        click.echo(f"position {position}: {reason}", err=True)
    click.echo(f"{written:,} events written, {len(unreadable)} could not be read.", err=True)
    if unreadable:
        sys.exit(_FOUND)


def _run(found: Source, file: Path, source: str | None, batch: int, rejects: Path) -> Counts:
    from lead_events.transfer.importing import Importer

    with opened() as database, _rejecting(rejects) as reject, show_bar("import", unit="bytes") as advance:
        importer = Importer(database.engine, database.vault(), source=source, batch=batch, rejected=reject)
        total = file.stat().st_size
        for verdict in found.verdicts():
            importer.take(verdict.judged)
            advance(verdict.size, total)
        importer.finish()
    print_counts(importer.counts)
    if importer.counts.rejected:
        click.echo(f"What was rejected, and why: {rejects}", err=True)
    return importer.counts


def print_counts(counts: Counts, refused: str = "rejected") -> None:
    """Print what became of the events of a file."""
    click.echo(
        f"{counts.total:,} events: {counts.created:,} added, {counts.duplicates:,} already there, "
        f"{counts.quarantined:,} quarantined, {counts.rejected:,} {refused}."
    )
    if counts.erased:
        click.echo(f"{counts.erased:,} of people who were erased since; they are stored nowhere.", err=True)
    if counts.quarantined:
        click.echo("Look at the quarantined ones: ./lead-events quarantine list", err=True)


def _try(found: Source, rejects: Path | None, file: Path) -> int:
    """Judge a file without a database, show what it begins with, and return how much would be refused."""
    from lead_events.transfer.candidates import Candidate, Reject

    events, refused, shown = 0, 0, list[Candidate]()
    with _rejecting(rejects) as reject, show_bar("dry run", unit="bytes") as advance:
        for verdict in found.verdicts():
            candidates = [each for each in verdict.judged if not isinstance(each, Reject)]
            shown += islice(candidates, _SHOWN - len(shown))
            events += len(candidates)
            for each in verdict.judged:
                if isinstance(each, Reject):
                    refused += 1
                    reject(each)
            advance(verdict.size, file.stat().st_size)
    for candidate in shown:
        click.echo(orjson.dumps(_describe(candidate), option=orjson.OPT_INDENT_2).decode())
    click.echo(f"{events:,} events would be sent and {refused:,} rejected; nothing was written.")
    return refused


def _describe(candidate: Candidate) -> dict[str, Any]:
    said: dict[str, Any] = orjson.loads(candidate.event.said)
    return {"line": candidate.line, "event_id": candidate.event.event_id, **said}


@contextmanager
def _rejecting(path: Path | None) -> Iterator[Callable[[Reject], None]]:
    """Lend a function that writes rejects to a file, which is made when there is a first one; without a file, to the terminal."""
    file: BinaryIO | None = None

    def write(reject: Reject) -> None:
        nonlocal file
        if path is None:
            click.echo(f"line {reject.line}: {reject.reason}", err=True)
            return
        file = file or _open_private(path)
        line = {"line": reject.line, "code": reject.code, "reason": reject.reason, "text": reject.text}
        file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    try:
        yield write
    finally:
        if file is not None:
            file.close()


@contextmanager
def _writing(out: Path | None) -> Iterator[BinaryIO]:
    if out is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        with _open_private(unfinished) as file:
            yield file
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _open_private(path: Path) -> BinaryIO:
    """Open a file that holds personal values: only its owner may read it."""
    return os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb")
