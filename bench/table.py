"""Rows of the result, and how they are shown: on the console, as JSON, as a page of the docs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

HEADINGS = ("figure", "database", "value", "limit", "peer", "ratio", "processor time", "asked", "reached")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure on one database.

    Attributes:
        value: what was measured, with its unit.
        limit: what the machine can do at best, measured in the same run.
        peer: what somebody else's software does, measured in the same run.
        ratio: of the value to the limit or the peer, and to which.
        cpu: processor time for one event or request, which a busy machine disturbs least.
        asked: what the figure must reach.
        reached: whether it did; None when nothing was asked or it could not be measured.
        note: what a reader must know to judge it; one sentence.
        raw: the numbers behind it, for JSON.
    """

    figure: str
    database: str
    value: str
    limit: str = "–"
    peer: str = "–"
    ratio: str = "–"
    cpu: str = "–"
    asked: str = "–"
    reached: bool | None = None
    note: str = ""
    raw: dict[str, Any] = field(default_factory=dict)

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the columns of the table."""
        reached = {True: "yes", False: "**no**", None: "–"}[self.reached]
        return (self.figure, self.database, self.value, self.limit, self.peer, self.ratio, self.cpu, self.asked, reached)


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows as JSON."""
    return [asdict(row) for row in rows]


def as_text(rows: Sequence[Row]) -> str:
    """Return an aligned table for a terminal."""
    cells = [HEADINGS, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)


def as_markdown(rows: Sequence[Row]) -> str:
    """Return a table for the docs, with the notes below it."""
    notes = list(dict.fromkeys(row.note for row in rows if row.note))
    numbers = {note: number for number, note in enumerate(notes, 1)}
    lines = ["| " + " | ".join(HEADINGS) + " |", "|" + "---|" * len(HEADINGS)]
    for row in rows:
        figure, *rest = row.cells
        mark = f" ({numbers[row.note]})" if row.note else ""
        lines.append("| " + " | ".join([figure + mark, *rest]) + " |")
    return "\n".join([*lines, "", *(f"{number}. {note}" for note, number in numbers.items())])


def per_second(rate: float) -> str:
    """Write a rate."""
    return f"{rate:,.0f}/s"


def microseconds(seconds: float) -> str:
    """Write a short duration."""
    return f"{seconds * 1e6:,.0f} µs"


def milliseconds(seconds: float) -> str:
    """Write a duration."""
    return f"{seconds * 1e3:,.1f} ms"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile; not a number when there is no value."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
