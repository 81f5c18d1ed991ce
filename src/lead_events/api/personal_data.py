"""``GET /v1/leads/{lead_id}/personal-data``: all that is held about a person (GDPR, articles 15 and 20), as one JSON stream.

The parts that can be long are read page by page while they are sent; what is cut off is no JSON, so nobody takes it for all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from lead_events.api import access_log, changes, lead_json, quarantine, resolving, scores, timeline, traits
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, Reader, ReaderDep, problems
from lead_events.api.schemas_personal import Identifiers, Logic, PersonalData, PersonalEvent, Retention, RuleMet
from lead_events.domain.events import IdentifierKind
from lead_events.domain.explain import round_shown
from lead_events.domain.retention import classify
from lead_events.domain.times import format_instant
from lead_events.store import listing, models, reads, sources
from lead_events.store import subjects as store
from lead_events.store.api_keys import Scope
from lead_events.store.leads import LeadRow
from lead_events.store.opening import open_events
from lead_events.store.reads import ReadKind, ReadLine
from lead_events.store.subjects import Subjects

router = APIRouter(prefix="/v1/leads", tags=["privacy"])

EXPLAINED_EVENTS = 20_000
"""Of a lead with more events than these, the rules it met are not counted here; ``/score`` explains it."""
_PAGE = 500


@dataclass(frozen=True, slots=True)
class _Person:
    """Whose data, as of which position, and how to read them."""

    reader: Reader
    subjects: Subjects
    names: dict[int, str]


@router.get(
    "/{lead_id}/personal-data",
    operation_id="get_personal_data",
    dependencies=[require(Scope.PERSONAL_READ), OwnWrite],
    response_class=StreamingResponse,
    responses={200: {"model": PersonalData, "description": "Everything."}, **problems(404, 422, 503)},
)
def get_personal_data(lead_id: str, reader: ReaderDep) -> StreamingResponse:
    """Give everything that is held about a person, machine-readable: to answer the person, or to carry it elsewhere."""
    with reader.moment() as moment:
        row, resolved_from = resolving.load_lead(moment, lead_id)
        found = store.load(moment.connection, row.lead.founding, moment.generation.position)
        names = sources.read_names(moment.connection)
        reader.note_read_of(ReadKind.PERSONAL_DATA, [row.lead.founding])
        head = _head(moment, row, found, resolved_from)
    person = _Person(reader, found, names)
    headers = {"Cache-Control": "no-store", "Content-Disposition": f'attachment; filename="{head["lead_id"]}.json"'}
    return StreamingResponse(_write(head, person), media_type="application/json", headers=headers)


def _head(moment: Moment, row: LeadRow, found: Subjects, resolved_from: str | None) -> dict[str, Any]:
    """Return the parts that are short whatever the history."""
    return {
        **moment.freshness,
        "lead_id": moment.lead_id(row.lead.founding),
        "resolved_from": resolved_from,
        "merged": sorted(moment.lead_id(each) for each in found.members - {found.founding}),
        "lead": lead_json.show_whole(row, moment.model, moment.as_of, moment.vault.log_id),
        "identifiers": _dump(_identifiers(moment, found)),
        "traits": {name: _dump(value) for name, value in traits.show_traits(moment, row).items()},
        "retention": _dump(_retention(row)),
        "logic": _dump(_logic(moment, row)),
    }


def _write(head: dict[str, Any], person: _Person) -> Iterator[bytes]:
    yield orjson.dumps(head)[:-1]
    parts: tuple[tuple[str, Callable[[_Person], Iterator[list[BaseModel]]]], ...] = (
        ("events", _events), ("quarantine", _quarantined), ("changes", _changes), ("recipients", _recipients),
    )  # fmt: skip
    for name, read in parts:
        yield b',"%b":[' % name.encode()
        comma = b""
        for page in read(person):
            if page:
                yield comma + b",".join(orjson.dumps(_dump(each)) for each in page)
                comma = b","
        yield b"]"
    yield b"}\n"


def _dump(part: BaseModel) -> dict[str, Any]:
    return part.model_dump(mode="json")


def _identifiers(moment: Moment, found: Subjects) -> Identifiers:
    by_kind = defaultdict(list)
    for each in store.load_identifiers(moment.connection, moment.vault, found):
        by_kind[each.kind].append(f"{each.system}:{each.value}" if each.kind is IdentifierKind.CRM else each.value)
    return Identifiers(
        emails=by_kind[IdentifierKind.EMAIL],
        phones=by_kind[IdentifierKind.PHONE],
        user_ids=by_kind[IdentifierKind.USER],
        crm_ids=by_kind[IdentifierKind.CRM],
        browsers=store.list_browsers(found),
    )


def _retention(row: LeadRow) -> Retention:
    lead = row.lead
    return Retention(retention_class=classify(lead), last_event=format_instant(lead.last_at) if lead.events else None)


def _logic(moment: Moment, row: LeadRow) -> Logic:
    number = moment.generation.model_number
    rules = _rules_met(moment, row) if row.lead.events <= EXPLAINED_EVENTS else None
    return Logic(model=number, document=models.load(moment.connection, number).document, rules_met=rules)


def _rules_met(moment: Moment, row: LeadRow) -> list[RuleMet]:
    _, trace, _ = scores.fold_traced(moment, row)
    points: dict[tuple[str, str], list[float]] = defaultdict(list)
    for each in trace.contributions:
        points[each.score, each.rule].append(each.credited)
    return [
        RuleMet(score=score, rule=rule, times=len(credited), points=round_shown(sum(credited)))
        for (score, rule), credited in sorted(points.items())
    ]


def _events(person: _Person) -> Iterator[list[BaseModel]]:
    before: tuple[int, int] | None = None
    while True:
        with person.reader.moment() as moment:
            upto, founding = person.subjects.upto, person.subjects.founding
            rows = listing.read_timeline(moment.connection, founding, upto, before, _PAGE)
            shown: list[BaseModel] = [
                _show_event(row, timeline.fields_of(event), person.names.get(row.source_id))
                for row, event in zip(rows, open_events(moment.connection, moment.vault, rows), strict=True)
            ]
        yield shown
        if len(rows) < _PAGE:
            return
        before = rows[-1].at, rows[-1].position


def _show_event(row: Any, fields: Any, source: str | None) -> PersonalEvent:
    return PersonalEvent(
        position=row.position,
        event_id=row.event_id,
        type=row.type,
        at=format_instant(row.at),
        received_at=format_instant(row.received_at),
        source=source,
        content=None if fields is None else dict(fields),
    )


def _quarantined(person: _Person) -> Iterator[list[BaseModel]]:
    with person.reader.moment() as moment:
        found = store.read_quarantined(moment.connection, moment.vault, person.subjects)
    yield [quarantine.show(each, person.names.get(each.source_id, "")) for each in found]


def _changes(person: _Person) -> Iterator[list[BaseModel]]:
    after = 0
    while True:
        with person.reader.moment() as moment:
            rows = store.read_changes(moment.connection, person.subjects.members, after, _PAGE)
        yield [changes.show(person.reader.vault.log_id, row) for row in rows]
        if len(rows) < _PAGE:
            return
        after = rows[-1].seq


def _recipients(person: _Person) -> Iterator[list[BaseModel]]:
    before: ReadLine | None = None
    while True:
        with person.reader.moment() as moment:
            lines: Sequence[ReadLine] = reads.read(moment.connection, person.subjects.members, before, _PAGE)
            shown: list[BaseModel] = [*access_log.show_accesses(moment, lines)]
        yield shown
        if len(lines) < _PAGE:
            return
        before = lines[-1]
