"""Rows of a CSV file to candidates, as a map says: one row may tell of several events.

Event ids derive from the map, the row's key and the event's name. An event that may be corrected carries a digest of its
content in its id, so that a changed row is another event; any other keeps its id, and changed content is quarantined.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from lead_events.domain.errors import InvalidEvent, LeadEventsError, wrong_field
from lead_events.domain.identifiers import normalise_email, normalise_phone
from lead_events.domain.times import Instant
from lead_events.domain.wire import admit
from lead_events.transfer.candidates import Candidate, Judged, reject
from lead_events.transfer.csv_map import Cell, CsvMap, Headings, RowEvent
from lead_events.transfer.csv_values import read_date, read_decimal
from lead_events.transfer.reading import write_row

Wire = dict[str, Any]

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_MOST_ID = 128
_YES = frozenset({"1", "true", "yes", "y", "x", "да"})
_CACHED = 65_536


@dataclass(frozen=True, slots=True)
class RowRules:
    """What judging a row needs to know besides the row.

    Attributes:
        heading: the file's headings.
        phone_region: default country of phone numbers, ISO 3166 alpha-2, or None.
        announce: whether what the events change is to be told.
    """

    map: CsvMap
    heading: tuple[str, ...]
    delimiter: str
    phone_region: str | None = None
    announce: bool = False


def judge_rows(rules: RowRules, rows: Sequence[tuple[int, list[str]]], now: Instant) -> list[Judged]:
    """Judge rows, given with their line numbers.

    Args:
        now: the present, microseconds UTC, at which they arrive.
    """
    events = rules.map.all_events()
    return [each for line, cells in rows if any(cells) or not cells for each in _judge(rules, events, line, cells, now)]


def missing_columns(document: CsvMap, heading: Iterable[str]) -> list[str]:
    """Return what a map asks for and a file lacks in every spelling: the key, who it is about, and when.

    Returns:
        One text for each, such as ``key: Record ID``; empty when rows can be read.
    """
    present = set(heading)
    who = document.identifiers
    people = [who.email, who.phone, who.user_id, who.anonymous_id, *who.crm_ids.values()]
    missing = [] if present.intersection(document.key) else [f"key: {' or '.join(document.key)}"]
    if not any(present.intersection(each or ()) for each in people):
        missing.append(f"identifiers: {' or '.join(name for each in people for name in each or ())}")
    if not any(present.intersection(event.occurred_at) for event in document.all_events()):
        times = dict.fromkeys(name for event in document.all_events() for name in event.occurred_at)
        missing.append(f"occurred_at: {' or '.join(times)}")
    return missing


def _judge(rules: RowRules, events: Sequence[RowEvent], line: int, cells: list[str], now: Instant) -> Iterator[Judged]:
    text = write_row(cells, rules.delimiter).encode(errors="surrogateescape").decode(errors="replace")
    try:
        row = _Row(rules, cells)
        wires = [(event, row.write(event)) for event in events if row.has(event)]
        if not wires:
            raise InvalidEvent("no_event", "The row tells of no event: the columns with its times are empty.")
    except LeadEventsError as error:
        yield reject(line, error, text)
        return
    for event, wire in wires:
        try:
            yield _admit(rules, row.key, event, wire, line, now)
        except LeadEventsError as error:
            yield reject(line, InvalidEvent(getattr(error, "code", ""), f"event {event.name}: {error}"), text)


def _admit(rules: RowRules, key: str, event: RowEvent, wire: Wire, line: int, now: Instant) -> Candidate:
    wire["event_id"] = write_id(rules.map.name, key, event, wire)
    region = rules.phone_region
    new = admit(wire, arrival=now, trusted=True, phone_region=region, new_event_id=str)
    new.plain["announce"] = rules.announce
    return Candidate(line, None, new, now)


def write_id(map_name: str, key: str, event: RowEvent, wire: Wire) -> str:
    """Return the id of a row's event; the same row gives the same one in every file."""
    digest = f":{_digest(orjson.dumps(wire, option=orjson.OPT_SORT_KEYS), 12)}" if event.appends else ""
    event_id = f"import:{map_name}:{key}:{event.name}{digest}"
    if _PLAIN_KEY.fullmatch(key) and len(event_id) <= _MOST_ID:
        return event_id
    return f"import:{map_name}:sha256-{_digest(key.encode(), 32)}:{event.name}{digest}"


def _digest(content: bytes, digits: int) -> str:
    return hashlib.sha256(content).hexdigest()[:digits]


