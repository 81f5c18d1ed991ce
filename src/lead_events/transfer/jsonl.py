"""JSON lines to candidates: our own export form, and events as ``POST /v1/events`` takes them.

An export keeps what the log decided: ``at``, ``received_at``, ``trusted``, pseudonyms and addressed leads. A plain event is
judged as the door judges it. Nothing here reads a file or a database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson

from lead_events.domain import strict_json
from lead_events.domain.consent import PURPOSES
from lead_events.domain.errors import InvalidInstant, LeadEventsError, wrong_field
from lead_events.domain.events import PSEUDONYM, REF_BYTES, Identifier, IdentifierKind, NewEvent
from lead_events.domain.identity import MERGED, MERGES
from lead_events.domain.lead_id import addressed_lead
from lead_events.domain.times import YEAR_2000, Instant, parse_instant
from lead_events.domain.wire import FIELDS, admit
from lead_events.transfer.candidates import Candidate, Founder, Judged, reject

Wire = dict[str, Any]

NOT_SAID = frozenset({"position", "received_at", "source", "announce"})
"""Fields of an exported line that say where the event stood, not what it is."""

_NOBODY = PSEUDONYM
_KINDS = {kind.name.lower(): kind for kind in IdentifierKind if kind is not IdentifierKind.LEAD}


@dataclass(frozen=True, slots=True)
class LineRules:
    """What judging a line needs to know besides the line.

    Attributes:
        phone_region: default country of phone numbers, ISO 3166 alpha-2, or None.
        announce: whether what the events change is to be told; None leaves it to their age.
    """

    phone_region: str | None = None
    announce: bool | None = False


def judge_lines(rules: LineRules, first: int, lines: Iterable[bytes], now: Instant) -> list[Judged]:
    """Judge lines of a file; blank ones are left out.

    Args:
        first: number of the first line, from 1.
        now: the present, microseconds UTC: nothing arrives later.
    """
    numbered = enumerate(lines, first)
    return [judge_line(rules, number, line, now) for number, line in numbered if line.strip()]


def judge_line(rules: LineRules, number: int, line: bytes, now: Instant) -> Judged:
    """Judge one line: a candidate, or why it is none."""
    try:
        event = strict_json.parse(line.removeprefix(b"\xef\xbb\xbf").strip())
        return _judge(rules, number, event, now)
    except LeadEventsError as error:
        return reject(number, error, line.decode(errors="replace").rstrip("\r\n"))


def _judge(rules: LineRules, number: int, sent: object, now: Instant) -> Candidate:
    event: Wire = sent if isinstance(sent, dict) else {"type": None}
    arrival = min(_instant(event, "received_at", now), now)
    exported = "at" in event
    new = (_admit_exported if exported else _admit_plain)(rules, event, arrival)
    if rules.announce is not None:
        new.plain["announce"] = rules.announce
    return Candidate(number, _text(event, "source"), new, arrival, _lead(event), exported, _leads(event))


def _admit_plain(rules: LineRules, event: Wire, arrival: Instant) -> NewEvent:
    """Judge an event in the form of the wire; a file is as trusted as a secret key unless it says otherwise."""
    trusted = event.get("trusted", True) is not False
    new = admit(event, arrival=arrival, trusted=trusted, phone_region=rules.phone_region, new_event_id=lambda: _id_of(event))
    if "received_at" not in event and "occurred_at" in new.plain:
        new.plain.setdefault("known_at", new.plain["occurred_at"])
    return new


def _id_of(event: Wire) -> str:
    """Name an event without an id by its content, so that the same line is the same event."""
    return f"import:{hashlib.sha256(orjson.dumps(event, option=orjson.OPT_SORT_KEYS)).hexdigest()[:40]}"


def _admit_exported(rules: LineRules, line: Wire, arrival: Instant) -> NewEvent:
    """Take an exported event with everything that was decided about it when it first arrived."""
    if "event_id" not in line:
        raise wrong_field("/event_id", "an exported line has one.", "invalid_event_id")
    occurred_at = line.get("occurred_at")
    if occurred_at is not None:
        _instant(line, "occurred_at", 0)
    wire = {name: line[name] for name in FIELDS if name in line and name not in {"occurred_at", "sent_at", "anonymous_id"}}
    pseudonyms = _read_pseudonyms(line)
    if pseudonyms or "lead" in line or line.get("anonymised") is True:
        wire["anonymous_id"] = _NOBODY
    trusted = line.get("trusted") is True
    new = admit(wire, arrival=arrival, trusted=trusted, phone_region=rules.phone_region, new_event_id=str, own=True)
    if occurred_at is not None:
        new.plain["occurred_at"] = occurred_at
    new.plain.update(_read_stamps(line))
    return replace(new, at=_at(line, arrival), identifiers=_identifiers(line, new, pseudonyms), said=write_core(line))


def write_core(line: Wire) -> bytes:
    """Write what an exported line says about its event, without where it stood and without ids that mean something there only."""
    core = {name: value for name, value in line.items() if name not in NOT_SAID}
    if "leads" in core and isinstance(core.get("properties"), dict):
        core["properties"] = {name: value for name, value in core["properties"].items() if name not in MERGED}
    return orjson.dumps(core, option=orjson.OPT_SORT_KEYS)


def _read_stamps(line: Wire) -> Wire:
    """Read what the door had written into the event: purposes that need a yes, privacy signals."""
    stamps: Wire = {name: True for name in ("gpc", "anonymised") if line.get(name) is True}
    opt_in = line.get("opt_in")
    if opt_in is not None:
        if not isinstance(opt_in, list) or not set(map(str, opt_in)) <= set(PURPOSES):
            raise wrong_field("/opt_in", "this is not as an export writes it.")
        stamps["opt_in"] = opt_in
    return stamps


def _at(line: Wire, arrival: Instant) -> Instant:
    at = min(_instant(line, "at", arrival), arrival)
    if at < YEAR_2000:
        raise wrong_field("/at", "this is before 2000-01-01.", "invalid_time")
    return at


def _identifiers(line: Wire, new: NewEvent, pseudonyms: list[tuple[int, Identifier]]) -> tuple[Identifier, ...]:
    """Put pseudonyms where they stood among the identifiers, and an addressed lead, still to be found, first."""
    known = [each for each in new.identifiers if each.value != _NOBODY]
    for place, pseudonym in pseudonyms:
        known.insert(place, pseudonym)
    return (Identifier(IdentifierKind.LEAD, ""), *known) if "lead" in line else tuple(known)


def _read_pseudonyms(line: Wire) -> list[tuple[int, Identifier]]:
    """Read the identifiers that the log knows by their refs alone: browsers, and whoever was erased."""
    found = []
    for pseudonym in line.get("refs") or ():
        if not isinstance(pseudonym, dict) or pseudonym.get("kind") not in _KINDS:
            raise wrong_field("/refs", "this is not as an export writes it.")
        place = pseudonym.get("place")
        if type(place) is not int or place < 0:
            raise wrong_field("/refs", "this is not as an export writes it.")
        found.append((place, _pseudonym(_KINDS[pseudonym["kind"]], pseudonym.get("ref"), "/refs")))
    if line.get("anonymous_ref") is not None:
        found.append((len(IdentifierKind) + 99, _pseudonym(IdentifierKind.ANONYMOUS, line["anonymous_ref"], "/anonymous_ref")))
    return found


def _pseudonym(kind: IdentifierKind, text: object, pointer: str) -> Identifier:
    try:
        ref = bytes.fromhex(text) if isinstance(text, str) else b""
    except ValueError:
        ref = b""
    if len(ref) != REF_BYTES or addressed_lead(ref) is not None or not any(ref):
        raise wrong_field(pointer, "this is no pseudonym: 32 hex digits, as an export writes them.")
    return Identifier(kind, PSEUDONYM + ref.hex())


def _lead(event: Wire) -> Founder | None:
    """Read which event founded the lead that this one addresses."""
    lead = event.get("lead")
    return None if lead is None or "at" not in event else _founder(lead)


def _leads(event: Wire) -> dict[str, Founder]:
    """Read which events founded the leads that this one merges or parts, by the property that names each."""
    leads = event.get("leads") if "at" in event and event.get("type") in MERGES else None
    return {name: _founder(leads.get(name)) for name in MERGED} if isinstance(leads, dict) else {}


def _founder(lead: object) -> Founder:
    if not isinstance(lead, dict) or not isinstance(lead.get("event_id"), str):
        raise wrong_field("/lead", 'name the founding event: {"source": …, "event_id": …}.')
    return _text(lead, "source"), lead["event_id"]


def _text(event: Wire, name: str) -> str | None:
    value = event.get(name)
    if value is None or isinstance(value, str):
        return value
    raise wrong_field(f"/{name}", "send a text.")


def _instant(event: Wire, name: str, default: Instant) -> Instant:
    """Read an instant of a line: ISO 8601, or whole microseconds UTC."""
    value = event.get(name)
    if value is None:
        return default
    if type(value) is int:
        return value
    try:
        return parse_instant(value if isinstance(value, str) else "")
    except InvalidInstant:
        raise wrong_field(f"/{name}", "write the time with an offset, like 2026-11-21T12:00:00Z.", "invalid_time") from None
