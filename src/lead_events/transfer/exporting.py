"""The log as JSON lines: each event as ``POST /v1/events`` takes it, and beside it what the log decided about it.

An anonymous id is kept as a keyed hash only, so its pseudonym is written instead; a lead is named by the event that founded
it. Importing every line into an empty log gives the same leads. Which events are wanted is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Row

from lead_events.domain.consent import STAMPS
from lead_events.domain.errors import LeadEventsError, NotFound
from lead_events.domain.events import Event, IdentifierKind
from lead_events.domain.identity import MERGED, MERGES
from lead_events.domain.lead_id import addressed_lead, decode_lead_id
from lead_events.domain.times import format_instant
from lead_events.store import identity, log, lookups, sources
from lead_events.store import vault as vaults
from lead_events.store.engine import reading
from lead_events.store.envelope import sort_refs
from lead_events.store.opening import open_events
from lead_events.store.vault import LOG_REF, Vault

PAGE_EVENTS = 2_000

Line = dict[str, Any]
_FIELDS = ("user_id", "crm_ids", "author", "occurred_at", "known_at", "announce", "traits", "properties", "context", *STAMPS)


@dataclass(slots=True)
class Page:
    """A piece of an export.

    Attributes:
        lines: one per event that can be read, in log order.
        position: the last position that was looked at.
        last: the last position of the whole export.
        unreadable: positions and reasons of events that cannot be read.
        foundings: the leads whose events these are, as far as identity is decided.
    """

    lines: list[Line]
    position: int
    last: int
    unreadable: list[tuple[int, str]] = field(default_factory=list)
    foundings: set[int] = field(default_factory=set)


def export(engine: Engine, vault: Vault, *, after: int = 0, source: str | None = None) -> Iterator[Page]:
    """Yield the events after a position up to the present end of the log, page by page.

    Args:
        after: positions up to this one are left out.
        source: the only source wanted; None for all.

    Raises:
        NotFound: there is no such source.
    """
    with reading(engine) as connection:
        last = log.read_head(connection).position
        names = load_names(connection)
    source_id = None if source is None else _find(names, source)
    while after < last:
        with reading(engine) as connection:
            rows = lookups.read_sent(connection, after, last, PAGE_EVENTS, source_id)
            after = rows[-1].position if len(rows) == PAGE_EVENTS else last
            page = Page([], after, last, foundings=_load_owners(connection, rows))
            for row, line in zip(rows, write_lines(connection, vault, rows, names), strict=True):
                if isinstance(line, str):
                    page.unreadable.append((row.position, line))
                else:
                    page.lines.append(line)
        yield page


def load_names(connection: Connection) -> dict[int, str | None]:
    """Return the names of all sources; the service itself has none."""
    return {sources.SERVICE: None, **sources.read_names(connection)}


def write_lines(
    connection: Connection, vault: Vault, rows: Sequence[Row[Any]], names: Mapping[int, str | None]
) -> list[Line | str]:
    """Write event rows as lines of an export.

    Returns:
        One line per row; for a row that cannot be read, the reason as a text.
    """
    foundings = _load_foundings(connection, vault.log_id, rows)
    lines: list[Line | str] = []
    for row, event in zip(rows, open_events(connection, vault, rows), strict=True):
        try:
            lines.append(_write(connection, vault, row, event, names, foundings))
        except LeadEventsError as error:
            lines.append(str(error))
    return lines


def _load_owners(connection: Connection, rows: Sequence[Row[Any]]) -> set[int]:
    """Return the leads that own event rows."""
    named = [identity.name(row) for row in rows]
    known = identity.load_known(connection, named, identity.read_checkpoint(connection))
    return {founding for event in named if (founding := known.lead_of(event)) is not None}


def _find(names: Mapping[int, str | None], source: str) -> int:
    found = next((number for number, name in names.items() if name == source), None)
    if found is None:
        raise NotFound("source", source)
    return found


def _load_foundings(connection: Connection, log_id: bytes, rows: Sequence[Row[Any]]) -> dict[int, tuple[int, str]]:
    """Return source and id of the events that founded the leads which these rows address, merge or part."""
    wanted = {founding for row in rows if (founding := _addressed(row)) is not None}
    wanted.update(founding for row in rows for founding in _merged(log_id, row).values())
    if not wanted:
        return {}
    origins = lookups.load_origins(connection, wanted)
    return {position: (origin.source_id, origin.event_id) for position, origin in origins.items()}


def _addressed(row: Row[Any]) -> int | None:
    return None if row.subject == LOG_REF else addressed_lead(row.subject)


def _merged(log_id: bytes, row: Row[Any]) -> dict[str, int]:
    """Return the leads that an event merges or parts, by the property that names each: their ids mean something here only."""
    if row.type not in MERGES:
        return {}
    properties = orjson.loads(row.body).get("properties") or {}
    found = {name: decode_lead_id(log_id, str(properties.get(name))) for name in MERGED}
    return {name: founding for name, founding in found.items() if founding is not None}


def _write(
    connection: Connection,
    vault: Vault,
    row: Row[Any],
    event: Event,
    names: Mapping[int, str | None],
    foundings: Mapping[int, tuple[int, str]],
) -> Line:
    fields = event.fields
    line: Line = {
        "position": row.position,
        "source": _name(names, row.source_id),
        "event_id": row.event_id,
        "type": row.type,
        "at": format_instant(row.at),
        "received_at": format_instant(row.received_at),
        "trusted": fields.get("trusted") is True,
    }
    founding = _addressed(row)
    if founding is not None:
        line["lead"] = _founder(names, foundings, founding)
    merged = _merged(vault.log_id, row)
    if merged:
        line["leads"] = {name: _founder(names, foundings, founding) for name, founding in merged.items()}
    if event.anonymous is not None:
        line["anonymous_ref"] = event.anonymous.hex()
    refs = _nameless(connection, vault, row, fields)
    if refs:
        line["refs"] = refs
    line.update((name, fields[name]) for name in _FIELDS if name in fields)
    return line


def _founder(names: Mapping[int, str | None], foundings: Mapping[int, tuple[int, str]], founding: int) -> Line:
    """Name a lead by the event that founded it."""
    if founding not in foundings:
        raise NotFound("event that founded lead", founding)
    source_id, event_id = foundings[founding]
    return {"source": _name(names, source_id), "event_id": event_id}


def _name(names: Mapping[int, str | None], source_id: int) -> str | None:
    return names.get(source_id, f"source-{source_id}")


def _nameless(connection: Connection, vault: Vault, row: Row[Any], fields: Mapping[str, Any]) -> list[Line]:
    """Return the strong identifiers whose values were erased: their pseudonyms still say which events are one person's."""
    strong = sort_refs(row.refs).vaulted
    traits = fields.get("traits") or {}
    named = len(fields.get("crm_ids") or ()) + ("user_id" in fields) + ("email" in traits) + ("phone" in traits)
    if named == len(strong):
        return []
    values = vaults.load_values(connection, vault, {ref for _, ref in strong})
    return [
        {"kind": IdentifierKind(kind).name.lower(), "ref": ref.hex(), "place": place}
        for place, (kind, ref) in enumerate(strong)
        if ref not in values
    ]
