"""Tables for people, which lose nothing in a narrow terminal, plain tab-separated lines in a pipe, and counts in words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH = 100
"""Columns of a report in a file or a pipe."""
_WORD = 12
"""Characters; what is no longer than that is never broken, such as a number with its unit."""


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows; a pipe gets one line per row, for other programs."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row))
        return
    console = open_console()
    console.print(build_table(console.width, headings, rows))


def open_console() -> Console:
    """Return what reports are printed on: as wide as the terminal, or as a page; texts are printed as they are."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(width=WIDTH, highlight=False, markup=False)


def build_table(width: int, headings: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None = None) -> Table:
    """Lay a table out so that nothing of it is cut off: sentences are wrapped first, and words broken only if they must be.

    Args:
        width: of the terminal, in characters.
    """
    table = Table(title=None if title is None else Text(title), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    columns = [[heading, *(str(row[index]) for row in rows)] for index, heading in enumerate(headings)]
    longest = [max(len(line) for cell in cells for line in (cell or " ").split("\n")) for cells in columns]
    whole = [max((len(word) for cell in cells for word in _words(cell)), default=1) for cells in columns]
    fits = sum(whole) + 2 * len(columns) <= width
    for heading, most, least in zip(headings, longest, whole, strict=True):
        table.add_column(heading, overflow="fold", no_wrap=fits and most == least, min_width=least if fits else None)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return table


def counted(number: int, noun: str) -> str:
    """Return how many there are of something, as people say it: ``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _words(cell: str) -> list[str]:
    """Return what of a cell stays together."""
    return [cell] if len(cell) <= _WORD else cell.split()
