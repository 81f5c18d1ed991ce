"""Documents that people write, from files: read, what is wrong with them said, and lists found for a preview."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from lead_events.cli.opening import Opened
from lead_events.cli.tables import counted
from lead_events.domain.lists import Lists
from lead_events.domain.model_text import ModelText, read_json, read_yaml

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
LISTS = click.option("--lists", type=FILE, metavar="FILE", help="With these lists.  [default: those published last]")

_FOUND = 1


def read_text(file: Path) -> ModelText:
    """Read a file, or say on which line it cannot be read and end."""
    from lead_events.domain.errors import InvalidJson
    from lead_events.domain.findings import Finding, Severity
    from lead_events.domain.model_text import UnreadableModel

    try:
        if file.suffix == ".json":
            return read_json(file.read_bytes())
        return read_yaml(file.read_text(encoding="utf-8-sig"))
    except UnreadableModel as error:
        found = error.finding
    except InvalidJson as error:
        found = Finding(Severity.ERROR, "", None, f"this is not JSON that can be kept: {error.args[0]}")
    except UnicodeDecodeError:
        found = Finding(Severity.ERROR, "", None, "this is no text in UTF-8; save it as UTF-8")
    click.echo(f"{file} cannot be read:", err=True)
    report([found])
    sys.exit(_FOUND)


def report(findings: list[Any]) -> bool:
    """Print what lint found and say whether the document can be published."""
    from lead_events.domain.findings import Severity

    for finding in findings:
        click.echo(str(finding), err=True)
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    if errors:
        told = f"{counted(errors, 'error')}, {counted(len(findings) - errors, 'warning')}"
        click.echo(f"{told}; nothing can be published yet.", err=True)
    return errors == 0


def check_lists(file: Path) -> dict[str, Any]:
    """Return the lists document of a file as it is kept, its warnings said, or say what is wrong with it and end."""
    from lead_events.domain import lint_lists

    text = read_text(file)
    try:
        document, warnings = lint_lists.check(text.document, text.lines)
    except lint_lists.RefusedLists as error:
        report(list(error.findings))
        sys.exit(_FOUND)
    report(warnings)
    return document


def load_lists(database: Opened, file: Path | None) -> Lists:
    """Return the lists of a file, or those that were published last."""
    from lead_events.domain.lists import compile_lists
    from lead_events.store import lists
    from lead_events.store.engine import reading

    if file is not None:
        return compile_lists(check_lists(file))
    with reading(database.engine) as connection:
        return lists.load_compiled(connection)
