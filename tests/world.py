"""A whole log with its projector inside a real database, for tests that ask whether rows equal the fold of the log.

The log's key is always the same one, so pseudonyms of browsers, and with them states, are equal on every engine.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, delete, event, insert, select

from lead_events.domain.errors import LeadEventsError, StaleGeneration
from lead_events.domain.events import Identifier, IdentifierKind, NewEvent
from lead_events.domain.identity import Named
from lead_events.domain.lead import FOLD_REVISION
from lead_events.domain.model import Model, compile_model
from lead_events.domain.times import MINUTE, Instant
from lead_events.projections import projector
from lead_events.projections.folding import Folded, fold_page
from lead_events.projections.pages import Page, read_page
from lead_events.store import erasing, generations, identity, log, models, schema
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival
from lead_events.store.erasing import Request
from lead_events.store.erasure_scope import AlreadyErased
from lead_events.store.generations import Status
from lead_events.store.vault import LOG_REF, first_log_key
from tests.histories import MODEL, START, Act, Append, Extend, Said, StepOnce, Tick

MASTER_KEY = bytes(range(32))
LOG_ID = b"a log for tests!"
_LOG_KEY = first_log_key(MASTER_KEY)
ONE_BIG_PAGE = 5_000

_DELETIONS = tuple(f'DELETE FROM "{table.name}"' for table in schema.metadata.sorted_tables)
IDENTITY = (schema.bindings, schema.visitors, schema.claims, schema.moves)
Row = dict[str, Any]


@cache
def _compiled() -> Model:
    return compile_model(MODEL)


class Died(LeadEventsError):
    """The process died here."""


class World:
    """One log, one live generation, and a projector that steps when told."""

    def __init__(self, engine: Engine, document: dict[str, Any] | None = None) -> None:
        """Empty the database and found a log in it."""
        self.engine = engine
        self.model = _compiled() if document is None else compile_model(document)
        self.clock: Instant = START
        with writing(engine) as connection:
            empty(connection)
            log.found(connection, MASTER_KEY)
            connection.execute(delete(schema.keys))
            connection.execute(insert(schema.keys), {"ref": LOG_REF, "wrapped_key": _LOG_KEY})
            connection.execute(schema.head.update().values(log_id=LOG_ID))
            models.publish(connection, document or MODEL, "test", "", START)
            self.live = self._create(connection, Status.LIVE)
            self.vault = log.open_vault(connection, MASTER_KEY)

    @staticmethod
    def _create(connection: Connection, status: Status) -> int:
        return generations.create(
            connection, model_number=1, fold_revision=FOLD_REVISION, list_revision=1, status=status, created_at=START
        )

    def append(self, said: Sequence[Said]) -> list[log.Outcome]:
        """Append a batch, each event at its own arrival."""
        if not said:
            return []
        self.clock = max(self.clock, *(one.arrival for one in said))
        return log.append(self.engine, self.vault, [Arrival(1, one.admitted(), one.arrival) for one in said])

    def append_named(self, events: Sequence[Named]) -> None:
        """Append events that have only what identity looks at; their refs become pseudonyms of the vault, in the same order."""
        arrivals = []
        for named in events:
            strong = [Identifier(IdentifierKind.CRM, ref.hex(), "crm") for ref in named.strong]
            weak = [] if named.anonymous is None else [Identifier(IdentifierKind.ANONYMOUS, named.anonymous.hex())]
            new = NewEvent(
                event_id=f"n-{named.position}", type="page.viewed", version=1, at=named.at, identifiers=(*strong, *weak),
                plain={}, personal={}, said=b"",
            )  # fmt: skip
            arrivals.append(Arrival(1, new, START))
        log.append(self.engine, self.vault, arrivals)

    def named(self, after: int, limit: int) -> list[Named]:
        """Return a page of the log as identity sees it."""
        with reading(self.engine) as connection:
            return [identity.name(row) for row in log.read(connection, after, limit)]

    def erase(self, place: int) -> int | None:
        """Erase one of the leads that there are; return its founding position, or None when it was erased before."""
        foundings = [row["founding"] for row in self.rows() if not row["emptied"]]
        founding = int(foundings[place % len(foundings)])
        self.clock += MINUTE
        try:
            erasing.erase(self.engine, self.vault, Request(founding, 1, "test", self.clock))
        except AlreadyErased:
            return None
        return founding

    def tick(self, now: Instant) -> None:
        """Raise the log's clock."""
        self.clock = max(self.clock, now)
        log.tick(self.engine, now)

    def step(self, page: int = ONE_BIG_PAGE) -> projector.Step | None:
        """Let the live generation take one step."""
        return projector.step(self.engine, self.vault, self.live, self.model, page)

    def read_step(self) -> tuple[Page, Folded]:
        """Do the half of a step that reads and folds."""
        with reading(self.engine) as connection:
            upto = log.read_head(connection).position
        identity.extend(self.engine, upto, ONE_BIG_PAGE)
        with reading(self.engine) as connection:
            page = read_page(connection, self.live, self.model, ONE_BIG_PAGE)
            assert page is not None
            return page, fold_page(connection, self.vault, page)

    def save_step(self, page: Page, folded: Folded) -> bool:
        """Do the half of a step that writes; say whether it was in time."""
        try:
            with writing(self.engine) as connection:
                projector.save(connection, page, folded)
        except StaleGeneration:
            return False
        return True

    def another(self) -> int:
        """Begin a second generation under the same model."""
        with writing(self.engine) as connection:
            return self._create(connection, Status.BUILDING)

    def catch_up(self, page: int = ONE_BIG_PAGE) -> None:
        """Step the live generation until there is nothing left."""
        while self.step(page) is not None:
            pass

    def rows(self, generation_id: int | None = None) -> list[Row]:
        """Return every column of every lead of a generation but the generation itself."""
        table = schema.leads
        with reading(self.engine) as connection:
            where = table.c.generation_id == (generation_id or self.live)
            found = connection.execute(select(table).where(where).order_by(table.c.founding)).mappings().all()
        return [{name: value for name, value in row.items() if name != "generation_id"} for row in found]

    def identity(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what is decided about who is who, table by table."""
        with reading(self.engine) as connection:
            return {t.name: sorted(map(tuple, connection.execute(select(t)).all())) for t in IDENTITY}

    def rebuild(self, page: int = ONE_BIG_PAGE) -> None:
        """Drop all that can be derived, and derive it again."""
        with writing(self.engine) as connection:
            for table in (*IDENTITY, schema.leads, schema.parked):
                connection.execute(delete(table))
            connection.execute(schema.identity_head.update().values(position=0))
            connection.execute(schema.generations.update().values(position=0, clock=0))
        self.catch_up(page)

    def digest(self) -> str:
        """Return one hash over every row of the live generation."""
        return hashlib.sha256(repr(self.rows()).encode()).hexdigest()

    def play(self, said: Sequence[Said], acts: Sequence[Act]) -> Iterator[Act]:
        """Let a history happen, stopping after every act; what was not appended by then is appended at the end."""
        waiting = list(said)
        for act in acts:
            self._perform(act, said, waiting)
            yield act
        self.append(waiting)

    def _perform(self, act: Act, said: Sequence[Said], waiting: list[Said]) -> None:
        match act:
            case Append(size, again, crashes):
                sent = len(said) - len(waiting)
                batch = [said[number] for number in again if number < sent] + waiting[:size]
                if crashes:
                    with dying(self.engine, 1):
                        self.append(batch)
                self.append(batch)
                del waiting[:size]
            case StepOnce(page, None):
                self.step(page)
            case StepOnce(page, int(dies_at)):
                with dying(self.engine, dies_at):
                    self.step(page)
            case Extend(page):
                with reading(self.engine) as connection:
                    upto = log.read_head(connection).position
                identity.extend(self.engine, upto, page)
            case Tick(minutes):
                self.tick(self.clock + minutes * MINUTE)


@contextmanager
def dying(engine: Engine, commit: int) -> Iterator[None]:
    """Kill whatever runs inside the block just before its n-th commit; a block with fewer commits survives."""
    count = 0

    def before_commit(_connection: Connection) -> None:
        nonlocal count
        count += 1
        if count == commit:
            raise Died

    event.listen(engine, "commit", before_commit)
    try:
        yield
    except Died:
        pass
    finally:
        event.remove(engine, "commit", before_commit)


def empty(connection: Connection) -> None:
    """Delete every row of a database that has no triggers against it."""
    at_once = connection.dialect.name == "postgresql"
    for statement in ("; ".join(_DELETIONS),) if at_once else _DELETIONS:
        connection.exec_driver_sql(statement)
