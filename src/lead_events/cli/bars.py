"""Progress on standard error: how far, how fast, how long still; nothing when it is not a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def show_bar(
    name: str, *, unit: Literal["events", "bytes"] = "events", shown: bool = True
) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while the block runs.

    Returns:
        A function to call with (done since the last call, total).
    """
    count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = TextColumn(name), BarColumn(), count, TimeRemainingColumn(elapsed_when_finished=True)
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal)) as bar:
        task = bar.add_task(name, total=None)

        def advance(done: int, total: int) -> None:
            bar.update(task, advance=done, total=total)

        yield advance