class _Row:
    """One row by its headings, and what it says of a person."""

    def __init__(self, rules: RowRules, cells: list[str]) -> None:
        if len(cells) != len(rules.heading):
            detail = f"The row has {len(cells)} columns and the heading {len(rules.heading)}; look for an unclosed quote."
            raise InvalidEvent("wrong_columns", detail)
        self._rules = rules
        self._cells = {name: cell.strip() for name, cell in zip(rules.heading, cells, strict=True) if _is_text(cell)}
        self.key = self.first(rules.map.key) or ""
        if not self.key:
            raise InvalidEvent("missing_key", f"The row has no key: {' or '.join(rules.map.key)} is empty.")
        self._traits = _read_cells(self, rules.map.traits)
        self._who, self._contacts = self._identify()

    def first(self, headings: Headings | None) -> str | None:
        """Return the first filled cell of some columns."""
        return next((text for name in headings or () if (text := self._cells.get(name))), None)

    def has(self, event: RowEvent) -> bool:
        """Say whether the row tells of an event."""
        if event.when is not None:
            text = self.first(event.when.column)
            return text is not None and (not event.when.one_of or text.casefold() in _folded(event.when.one_of))
        return self.first(event.occurred_at) is not None

    def write(self, event: RowEvent) -> Wire:
        """Write an event of the row as the wire takes it, without its id."""
        contacts = self._contacts
        named = {name: contacts[name] for name in ("email", "phone") if name in contacts}
        traits = {**self._traits, **contacts} if event.traits else named
        occurred_at = self._instant(event.occurred_at, "occurred_at")
        known_at = self.first(event.known_at) and self._instant(event.known_at or (), "known_at")
        campaign = _read_cells(self, event.campaign)
        wire: Wire = {
            "type": event.type,
            **self._who,
            "traits": traits,
            "occurred_at": occurred_at,
            "known_at": known_at or occurred_at,
            "properties": _read_cells(self, event.properties),
            "context": {"campaign": campaign} if campaign else None,
            "author": None if event.author is None else read_cell(self, event.author),
        }
        return {name: value for name, value in wire.items() if value}

    def _instant(self, headings: Headings, field: str) -> str:
        text = self.first(headings)
        if text is None:
            raise wrong_field(f"/{field}", f"{' or '.join(headings)} is empty.", "invalid_time")
        found = read_date(text, self._rules.map.dates)
        if found is None:
            formats = ", ".join(self._rules.map.dates.formats)
            raise wrong_field(f"/{field}", f"this is not a date in any of the map's formats: {formats}.", "invalid_time")
        return found

    def _identify(self) -> tuple[Wire, Wire]:
        """Read who the row is about; a contact that is none is kept as a trait as long as something else names the person."""
        columns = self._rules.map.identifiers
        who: Wire = {"user_id": self.first(columns.user_id), "anonymous_id": self.first(columns.anonymous_id)}
        crm_ids = {system: self.first(headings) for system, headings in columns.crm_ids.items()}
        who["crm_ids"] = {system: text for system, text in crm_ids.items() if text}
        who = {name: value for name, value in who.items() if value}
        contacts: Wire = {}
        wrong: LeadEventsError | None = None
        for name, headings, check in (("email", columns.email, normalise_email), ("phone", columns.phone, self._phone)):
            text = self.first(headings)
            try:
                if text is not None:
                    contacts[name] = check(text)
            except InvalidEvent as error:
                wrong = error
                contacts[f"{name}_as_written"] = text
        if wrong is not None and not who and not {"email", "phone"} & contacts.keys():
            raise wrong
        return who, contacts

    def _phone(self, text: str) -> str:
        return normalise_phone(text, self._rules.phone_region)


def _is_text(cell: str) -> bool:
    """Let a cell pass that is text of the file's encoding."""
    if "\0" in cell:
        raise InvalidEvent("invalid_text", "The row holds a NUL character.")
    try:
        cell.encode()
    except UnicodeEncodeError:
        detail = "The row is not in the encoding of the file; name another with --encoding."
        raise InvalidEvent("invalid_text", detail) from None
    return True


def _read_cells(row: _Row, cells: Mapping[str, Cell]) -> Wire:
    found = {name: read_cell(row, cell) for name, cell in cells.items()}
    return {name: value for name, value in found.items() if value is not None and value != ""}


def read_cell(row: _Row, cell: Cell) -> Any:
    """Return the value of a cell in the form that the map wants; None when it is empty."""
    if cell.constant is not None:
        return cell.constant
    text = row.first(cell.column)
    if text is None:
        return None
    if cell.values:
        means = {name.casefold(): value for name, value in cell.values.items()}
        if text.casefold() in means:
            return means[text.casefold()]
    return _FORMS[cell.form](text, cell)


def _number(text: str, _cell: Cell) -> Any:
    plain = read_decimal(text)
    if plain is None:
        return text
    return float(plain) if "." in plain else int(plain)


def _amount(text: str, _cell: Cell) -> Any:
    return read_decimal(text) or text


def _list(text: str, cell: Cell) -> list[str]:
    return [part.strip() for part in text.split(cell.separator) if part.strip()]


_FORMS: dict[str, Callable[[str, Cell], Any]] = {
    "text": lambda text, _cell: text,
    "number": _number,
    "amount": _amount,
    "boolean": lambda text, _cell: text.casefold() in _YES,
    "list": _list,
    "day": lambda text, _cell: text[:10],
}


@lru_cache(_CACHED)
def _folded(texts: tuple[str, ...]) -> frozenset[str]:
    return frozenset(text.casefold() for text in texts)
