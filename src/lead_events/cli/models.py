"""``models``: publish, list, show, lint and compare model documents."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any

import click
import orjson

from lead_events.cli.backtest import backtest
from lead_events.cli.documents import FILE, LISTS, load_lists, read_text, report
from lead_events.cli.groups import Group
from lead_events.cli.opening import Opened, opened
from lead_events.cli.tables import print_table

_FOUND = 1


@click.group(cls=Group)
def models() -> None:
    """Model documents: immutable, numbered, with author and note."""


models.add_command(backtest)


@models.command("publish")
@click.argument("file", type=FILE)
@click.option("--author", help="Who answers for it.  [default: your login name]")
@click.option("--note", default="", help="Why; kept for ever.")
def publish(file: Path, *, author: str | None, note: str) -> None:
    """Publish a document under the next number; nothing changes until it is replayed and promoted."""
    from lead_events import clock
    from lead_events.domain import lint
    from lead_events.domain.agreement import approvers_of
    from lead_events.store import models as published
    from lead_events.store.engine import writing

    text = read_text(file)
    with opened() as database:
        carried = _carried(database, text.document)
    if not report(lint.lint(text.document, text.lines, text.traps, carried)):
        sys.exit(_FOUND)
    with opened() as database, writing(database.engine) as connection:
        number = published.publish(connection, text.document, author or getpass.getuser(), note, clock.now())
    click.echo(f"Model {number} is published. See what it would change: ./lead-events replay --model {number}")
    if approvers := approvers_of(text.document):
        click.echo(f"It goes live when {', '.join(approvers)} approved it: ./lead-events models approve {number} --as NAME")


@models.command("approve")
@click.argument("number", type=int)
@click.option("--as", "name", required=True, help="Who approves, as the model's definitions name them.")
@click.option("--note", default="", help="Why, if they want to say.")
def approve(number: int, *, name: str, note: str) -> None:
    """Approve a model in somebody's name; it can be promoted when everybody named has."""
    from lead_events import clock
    from lead_events.store import approvals
    from lead_events.store.engine import writing

    with opened() as database, writing(database.engine) as connection:
        approvals.approve(connection, number, approvals.Approval(name.strip(), clock.now(), "cli", note))
        missing = approvals.load_missing(connection, number)
    rest = f"Still missing: {', '.join(missing)}." if missing else "Everybody named has approved."
    click.echo(f"{name.strip()} approves model {number}. {rest}")


@models.command("approvals")
@click.argument("number", type=int)
def list_approvals(number: int) -> None:
    """Show who must approve a model, and who did."""
    from lead_events.domain.agreement import approvers_of
    from lead_events.domain.times import format_instant
    from lead_events.store import approvals
    from lead_events.store.engine import reading

    with opened() as database, reading(database.engine) as connection:
        named = approvers_of(_load(database, number))
        given = {each.name: each for each in approvals.load(connection, number)}
    rows = [
        (name, ", ".join(definitions), format_instant(given[name].approved_at) if name in given else "missing",
         given[name].note if name in given else "")
        for name, definitions in named.items()
    ]  # fmt: skip
    print_table(("approver", "definitions", "approved", "note"), rows)


@models.command("list")
def list_models() -> None:
    """List published models, oldest first."""
    from lead_events.domain.times import format_instant
    from lead_events.store import models as published
    from lead_events.store.engine import reading

    with opened() as database, reading(database.engine) as connection:
        rows = [
            (str(each.number), str(each.document.get("name") or ""), each.author, each.note, format_instant(each.created_at))
            for each in published.load_all(connection)
        ]
    print_table(("number", "name", "author", "note", "published"), rows)


@models.command("show")
@click.argument("number", type=int)
@click.option("--yaml", "as_yaml", is_flag=True, help="As YAML, to change a copy of it.")
def show(number: int, *, as_yaml: bool) -> None:
    """Print a published document as JSON, or as YAML."""
    with opened() as database:
        document = _load(database, number)
    if as_yaml:
        import yaml

        text = yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=120, default_flow_style=None)
        click.echo(text, nl=False)
    else:
        click.echo(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())


@models.command("lint")
@click.argument("file", type=FILE)
@click.option("--against-log", is_flag=True, help="Also name traits that no event of the last 90 days carried.")
def lint_file(file: Path, *, against_log: bool) -> None:
    """Look through a document and run its tests: every mistake with its line, a reason and a suggestion.

    Needs no database, unless you ask for --against-log.
    """
    from lead_events.domain import lint

    text = read_text(file)
    carried = None
    if against_log:
        with opened() as database:
            carried = _carried(database, text.document)
    if not report(lint.lint(text.document, text.lines, text.traps, carried)):
        sys.exit(_FOUND)
    click.echo("It can be published.")


