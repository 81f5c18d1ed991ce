"""``verify``: check what is stored: the log against its own hashes, the leads against the log."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import BinaryIO

import click
import orjson

from lead_events.cli.bars import show_bar
from lead_events.cli.groups import Group
from lead_events.cli.opening import Opened, opened
from lead_events.cli.tables import counted
from lead_events.domain.errors import InvalidInput
from lead_events.domain.times import format_instant
from lead_events.projections import proving, verifying
from lead_events.store import erasure_receipts, generations
from lead_events.store.engine import reading
from lead_events.store.log import read_head
from lead_events.store.verify import verify_log

_FOUND = 1
_GENERATION = click.option("--generation", "generation_id", type=int, help="Which generation.  [default: the live one]")


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def verify(context: click.Context) -> None:
    """Check what is stored; without a command, everything."""
    if context.invoked_subcommand is not None:
        return
    with opened() as database:
        found = _verify_log(database) + _verify_leads(database, None, None)
        _print_digest(database, None)
        found += _print_promotions(database) + _verify_activity(database)
    if found:
        sys.exit(_FOUND)


@verify.command("log")
def log() -> None:
    """Recompute every hash of the log; one flipped bit is found."""
    with opened() as database:
        found = _verify_log(database)
    if found:
        sys.exit(_FOUND)


@verify.command("leads")
@_GENERATION
@click.option("--sample", type=click.IntRange(min=1), help="How many leads, evenly spread.  [default: all]")
def leads(generation_id: int | None, sample: int | None) -> None:
    """Fold leads again from their own events; a row that the log does not explain is found."""
    with opened() as database:
        found = _verify_leads(database, generation_id, sample)
    if found:
        sys.exit(_FOUND)


@verify.command("digest")
@click.argument("generation_id", type=int, required=False)
def digest(generation_id: int | None) -> None:
    """Print digests of a generation, the live one if none is named, and the chain of promotions that made it live.

    Anybody with the log and the documents can recompute every line.
    """
    with opened() as database:
        _print_digest(database, generation_id)
        found = _print_promotions(database)
    if found:
        sys.exit(_FOUND)


@verify.command("activity")
@click.option("--rewrite", is_flag=True, help="Drop the ledger afterwards; a worker writes it anew.")
def activity(*, rewrite: bool) -> None:
    """Compare the activity ledger, which previews read, with the log."""
    from lead_events.domain import signatures
    from lead_events.projections.activity import SEGMENT
    from lead_events.store import activity as kept
    from lead_events.store.engine import writing

    with opened() as database:
        found = _verify_activity(database)
        if rewrite:
            with writing(database.engine) as connection:
                kept.begin(connection, signatures.REVISION, SEGMENT)
            click.echo("The ledger is dropped; the worker beside the service writes it anew.")
    if found and not rewrite:
        sys.exit(_FOUND)


@verify.command("receipt")
@click.argument("file", type=click.File("rb"))
def receipt(file: BinaryIO) -> None:
    """Check the signature of an erasure's receipt."""
    try:
        said = orjson.loads(file.read())
    except ValueError:
        raise InvalidInput("The receipt is not JSON; give the answer of the erasure as it was.") from None
    with opened() as database:
        genuine = isinstance(said, dict) and erasure_receipts.is_genuine(said, database.vault().public_key)
    click.echo("This log signed it." if genuine else "This log did not sign it.", err=not genuine)
    if not genuine:
        sys.exit(_FOUND)


def _verify_log(database: Opened) -> int:
    events = 0
    with show_bar("log") as show:

        def note(done: int, rows: int) -> None:
            nonlocal events
            events = rows
            show(done, rows)

        findings = verify_log(database.engine, database.vault(), note)
    for finding in findings:
        click.echo(str(finding))
    click.echo(f"{counted(events, 'event')}, {counted(len(findings), 'finding')}.", err=bool(findings))
    return len(findings)


def _verify_leads(database: Opened, generation_id: int | None, sample: int | None) -> int:
    with show_bar("leads") as show:
        verdict = verifying.verify_leads(
            database.engine, database.vault(), generation_id=generation_id, sample=sample, report=show
        )
    for mismatch in verdict.mismatches:
        click.echo(f"{mismatch.lead_id}: {mismatch.reason}")
    parked, found = f", {verdict.parked} parked passed over" if verdict.parked else "", len(verdict.mismatches)
    mismatches = "1 mismatch" if found == 1 else f"{found} mismatches"
    click.echo(f"{counted(verdict.leads, 'lead')}, {mismatches}{parked}.", err=bool(found))
    return found


def _verify_activity(database: Opened) -> int:
    from lead_events.projections.verifying_activity import verify_activity

    with show_bar("activity") as show:
        verdict = verify_activity(database.engine, database.vault(), show)
    for number in verdict.unreadable:
        click.echo(f"segment {number} of the activity ledger cannot be read")
    for position in verdict.different:
        click.echo(f"position {position}: the activity ledger says something else than the log")
    found = len(verdict.unreadable) + len(verdict.different)
    with reading(database.engine) as connection:
        written = f"{verdict.events} of {counted(read_head(connection).position, 'event')}"
    click.echo(
        f"{written} in the activity ledger, which is written in large pieces; {counted(found, 'finding')}.", err=bool(found)
    )
    return found


def _print_digest(database: Opened, generation_id: int | None) -> None:
    if generation_id is None:
        with reading(database.engine) as connection:
            generation_id = generations.load_live(connection).generation_id
    found = verifying.digest(database.engine, generation_id)
    _print_values({name: getattr(found, name) for name in found.__slots__})


def _print_promotions(database: Opened) -> int:
    """Print the chain of promotions and return how much of it does not fit together."""
    proof = proving.prove(database.engine)
    for link in proof.links:
        click.echo("\npromotion" if link.position else "\nfounding")
        at = None if link.at is None else format_instant(link.at)
        _print_values({**link._asdict(), "at": at})
    click.echo()
    for finding in proof.findings:
        click.echo(finding)
    told = f"{counted(len(proof.links) - 1, 'promotion')}, {counted(len(proof.findings), 'finding')}."
    click.echo(told, err=bool(proof.findings))
    return len(proof.findings)


def _print_values(values: Mapping[str, object]) -> None:
    """Print names and values, a line each; what is not known, or not there, is a dash."""
    for name, value in values.items():
        click.echo(f"{name:<14} {'-' if value is None else value}")
