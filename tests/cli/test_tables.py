"""Tables in a terminal: whatever its width, nothing of them is cut off."""

from __future__ import annotations

import re
from io import StringIO

import pytest
from rich.console import Console

from lead_events.cli.tables import build_table

Rows = list[tuple[str, ...]]

KEYS = ("key", "kind", "scopes", "created", "note")
ROWS: Rows = [
    ("e9ac7c01", "write", "track", "2026-11-22T08:42:37.483855Z", ""),
    ("31304ff2", "secret", "events:read\nsettings:write", "2026-11-22T08:42:37.488276Z", "for the CRM of the northern branch"),
]
JUDGED = ("rule", "points", "leads", "good", "precision", "recall", "lift", "verdict")
RULES: Rows = [("webinar-registered", "+10", "106", "21", "11.2 %", "100.0 %", "4.29", "never fires")]


def printed(width: int, headings: tuple[str, ...], rows: Rows) -> list[str]:
    """Return the lines that a terminal shows."""
    console = Console(width=width, file=StringIO(), highlight=False, markup=False)
    console.print(build_table(width, headings, rows, "A title"))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(("headings", "rows"), [(KEYS, ROWS), (JUDGED, RULES)])
def test_eighty_columns_hold_every_word_unbroken(headings: tuple[str, ...], rows: Rows) -> None:
    """Instants, numbers with their unit and names stay whole; sentences are wrapped."""
    lines = printed(80, headings, rows)
    words = {word for row in (headings, *rows) for cell in row for word in cell.split()}
    assert [word for word in words if not any(word in line for line in lines)] == []
    assert max(map(len, lines)) <= 80
    assert all("100.0 %" in line for line in lines if "webinar-registered" in line)


@pytest.mark.parametrize("width", [24, 40, 60])
def test_a_narrower_terminal_breaks_words_and_loses_no_letter(width: int) -> None:
    """There is no ellipsis for what does not fit."""
    lines = printed(width, KEYS, ROWS)
    shown = "".join(lines)
    assert max(map(len, lines)) <= width
    assert "…" not in shown
    for letter in set(re.sub(r"\s", "", "".join("".join(row) for row in ROWS))):
        assert shown.count(letter) >= sum(cell.count(letter) for row in ROWS for cell in row), letter


def test_what_looks_like_markup_is_printed_as_it_is() -> None:
    """Brackets in a note are no colour."""
    assert any("[red]sale[/red]" in line for line in printed(80, ("note",), [("[red]sale[/red]",)]))
