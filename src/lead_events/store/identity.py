"""Identity's insert-only tables: extended in log order by whoever comes first, read as of any position.

Own checkpoint, own transaction: rows are a function of the log alone, so two writers can only write the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from operator import itemgetter
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, select

from lead_events.domain.erasing import ERASED
from lead_events.domain.identity import MERGED, MERGES, Claim, Decisions, Known, Merge, Named, Shift, resolve
from lead_events.domain.lead_id import addressed_lead, decode_lead_id, lead_ref
from lead_events.store import log, schema
from lead_events.store.dialect import any_of, ask, ask_one, insert_new_rows, pairs, read_among, read_next
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import sort_refs

_CLAIMS_NEAR = """
SELECT c.ref, c.at, c.position, c.founding FROM {page} JOIN claims AS c ON c.ref = page.ref
WHERE c.position <= {upto} AND c.at >= COALESCE((SELECT max(x.at) FROM claims AS x WHERE x.ref = page.ref
AND x.at < page.number AND x.position <= {upto}), {beginning})
ORDER BY c.ref, c.at, c.position
"""
_BEGINNING = -(2**62)


def name(row: Any) -> Named:
    """Return what identity needs to know of an event row to tell whose it is."""
    refs = sort_refs(row.refs)
    return Named(row.position, row.at, refs.anonymous, refs.strong)


def _read_page(connection: Connection, after: int, limit: int) -> list[Named]:
    """Return what identity needs to know of the next events to decide by them: of merges, also who was merged."""
    table = schema.events
    rows = read_next(connection, (table.c.position, table.c.at, table.c.refs, table.c.type), after, limit)
    deciding = {position for position, _, _, type_ in rows if type_ in MERGES}
    bodies: dict[int, str] = dict(read_among(connection, (table.c.position, table.c.body), deciding))
    log_id = log.read_head(connection).log_id if bodies else b""
    page = []
    for position, at, refs, type_ in rows:
        sorted_refs = sort_refs(refs)
        merge = _merge_of(log_id, type_, bodies[position]) if position in bodies else None
        page.append(Named(position, at, sorted_refs.anonymous, sorted_refs.strong, merge, type_ == ERASED))
    return page


def _merge_of(log_id: bytes, type_: str, body: str) -> Merge | None:
    properties = orjson.loads(body)["properties"]
    one, two = (decode_lead_id(log_id, properties[field]) for field in MERGED)
    if one is None or two is None or one == two:
        return None
    return Merge((min(one, two), max(one, two)), MERGES[type_])


def extend(engine: Engine, upto: int, page_size: int) -> None:
    """Resolve every event up to a position that nobody resolved yet."""
    while True:
        with reading(engine) as connection:
            after = read_checkpoint(connection)
            if after >= upto:
                return
            page = _read_page(connection, after, min(page_size, upto - after))
            decisions = resolve(load_known(connection, page, after), page)
            moves = _moves(connection, decisions.shifts) | decisions.regrouped
        with writing(engine) as connection:
            _save(connection, decisions, moves, page[-1].position)
        if page[-1].position >= upto:
            return


def read_checkpoint(connection: Connection) -> int:
    """Return the position up to which identity is decided."""
    return int(ask_one(connection, "SELECT position FROM identity_head")[0])


def load_known(connection: Connection, page: Sequence[Named], upto: int) -> Known:
    """Return what positions up to ``upto`` decided about the refs that a page names."""
    strong = {ref for event in page for ref in event.strong}
    first_at: dict[bytes, int] = {}
    for event in page:
        if event.anonymous is not None:
            first_at[event.anonymous] = min(event.at, first_at.get(event.anonymous, event.at))
    bindings = _load_leads(connection, schema.bindings, strong, upto)
    visitors = _load_leads(connection, schema.visitors, first_at, upto)
    known = Known(bindings, visitors, _load_claims_near(connection, first_at, upto))
    load_merges(connection, known, upto, {lead for event in page if event.merge for lead in event.merge.pair})
    _load_candidates(connection, known, [event.strong[0] for event in page if event.erases])
    return known


def _load_candidates(connection: Connection, known: Known, erased: Collection[bytes]) -> None:
    if not erased:
        return
    table = schema.candidates
    foundings = [founding for ref in erased if (founding := addressed_lead(ref)) is not None]
    where = any_of(connection, table.c.one, foundings) | any_of(connection, table.c.two, foundings)
    known.candidates.update((one, two) for one, two in connection.execute(select(table.c.one, table.c.two).where(where)))


def load_merges(connection: Connection, known: Known, upto: int, more: Collection[int] = ()) -> None:
    """Add the merges in force at a position to what is known, and who of those leads, and of ``more``, is identified."""
    for one, two, active in ask(connection, "SELECT one, two, active FROM merges WHERE position <= ? ORDER BY position", (upto,)):
        (known.merged.add if active else known.merged.discard)((one, two))
    concerned = {lead for pair in known.merged for lead in pair} | set(more)
    if concerned:
        known.identified.update(_load_refs(connection, schema.bindings, concerned, upto).values())


def load_moves(connection: Connection, after: int, upto: int) -> dict[int, int]:
    """Return the leads that gained or lost events to another between two positions → the last position that did it."""
    statement = "SELECT founding, position FROM moves WHERE position > ? AND position <= ? ORDER BY position"
    return {founding: position for founding, position in ask(connection, statement, (after, upto))}


def load_last_moves(connection: Connection, foundings: Collection[int], upto: int) -> dict[int, int]:
    """Return, for each lead that ever did, the last position at which it gained or lost events to another."""
    table = schema.moves
    return dict(sorted(read_among(connection, (table.c.founding, table.c.position), foundings, upto=upto), key=itemgetter(1)))


def load_subjects(
    connection: Connection, foundings: Collection[int], upto: int, merged_upto: int | None = None
) -> tuple[Known, set[bytes]]:
    """Return every ref under which events of these leads may stand, and who owns what of them.

    Args:
        upto: the last position that counts.
        merged_upto: the last position whose merges count, if not the same.
    """
    known = Known()
    load_merges(connection, known, upto if merged_upto is None else merged_upto)
    foundings = with_members(known, foundings)
    strong = _load_refs(connection, schema.bindings, foundings, upto)
    known.bindings.update(strong)
    anonymous = set(_load_refs(connection, schema.visitors, foundings, upto)) | _load_claimed(connection, foundings, upto)
    load_browsers(connection, known, anonymous, upto)
    return known, set(strong) | anonymous | {lead_ref(founding) for founding in foundings}


def load_browsers(connection: Connection, known: Known, refs: Collection[bytes], upto: int) -> None:
    """Add the visitor leads and the claims of some anonymous identifiers to what is known."""
    known.visitors.update(_load_leads(connection, schema.visitors, refs, upto))
    known.claims.update(_load_claims(connection, refs, upto))


def load_leads_of(connection: Connection, refs: Collection[bytes], upto: int) -> dict[bytes, int]:
    """Return the lead that each strong identifier is bound to, and the visitor lead of each anonymous one."""
    return _load_leads(connection, schema.visitors, refs, upto) | _load_leads(connection, schema.bindings, refs, upto)


def with_members(known: Known, foundings: Collection[int]) -> set[int]:
    """Return leads and all those that they stand for."""
    wanted = set(foundings)
    return wanted | {lead for lead, survivor in known.survivors.items() if survivor in wanted}


def lead_of_subject(known: Known, subject: bytes, at: int, position: int) -> int | None:
    """Return the lead of an event after all merges, by its subject: always bound, addressing a lead, or anonymous."""
    founding = known.bindings.get(subject)
    if founding is None:
        founding = known.lead_of_anonymous(subject, (at, position))
    if founding is None:
        founding = addressed_lead(subject)
    return None if founding is None else known.survivors.get(founding, founding)


def is_founding(connection: Connection, position: int) -> bool:
    """Say whether the event at a position founded a lead."""
    tables = schema.bindings, schema.visitors
    return any(read_among(connection, (table.c.founding,), [position]) for table in tables)


def _load_leads(connection: Connection, table: Any, refs: Collection[bytes], upto: int) -> dict[bytes, int]:
    rows = read_among(connection, (table.c.ref, table.c.founding, table.c.position), refs)
    return {bytes(ref): founding for ref, founding, position in rows if position <= upto}


def _load_refs(connection: Connection, table: Any, foundings: Collection[int], upto: int) -> dict[bytes, int]:
    return dict(read_among(connection, (table.c.ref, table.c.founding), foundings, by=table.c.founding, upto=upto))


def _load_claimed(connection: Connection, foundings: Collection[int], upto: int) -> set[bytes]:
    table = schema.claims
    return {ref for (ref,) in read_among(connection, (table.c.ref,), foundings, by=table.c.founding, upto=upto)}


def _load_claims(connection: Connection, refs: Collection[bytes], upto: int) -> dict[bytes, list[Claim]]:
    if not refs:
        return {}
    table = schema.claims
    columns = table.c.ref, table.c.at, table.c.position, table.c.founding
    return _by_ref(sorted(read_among(connection, columns, refs, upto=upto)))


def _load_claims_near(connection: Connection, first_at: dict[bytes, int], upto: int) -> dict[bytes, list[Claim]]:
    """Return per ref the last claim before an instant and all at it or later, without reading a long history."""
    if not first_at:
        return {}
    page, parameters = pairs(connection, "page", list(first_at.items()))
    statement = _CLAIMS_NEAR.format(page=page, upto=int(upto), beginning=_BEGINNING)
    return _by_ref(connection.exec_driver_sql(statement, parameters))


def _by_ref(rows: Iterable[Any]) -> dict[bytes, list[Claim]]:
    claims: dict[bytes, list[Claim]] = {}
    for ref, at, position, founding in rows:
        claims.setdefault(bytes(ref), []).append(Claim(at, position, founding))
    return claims


def _moves(connection: Connection, shifts: Sequence[Shift]) -> set[tuple[int, int]]:
    """Return (position, lead) for every lead whose set of events a shift really changed."""
    if not shifts:
        return set()
    table = schema.events
    refs = {shift.ref for shift in shifts}
    last = max(shift.position for shift in shifts)
    rows = connection.execute(
        select(table.c.subject, table.c.at, table.c.position)
        .where(any_of(connection, table.c.subject, refs), table.c.position < last)
        .order_by(table.c.subject, table.c.at, table.c.position)
    )
    keys: dict[bytes, list[tuple[int, int]]] = {}
    for subject, at, position in rows:
        keys.setdefault(subject, []).append((at, position))
    return {move for shift in shifts for move in _moved(shift, keys.get(shift.ref, []))}


def _moved(shift: Shift, keys: list[tuple[int, int]]) -> set[tuple[int, int]]:
    moved = [
        key
        for key in keys
        if key[1] < shift.position and (shift.low is None or key >= shift.low) and (shift.high is None or key < shift.high)
    ]
    if not moved:
        return set()
    # A visitor row that was emptied tells where its founding event lives now, so it is touched when that event moves on.
    touched = {shift.loser, shift.winner} | {position for _, position in moved if position == shift.visitor}
    return {(shift.position, founding) for founding in touched}


def _save(connection: Connection, decisions: Decisions, moves: set[tuple[int, int]], upto: int) -> None:
    insert_new_rows(connection, schema.merges, decisions.merges)
    insert_new_rows(connection, schema.candidates, decisions.candidates)
    insert_new_rows(connection, schema.bindings, decisions.bindings)
    insert_new_rows(connection, schema.visitors, decisions.visitors)
    insert_new_rows(connection, schema.claims, decisions.claims)
    insert_new_rows(connection, schema.moves, sorted(moves))
    ask(connection, "UPDATE identity_head SET position = ? WHERE position < ?", (upto, upto))
