"""``settings``, ``openapi`` and ``docs``: what describes itself, printed or written where it is committed."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import orjson

from lead_events.api import openapi as description
from lead_events.app import asgi
from lead_events.cli import pages
from lead_events.cli.opening import load_settings
from lead_events.cli.tables import print_table
from lead_events.domain.errors import InvalidInput

_DRIFT = 1
_SOURCES = Path(__file__).resolve().parents[3]

_ROOT = click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), default=_SOURCES, help="The folder of the sources."
)
_CHECK = click.option("--write/--check", "write", default=True, help="Write the files, or fail where they differ.")


@click.command()
def settings() -> None:
    """Print every setting, its value now and what it does; secrets are masked."""
    print_table(("variable", "value", "meaning"), pages.current_settings(load_settings()))


@click.command()
@_CHECK
@_ROOT
def openapi(*, write: bool, root: Path) -> None:
    """Write or check openapi/: the API, every event type and the model document."""
    files = {"openapi.json": _json(asgi.describe_api()), "model.schema.json": _json(description.model_schema())}
    for name, schema in description.event_schemas().items():
        files[f"events/{name}.schema.json"] = _json(schema)
    _keep(root / "openapi", files, write=write, command="openapi")


@click.command()
@_CHECK
@_ROOT
def docs(*, write: bool, root: Path) -> None:
    """Write or check the generated pages of docs/reference/."""
    from lead_events.cli import commands

    files = {name: text.encode() for name, text in pages.render_all(commands, asgi.describe_api()).items()}
    _keep(root / "docs" / "reference", files, write=write, command="docs")


def _keep(folder: Path, files: dict[str, bytes], *, write: bool, command: str) -> None:
    """Write files, or say which of them are not as they would be written.

    Raises:
        InvalidInput: the folder of the sources is not there.
    """
    if not (folder.parent if folder.name != "reference" else folder.parents[1]).is_dir():
        raise InvalidInput(f"There are no sources in {folder.parent}; name them with --root.")
    stale = _stale(folder, files)
    if not write:
        for name in stale:
            click.echo(f"{folder.name}/{name} is out of date", err=True)
        if stale:
            click.echo(f"Run: ./lead-events {command}", err=True)
            sys.exit(_DRIFT)
        return
    for name in stale:
        path = folder / name
        if name in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
        else:
            path.unlink()
    click.echo(f"{len(stale)} of {len(files)} files written.")


def _stale(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Return the files that differ, are missing, or belong to an event type that is gone."""
    differ = {name for name, text in files.items() if not (folder / name).exists() or (folder / name).read_bytes() != text}
    gone = {path.relative_to(folder).as_posix() for path in folder.glob("events/*.schema.json")} - set(files)
    return sorted(differ | gone)


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
