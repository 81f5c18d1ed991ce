"""Appends what files hold: in batches, in the order of the file, each event once however often it comes.

An export that comes back to the log it was written from is recognised by content; everything else by its event id.
Reading and judging a file is elsewhere and may happen in other processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import orjson
from sqlalchemy import Connection, Engine

from lead_events.domain.consent import stamp
from lead_events.domain.errors import InvalidEvent, LeadEventsError
from lead_events.domain.events import Identifier, IdentifierKind, NewEvent
from lead_events.domain.lead_id import decode_lead_id, encode_lead_id
from lead_events.domain.times import Instant, format_instant
from lead_events.store import log, lookups, sources
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival
from lead_events.store.log import Kept
from lead_events.store.sources import SERVICE
from lead_events.store.vault import Vault
from lead_events.transfer.addressing import Foundings
from lead_events.transfer.candidates import Candidate, Founder, Judged, Reject
from lead_events.transfer.exporting import load_names, write_lines
from lead_events.transfer.jsonl import write_core

BATCH_EVENTS = 2_000
DEFAULT_SOURCE = "import"


class _NotHere(InvalidEvent):
    """{1}"""  # noqa: D415 - the message


@dataclass(slots=True)
class Counts:
    """What became of the events of a file.

    Attributes:
        created: appended.
        duplicates: were there already.
        quarantined: their id was taken by other content; they can be looked at.
        erased: of somebody whose data was erased here after they happened; stored nowhere.
        rejected: were not taken.
    """

    created: int = 0
    duplicates: int = 0
    quarantined: int = 0
    erased: int = 0
    rejected: int = 0

    @property
    def total(self) -> int:
        """Say how many events there were."""
        return self.created + self.duplicates + self.quarantined + self.erased + self.rejected


class Importer:
    """Appends candidates to one log and counts what became of them; ``finish`` appends the last ones."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        *,
        source: str | None = None,
        batch: int = BATCH_EVENTS,
        rejected: Callable[[Reject], None] | None = None,
    ) -> None:
        """Prepare an import; nothing is written yet.

        Args:
            source: the source of every event, whatever its line says; None lets lines choose.
            batch: most events per commit.
            rejected: told of everything that is not taken.
        """
        self.counts = Counts()
        self._engine = engine
        self._vault = vault
        self._source = source
        self._batch = batch
        self._rejected = rejected
        self._source_ids: dict[str | None, int] = {None: SERVICE}
        self._opt_in: dict[int, tuple[str, ...]] = {}
        self._foundings = Foundings(engine)
        with reading(engine) as connection:
            self._received_at = log.read_head(connection).received_at
        self._waiting: list[tuple[Candidate, Arrival]] = []
        self._waiting_ids: set[tuple[int, str]] = set()

    def take(self, judged: Iterable[Judged]) -> None:
        """Append candidates as batches fill up, and count rejects."""
        for each in judged:
            if isinstance(each, Reject):
                self._reject(each)
                continue
            try:
                self._wait(each)
            except LeadEventsError as error:
                text = orjson.dumps({"event_id": each.event.event_id, "type": each.event.type}).decode()
                self._reject(Reject(each.line, getattr(error, "code", "invalid_event"), str(error), text))
            if len(self._waiting) >= self._batch:
                self.finish()

    def finish(self) -> None:
        """Append what waits; when this returns, it is on disk."""
        if not self._waiting:
            return
        with reading(self._engine) as connection:
            arrivals = self._without_own(connection, self._waiting)
        for outcome in log.append(self._engine, self._vault, arrivals) if arrivals else ():
            self._count(outcome.kept)
        self._waiting.clear()
        self._waiting_ids.clear()

    def _reject(self, reject: Reject) -> None:
        self.counts.rejected += 1
        if self._rejected is not None:
            self._rejected(reject)

    def _count(self, kept: Kept) -> None:
        self.counts.created += kept is Kept.CREATED
        self.counts.duplicates += kept is Kept.DUPLICATE
        self.counts.quarantined += kept is Kept.QUARANTINED
        self.counts.erased += kept is Kept.ERASED

    def _wait(self, candidate: Candidate) -> None:
        event = candidate.event
        if candidate.lead is not None:
            event = replace(event, identifiers=(self._address(*candidate.lead), *event.identifiers[1:]))
        elif event.identifiers and event.identifiers[0].kind is IdentifierKind.LEAD:
            self._check_lead(event.identifiers[0].value)
        if candidate.leads:
            event = self._rename(event, candidate.leads)
        source_id = self._source_id(candidate)
        if not candidate.exported:
            event = stamp(self._keep_known(event, candidate.arrived_at), opt_in=self._opt_in.get(source_id, ()))
        self._waiting.append((candidate, Arrival(source_id, event, candidate.arrived_at)))
        self._waiting_ids.add((source_id, event.event_id))

    def _keep_known(self, event: NewEvent, arrived_at: Instant) -> NewEvent:
        """Let an event say itself when it was known, where the log has gone on and will call it received today."""
        if arrived_at > self._received_at or "known_at" in event.plain:
            return event
        return replace(event, plain={**event.plain, "known_at": format_instant(arrived_at)})

    def _source_id(self, candidate: Candidate) -> int:
        if self._source is not None:
            return self._id_of(self._source)
        if candidate.source is None and candidate.exported:
            return SERVICE
        return self._id_of(candidate.source or DEFAULT_SOURCE)

    def _id_of(self, name: str | None) -> int:
        if name not in self._source_ids:
            with writing(self._engine) as connection:
                source_id = sources.create(connection, name or DEFAULT_SOURCE).source_id
                self._source_ids[name], self._opt_in[source_id] = source_id, sources.read_opt_in(connection, source_id)
        return self._source_ids[name]

    def _address(self, source: str | None, event_id: str) -> Identifier:
        """Name the lead that was founded by an event, which may still wait to be appended."""
        source_id = self._id_of(source if self._source is None else self._source)
        if (source_id, event_id) in self._waiting_ids:
            self.finish()
        founding = self._foundings.find(source_id, event_id)
        if founding is None:
            message = "/lead: the event that founded this lead is not in this log; import it first."
            raise _NotHere("unknown_lead", message, "/lead")
        return Identifier(IdentifierKind.LEAD, encode_lead_id(self._vault.log_id, founding))

    def _rename(self, event: NewEvent, leads: Mapping[str, Founder]) -> NewEvent:
        """Name the leads that an event merges or parts as this log names them."""
        named = {name: self._address(*founder).value for name, founder in leads.items()}
        return replace(event, plain={**event.plain, "properties": {**event.plain.get("properties", {}), **named}})

    def _check_lead(self, lead_id: str) -> None:
        if decode_lead_id(self._vault.log_id, lead_id) is None:
            raise _NotHere("unknown_lead", "/lead_id: this log never gave this id.", "/lead_id")

    def _without_own(self, connection: Connection, waiting: Sequence[tuple[Candidate, Arrival]]) -> list[Arrival]:
        """Leave out exported events that are in this log with the same content, and count them as duplicates."""
        same = self._find_own(connection, [pair for pair in waiting if pair[0].exported])
        self.counts.duplicates += len(same)
        return [arrival for _, arrival in waiting if id(arrival) not in same]

    def _find_own(self, connection: Connection, exported: Sequence[tuple[Candidate, Arrival]]) -> set[int]:
        said: dict[tuple[int, str], list[tuple[int, bytes]]] = {}
        for _, arrival in exported:
            said.setdefault((arrival.source_id, arrival.event.event_id), []).append((id(arrival), arrival.event.said))
        if not said:
            return set()
        rows = lookups.read_called(connection, said)
        lines = write_lines(connection, self._vault, rows, load_names(connection)) if rows else []
        same = set[int]()
        for row, line in zip(rows, lines, strict=True):
            own = line if isinstance(line, str) else write_core(line)
            same.update(each for each, told in said[row.source_id, row.event_id] if told == own)
        return same
