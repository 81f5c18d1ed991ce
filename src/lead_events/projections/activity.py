"""Keeps the activity ledger beside the log, and reads the log in columns: from its segments, and the rest from the log.

The ledger is written behind the log by whoever keeps house, never at the door and never in a step.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any

import orjson
from sqlalchemy import Connection, Engine

from lead_events.domain import signatures
from lead_events.domain.events import Event
from lead_events.domain.signatures import NUMBERS, Numbers, Signature
from lead_events.projections.columns import Columns, join, make_columns, pack, unpack
from lead_events.store import activity, log
from lead_events.store.engine import snapshot, writing
from lead_events.store.opening import Unreadable, open_events
from lead_events.store.vault import Vault

MOST_SIGNATURES = 200_000
"""Of one type; when there are more, its facet with the most values is one no longer."""

SEGMENT = 8_192
"""How many positions a segment covers; the rest behind the last one is read from the log, in a tenth of a second or two."""

_PIECE = 500
# The projector shares this process: without a gap it would wait for each turn of the interpreter.
_GAP_SECONDS = 0.002


@dataclass(slots=True)
class Known:
    """The signatures known so far.

    Attributes:
        texts: by number.
        stored: how many of them are stored.
        demoted: type → fields that are facets no more; ``given_up`` those of them that are not stored yet.
        most: how many there may be of one type before a facet is given up.
    """

    most: int = MOST_SIGNATURES
    texts: list[str] = field(default_factory=list)
    stored: int = 0
    demoted: activity.Demoted = field(default_factory=dict)
    given_up: set[tuple[str, str]] = field(default_factory=set)
    _numbers: dict[str, int] = field(default_factory=dict)
    _counts: Counter[str] = field(default_factory=Counter)

    def add_stored(self, texts: Iterable[str]) -> None:
        """Take over signatures that are stored, in the order of their numbers."""
        for text in texts:
            self._add(text, signatures.type_of(text))
        self.stored = len(self.texts)

    def number(self, event: Event, plain: dict[str, Any]) -> tuple[int, Numbers]:
        """Return the number of an event's signature, a new one if need be, and the numbers beside it."""
        while True:
            if isinstance(event, Unreadable):
                signature, numbers = Signature(event.type, {}, in_log=True), (float("nan"),) * NUMBERS
            else:
                signature, numbers = signatures.describe(event, plain, self.demoted.get(event.type, ()))
            text = signatures.write(signature)
            found = self._numbers.get(text)
            if found is not None:
                return found, numbers
            if not self._is_crowded(event.type) or not self._demote(signature):
                return self._add(text, event.type), numbers

    def _add(self, text: str, type_: str) -> int:
        number = self._numbers[text] = len(self.texts)
        self.texts.append(text)
        self._counts[type_] += 1
        return number

    def _is_crowded(self, type_: str) -> bool:
        return self._counts[type_] >= self.most * (1 + len(self.demoted.get(type_, ())))

    def _demote(self, signature: Signature) -> bool:
        """Give up the facet of a type that has the most values; say whether there was one."""
        values = self._values_of(signature.type)
        facets = sorted(signatures.facets_of(signature), key=lambda path: (-len(values[path]), path))
        if not facets:
            return False
        self.demoted[signature.type] = self.demoted.get(signature.type, frozenset()) | {facets[0]}
        self.given_up.add((signature.type, facets[0]))
        return True

    def _values_of(self, type_: str) -> dict[str, set[str]]:
        values: dict[str, set[str]] = defaultdict(set)
        for text in self.texts:
            if signatures.type_of(text) == type_:
                for path, value in signatures.facets_of(signatures.read(text)).items():
                    values[path].add(value)
        return values


class Keeper:
    """Writes the ledger, a segment at a time, behind the log."""

    def __init__(self, engine: Engine, vault: Vault, size: int = SEGMENT, most: int = MOST_SIGNATURES) -> None:
        """Prepare.

        Args:
            size: of the segments of a ledger that does not exist yet, in positions.
            most: signatures of one type.
        """
        self._engine = engine
        self._vault = vault
        self._size, self._most = size, most
        self._known = Known(most)

    def extend(self) -> bool:
        """Write the next segment if the log has grown by one; say whether there may be more to do."""
        with snapshot(self._engine) as connection:
            head = activity.read_head(connection)
            end = log.read_head(connection)
            self._vault.notice(end.erasures)
            if head is not None and head.revision == signatures.REVISION and head.signatures != self._known.stored:
                self._known = load_known(connection, self._most)
        if head is None or head.revision != signatures.REVISION:
            with writing(self._engine) as connection:
                activity.begin(connection, signatures.REVISION, self._size)
            self._known = Known(self._most)
            return True
        if end.position < (head.segments + 1) * head.size:
            return False
        columns = join(self._read(head.segments * head.size, head.size), head.size)
        new = self._known.texts[self._known.stored :]
        with writing(self._engine) as connection:
            is_written = activity.append(connection, head, pack(columns), new, self._known.given_up)
        if is_written:
            self._known.stored, self._known.given_up = len(self._known.texts), set()
        else:
            self._known = Known(self._most)
        return True

    def _read(self, after: int, size: int) -> Iterable[Columns]:
        for start in range(after, after + size, _PIECE):
            with snapshot(self._engine) as connection:
                count = min(_PIECE, after + size - start)
                yield read_from_log(connection, self._vault, self._known, start, count)
            time.sleep(_GAP_SECONDS)


def load_known(connection: Connection, most: int = MOST_SIGNATURES) -> Known:
    """Return every signature that is stored."""
    known = Known(most, demoted=activity.load_demoted(connection))
    known.add_stored(activity.load_signatures(connection))
    return known


def read_from_log(connection: Connection, vault: Vault, known: Known, after: int, count: int) -> Columns:
    """Return events as columns from the log itself; ``known`` is extended by their signatures."""
    rows = log.read(connection, after, count)
    events = open_events(connection, vault, rows)
    numbered = [known.number(event, orjson.loads(row.body)) for row, event in zip(rows, events, strict=True)]
    return make_columns(
        [row.at for row in rows],
        [row.subject for row in rows],
        [event.anonymous for event in events],
        [number for number, _ in numbered],
        [numbers for _, numbers in numbered],
    )


@dataclass(frozen=True, slots=True)
class Activity:
    """The log in columns, from its first event on.

    Attributes:
        texts: signatures by number, as they are written: read, they take eight times the room.
        from_log: how many events were read from the log itself, because no segment holds them yet.
    """

    columns: Columns
    texts: Sequence[str]
    from_log: int

    def signature(self, number: int) -> Signature:
        """Return a signature, for looking and not for changing."""
        return _read_signature(self.texts[number])


def read_activity(connection: Connection, vault: Vault, upto: int) -> Activity:
    """Return the log in columns up to a position."""
    head = activity.read_head(connection)
    known, segments, written = Known(), 0, 0
    if head is not None and head.revision == signatures.REVISION:
        known = load_known(connection)
        segments = min(head.segments, upto // head.size)
        written = segments * head.size
    parts = (unpack(packed) for packed in activity.load_segments(connection, segments))
    rest = (read_from_log(connection, vault, known, start, min(_PIECE, upto - start)) for start in range(written, upto, _PIECE))
    columns = join(chain(parts, rest), upto)
    return Activity(columns, known.texts, upto - written)


@lru_cache(50_000)
def _read_signature(text: str) -> Signature:
    return signatures.read(text)