@models.command("preview")
@click.argument("file", type=FILE, required=False)
@LISTS
@click.option("--json", "as_json", is_flag=True, help="Each report as one line of JSON, as POST /v1/models/preview gives it.")
def preview(file: Path | None, *, lists: Path | None, as_json: bool) -> None:
    """Show what a document would change if it were live now; writes nothing. Ctrl-C ends it with the sample so far.

    With --lists and without FILE it shows what other lists would change under the live model.
    """
    from lead_events.cli import preview_report
    from lead_events.domain.model import compile_model

    if file is None and lists is None:
        raise click.UsageError("Name the file of a model, or one of lists with --lists, or both.")
    given = None if file is None else _checked(file)
    with opened() as database:
        document = _load_live(database) if given is None else given
        is_exact = preview_report.run(database, compile_model(document, load_lists(database, lists)), as_json=as_json)
    if not is_exact:
        sys.exit(_FOUND)
    if not as_json:
        publish_them = [f"./lead-events {kind} publish {path}" for kind, path in (("lists", lists), ("models", file)) if path]
        click.echo(f"Nothing changed. Publish it: {' and '.join(publish_them)}")


@models.command("diff")
@click.argument("old")
@click.argument("new")
def diff(old: str, new: str) -> None:
    """Say in words what differs between two documents: numbers of published ones, or files."""
    from lead_events.domain import model_diff

    found = model_diff.diff(find_document(old), find_document(new))
    for each in found:
        click.echo(each.words)
    if not found:
        click.echo("They say the same.")


@models.command("diagram")
@click.argument("model")
@click.option("--format", "form", type=click.Choice(["svg", "mermaid"]), default="mermaid", show_default=True)
def draw(model: str, *, form: str) -> None:
    """Draw the stage chart of a document: the number of a published one, or a file."""
    from lead_events.domain import diagram
    from lead_events.domain.diagram_svg import draw_svg
    from lead_events.domain.document import ModelDocument

    number = int(model) if model.isdigit() and not Path(model).exists() else None
    chart = diagram.read_chart(ModelDocument.model_validate(find_document(model)), number)
    click.echo(diagram.draw_mermaid(chart) if form == "mermaid" else draw_svg(chart), nl=False)


def _carried(database: Opened, document: object) -> set[str] | None:
    """Return those of the traits a document asks for that recent events carried; None when that cannot be said."""
    from lead_events import clock
    from lead_events.domain import lint_traits
    from lead_events.domain.times import DAY
    from lead_events.store.carried import read_carried
    from lead_events.store.engine import reading

    with reading(database.engine) as connection:
        return read_carried(connection, lint_traits.asked(document), clock.now() - lint_traits.CARRIED_DAYS * DAY)


def _checked(file: Path) -> dict[str, Any]:
    """Return the document of a file, or say what is wrong with it and end."""
    from lead_events.domain import lint

    text = read_text(file)
    if not report(lint.lint(text.document, text.lines, text.traps)):
        sys.exit(_FOUND)
    document: dict[str, Any] = text.document
    return document


def find_document(name: str) -> dict[str, Any]:
    """Return a published document by its number, or that of a file, which must be one that can be published.

    What is wrong with a file is said as lint says it, and ends the command.

    Raises:
        NotFound: no model has that number.
    """
    from lead_events.domain import lint

    if name.isdigit() and not Path(name).exists():
        with opened() as database:
            return _load(database, int(name))
    if not Path(name).is_file():
        raise click.UsageError(f"{name} is neither the number of a model nor a file.")
    text = read_text(Path(name))
    try:
        lint.check(text.document, text.lines, text.traps)
    except lint.RefusedModel as error:
        click.echo(f"{name} cannot be used:", err=True)
        report(list(error.findings))
        sys.exit(_FOUND)
    document: dict[str, Any] = text.document
    return document


def _load(database: Opened, number: int) -> dict[str, Any]:
    from lead_events.store import models as published
    from lead_events.store.engine import reading

    with reading(database.engine) as connection:
        return published.load(connection, number).document


def _load_live(database: Opened) -> dict[str, Any]:
    from lead_events.store import generations
    from lead_events.store.engine import reading

    with reading(database.engine) as connection:
        number = generations.load_live(connection).model_number
    return _load(database, number)
