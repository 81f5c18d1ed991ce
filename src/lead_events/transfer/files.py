"""A file to import, of either form: what to note before it is read, and its verdicts in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lead_events.domain.errors import InvalidInput
from lead_events.transfer.csv_map import CsvMap, load_map
from lead_events.transfer.csv_rows import RowRules, judge_rows, missing_columns
from lead_events.transfer.jsonl import LineRules, judge_lines
from lead_events.transfer.judging import Judge, Piece, Verdict, judge_apart, judge_here
from lead_events.transfer.reading import read_heading, read_lines, read_rows

LARGE = 4 * 1024 * 1024
"""From so many bytes on, other processes judge: starting one takes about as long as judging that much."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that can be read.

    Attributes:
        notes: what a person should know before it is imported.
    """

    notes: Sequence[str]
    size: int
    judge: Judge
    rules: Any
    read: Callable[[], Iterator[Piece]]

    def verdicts(self) -> Iterator[Verdict]:
        """Read and judge the file, in order."""
        judging = judge_apart if self.size >= LARGE else judge_here
        return judging(self.judge, self.rules, self.read())


def open_source(
    path: Path, map_name: str | None, *, phone_region: str | None, announce: bool = False, encoding: str | None = None
) -> Source:
    """Prepare to read a file of JSON lines, or with a map one of CSV.

    Args:
        map_name: a file, or the name of a shipped map; None for JSON lines.
        phone_region: default country of phone numbers, ISO 3166 alpha-2, or None.
        encoding: of a CSV file; None takes the map's.

    Raises:
        InvalidInput: the map cannot be used, or the file lacks the columns without which no row can be read.
    """
    size = path.stat().st_size
    if map_name is None:
        return Source((), size, judge_lines, LineRules(phone_region, announce), lambda: read_lines(path))
    document = load_map(map_name)
    encoding = _check_encoding(encoding or document.encoding)
    heading, delimiter = read_heading(path, encoding, document.delimiter)
    missing = missing_columns(document, heading)
    if missing:
        raise InvalidInput(f"{path.name} does not fit the map {document.name}; it lacks {'; '.join(missing)}.")
    rules = RowRules(document, tuple(heading), delimiter, phone_region, announce)
    return Source(_note(document, heading), size, judge_rows, rules, lambda: read_rows(path, encoding, delimiter))


def _check_encoding(name: str) -> str:
    """Let an encoding pass that Python knows; UTF-8 with or without a byte order mark."""
    try:
        "".encode(name)
    except LookupError:
        raise InvalidInput(f"There is no encoding {name}; utf-8 and cp1251 are usual.") from None
    return "utf-8-sig" if name.lower().replace("_", "-") in {"utf-8", "utf8"} else name


def _note(document: CsvMap, heading: Sequence[str]) -> list[str]:
    used = document.headings()
    unused = [name for name in heading if name and name not in used]
    return [f"Columns that the map does not use: {', '.join(unused)}"] if unused else []
