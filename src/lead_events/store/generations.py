"""Generations: which read models exist, how far each one is, which one is live."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, delete, func, insert, select, update

from lead_events.domain.errors import Conflict, NotFound, StaleGeneration
from lead_events.domain.times import Instant
from lead_events.store import schema
from lead_events.store.dialect import ask, ask_one, lock_for_numbering, may_number

_TABLE = schema.generations
# In the driver's words, for every read begins with it: to build and compile it each time cost three times as much.
_SELECT = f"SELECT {', '.join(column.name for column in _TABLE.columns)} FROM generations"  # noqa: S608 - names of the schema
CANCELLED = "cancelled"


class Status(StrEnum):
    """Where a generation is in its life."""

    BUILDING = "building"
    READY = "ready"
    LIVE = "live"
    RETIRED = "retired"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Generation:
    """One complete read model; its checkpoint is the pair (position, clock).

    Attributes:
        position: the last event folded.
        list_revision: the number of the lists of mail providers that it is folded with.
        clock: the instant up to which time has been folded, microseconds UTC.
        base_position, base_clock: the checkpoint that a build aims at; later events are caught up with page by page.
        current_until: a generation that is not live is kept current until this instant; None for as long as it stands.
        replaces: the generation that was live before it.
        built_at: when the build was done, microseconds UTC.
        difference: report against the live generation, JSON.
        error: why it failed.
        without_approval: the reason given for promoting it before everybody named had approved its model.
    """

    generation_id: int
    model_number: int
    fold_revision: int
    list_revision: int
    status: Status
    position: int
    clock: Instant
    created_at: Instant
    promoted_at: Instant | None
    base_position: int
    base_clock: Instant
    current_until: Instant | None
    replaces: int | None
    built_at: Instant | None
    difference: str | None
    error: str | None
    without_approval: str | None = None


def create(
    connection: Connection,
    *,
    model_number: int,
    fold_revision: int,
    list_revision: int,
    status: Status,
    created_at: Instant,
    base_position: int = 0,
    base_clock: Instant = 0,
) -> int:
    """Create an empty generation at the beginning of the log and return its id."""
    lock_for_numbering(connection, _TABLE)
    last = connection.execute(select(func.max(_TABLE.c.generation_id))).scalar()
    generation_id = int(last or 0) + 1
    row = {
        "generation_id": generation_id,
        "model_number": model_number,
        "fold_revision": fold_revision,
        "list_revision": list_revision,
        "status": status,
        "position": 0,
        "clock": 0,
        "created_at": created_at,
        "promoted_at": created_at if status is Status.LIVE else None,
        "base_position": base_position,
        "base_clock": base_clock,
    }
    connection.execute(insert(_TABLE), row)
    return generation_id


def load(connection: Connection, generation_id: int) -> Generation:
    """Return one generation.

    Raises:
        NotFound: it does not exist.
    """
    rows = ask(connection, f"{_SELECT} WHERE generation_id = ?", (generation_id,)) if may_number(generation_id) else []
    if not rows:
        raise NotFound("generation", generation_id)
    return _generation(rows[0])


def load_live(connection: Connection) -> Generation:
    """Return the generation that answers readers."""
    return _generation(ask_one(connection, f"{_SELECT} WHERE status = ?", (Status.LIVE.value,)))


def load_all(connection: Connection) -> list[Generation]:
    """Return every generation, oldest first."""
    return [_generation(tuple(row)) for row in connection.execute(select(_TABLE).order_by(_TABLE.c.generation_id))]


def advance(connection: Connection, before: Generation, position: int, clock: Instant) -> None:
    """Move a checkpoint, together with the rows that the same transaction saved.

    Raises:
        StaleGeneration: somebody else moved it since ``before`` was read; nothing may be saved.
    """
    moved = ask(
        connection,
        "UPDATE generations SET position = ?, clock = ?"
        " WHERE generation_id = ? AND status = ? AND position = ? AND clock = ? RETURNING generation_id",
        (position, clock, before.generation_id, before.status.value, before.position, before.clock),
    )
    if not moved:
        raise StaleGeneration(before.generation_id)


def _generation(row: tuple[object, ...]) -> Generation:
    # The columns stand in the order of the fields.
    return Generation(*row[:4], Status(row[4]), *row[5:])  # type: ignore[arg-type,call-arg]


def load_standing_by(connection: Connection) -> list[Generation]:
    """Return the generations that are kept current without being live: ready to be promoted, or to be rolled back to."""
    statement = f"{_SELECT} WHERE status IN (?, ?) AND built_at IS NOT NULL"
    return [_generation(row) for row in ask(connection, statement, (Status.READY.value, Status.RETIRED.value))]


def lock_live(connection: Connection) -> Generation:
    """Return the live generation and keep everybody else from moving it until this transaction ends."""
    statement = select(_TABLE).where(_TABLE.c.status == Status.LIVE).with_for_update()
    while (row := connection.execute(statement).first()) is None:
        pass  # what was live while this waited for its lock was replaced; the next look sees the new one
    return _generation(tuple(row))


def flip(
    connection: Connection,
    old: Generation,
    new: Generation,
    now: Instant,
    kept_until: Instant,
    without_approval: str | None = None,
) -> None:
    """Make ``new`` answer readers; ``old`` stands by until ``kept_until``, microseconds UTC.

    Args:
        without_approval: the reason, if not everybody named had approved its model; one given once stays.
    """
    retired = {"status": Status.RETIRED, "current_until": kept_until, "built_at": old.built_at or now}
    connection.execute(update(_TABLE).where(_TABLE.c.generation_id == old.generation_id).values(retired))
    live = {"status": Status.LIVE, "promoted_at": now, "replaces": old.generation_id, "current_until": None}
    if without_approval is not None:
        live["without_approval"] = without_approval
    connection.execute(update(_TABLE).where(_TABLE.c.generation_id == new.generation_id).values(live))


def begin_at(connection: Connection, generation: Generation) -> bool:
    """Set a generation whose parts are all built to the checkpoint they were built for; say whether it was the first to."""
    where = _TABLE.c.generation_id == generation.generation_id, _TABLE.c.status == Status.BUILDING, _TABLE.c.clock == 0
    values = {"position": generation.base_position, "clock": generation.base_clock}
    return connection.execute(update(_TABLE).where(*where).values(values)).rowcount == 1


def finish(connection: Connection, generation_id: int, difference: str, now: Instant) -> None:
    """Declare a build ready, with its difference against the live generation."""
    values = {"status": Status.READY, "built_at": now, "difference": difference}
    where = _TABLE.c.generation_id == generation_id, _TABLE.c.status == Status.BUILDING
    connection.execute(update(_TABLE).where(*where).values(values))


def fail(connection: Connection, generation_id: int, error: str) -> None:
    """Give a build up, or a ready generation back."""
    where = _TABLE.c.generation_id == generation_id, _TABLE.c.status.in_([Status.BUILDING, Status.READY])
    if connection.execute(update(_TABLE).where(*where).values(status=Status.FAILED, error=error)).rowcount != 1:
        raise Conflict(f"generation {generation_id} is neither building nor ready")


def resume(connection: Connection, generation_id: int) -> None:
    """Take up a failed build where it stopped; a cancelled one is being dropped and stays so.

    Raises:
        Conflict: it has not failed, or was cancelled.
    """
    where = _TABLE.c.generation_id == generation_id, _TABLE.c.status == Status.FAILED, _TABLE.c.error != CANCELLED
    if connection.execute(update(_TABLE).where(*where).values(status=Status.BUILDING, error=None)).rowcount != 1:
        raise Conflict(f"generation {generation_id} has not failed, or was cancelled; replay its model again")


def load_building(connection: Connection) -> list[Generation]:
    """Return the generations that are being built, oldest first."""
    statement = select(_TABLE).where(_TABLE.c.status == Status.BUILDING).order_by(_TABLE.c.generation_id)
    return [_generation(tuple(row)) for row in connection.execute(statement)]


def load_outdated(connection: Connection, now: Instant) -> list[int]:
    """Return the generations whose rows nobody can ask for any more, but that still have some."""
    ended = (_TABLE.c.status == Status.RETIRED) & (_TABLE.c.current_until < now)
    statement = select(_TABLE.c.generation_id).where(ended | (_TABLE.c.error == CANCELLED))
    rows = schema.leads.c.generation_id
    return [
        g for g in connection.execute(statement).scalars() if connection.execute(select(rows).where(rows == g).limit(1)).first()
    ]


def drop_some(connection: Connection, generation_id: int, limit: int) -> int:
    """Delete up to ``limit`` rows of a generation and return how many; it can no longer be asked or promoted."""
    connection.execute(update(_TABLE).where(_TABLE.c.generation_id == generation_id).values(built_at=None))
    table = schema.leads
    some = select(table.c.founding).where(table.c.generation_id == generation_id).order_by(table.c.founding).limit(limit)
    where = table.c.generation_id == generation_id, table.c.founding.in_(some.scalar_subquery())
    deleted = connection.execute(delete(table).where(*where)).rowcount
    for rest in (schema.parked, schema.build_parts):
        connection.execute(delete(rest).where(rest.c.generation_id == generation_id))
    return deleted
