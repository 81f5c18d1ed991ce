"""Files cut into pieces for judges: whole lines of JSON, whole rows of CSV, each with its number and its bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from lead_events import clock
from lead_events.domain.errors import InvalidInput
from lead_events.transfer.judging import Piece

PIECE_BYTES = 512 * 1024
PIECE_ROWS = 1_000
DELIMITERS = (",", ";", "\t", "|")
_MOST_FIELD_BYTES = 1024 * 1024


def read_lines(path: Path) -> Iterator[Piece]:
    """Cut a file of JSON lines into pieces ``(number of the first line, lines, now)``."""
    number = 1
    with path.open("rb") as file:
        while lines := file.readlines(PIECE_BYTES):
            yield Piece((number, lines, clock.now()), sum(map(len, lines)))
            number += len(lines)


def read_heading(path: Path, encoding: str, delimiter: str | None = None) -> tuple[list[str], str]:
    """Read the first row of a CSV file.

    Args:
        encoding: a name that Python knows.
        delimiter: None takes the one that divides the heading into most columns.

    Returns:
        The headings, without surrounding blanks, and the delimiter.

    Raises:
        InvalidInput: the file is empty, or not in this encoding.
    """
    with path.open("rb") as file:
        text = file.read(PIECE_BYTES)
    try:
        heading = io.StringIO(text.decode(encoding, "strict" if len(text) < PIECE_BYTES else "ignore"), newline="")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path.name} is not in {encoding}; name its encoding with --encoding.") from None
    found = {}
    for each in (delimiter,) if delimiter else DELIMITERS:
        heading.seek(0)
        found[each] = next(csv.reader(heading, delimiter=each), [])
    best = max(found, key=lambda each: len(found[each]))
    if not any(found[best]):
        raise InvalidInput(f"{path.name} has no heading row.")
    return [name.strip() for name in found[best]], best


def read_rows(path: Path, encoding: str, delimiter: str) -> Iterator[Piece]:
    """Cut a CSV file into pieces ``(rows as (line number, cells), now)``, the heading left out.

    Bytes that are not of the encoding become lone surrogates, which the judge refuses row by row.
    """
    csv.field_size_limit(_MOST_FIELD_BYTES)
    with path.open("rb") as file, io.TextIOWrapper(file, encoding, "surrogateescape", newline="") as text:
        reader = csv.reader(text, delimiter=delimiter)
        next(reader, None)
        at, rows, first = 0, list[tuple[int, list[str]]](), reader.line_num + 1
        for row in _rows(reader):
            rows.append((first, row))
            first = reader.line_num + 1
            if len(rows) == PIECE_ROWS:
                yield Piece((rows, clock.now()), file.tell() - at)
                at, rows = file.tell(), []
        yield Piece((rows, clock.now()), file.tell() - at)


def write_row(cells: Sequence[str], delimiter: str) -> str:
    """Write a row as it could stand in a CSV file."""
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="").writerow(cells)
    return text.getvalue()


def _rows(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    """Yield rows; one that the reader refuses becomes a row of no cells, which the judge refuses by name."""
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield []
