"""Promotion and rollback: one transaction that no reader sees the middle of.

The new generation is stepped to exactly the live one's checkpoint while the live row is locked; then they change places,
and the log says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine

from lead_events import clock
from lead_events.domain import state, wire
from lead_events.domain.changes import Change, ChangeKind, Standing, standing
from lead_events.domain.errors import Conflict
from lead_events.domain.times import DAY, Instant
from lead_events.projections.folding import fold_page
from lead_events.projections.pages import Bound, read_page
from lead_events.projections.projector import PAGE_EVENTS, Models, save, step
from lead_events.store import approvals, changes, generations, leads, log, promotions
from lead_events.store.changes import Draft
from lead_events.store.engine import reading, writing
from lead_events.store.envelope import Arrival, pack_batch
from lead_events.store.generations import Generation, Status
from lead_events.store.sources import SERVICE
from lead_events.store.vault import Vault

ROLLBACK_WINDOW = DAY


class Announce(StrEnum):
    """Which differences a promotion tells CRMs about."""

    NONE = "none"
    CHANGED_STAGE = "changed-stage"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Promotion:
    """What a promotion did.

    Attributes:
        position: of the event ``generation.promoted``.
        announced: how many leads were announced.
    """

    generation_id: int
    previous_id: int
    position: int
    announced: int


def promote(
    engine: Engine,
    vault: Vault,
    generation_id: int,
    compiled: Models,
    *,
    announce: Announce = Announce.NONE,
    without_approval: str | None = None,
) -> Promotion:
    """Make a generation that is ready answer readers.

    Args:
        without_approval: why it goes live although not everybody whom its model names has approved; kept for ever.

    Raises:
        NotApproved: somebody named has not approved, and there is no reason to do without.
        Conflict: it is not kept current, so it cannot take over.
    """
    with reading(engine) as connection:
        approvals.check(connection, generations.load(connection, generation_id), without_approval)
    return _take_over(engine, vault, generation_id, compiled, announce, without_approval, asks=True)


def _take_over(
    engine: Engine,
    vault: Vault,
    generation_id: int,
    compiled: Models,
    announce: Announce,
    without_approval: str | None,
    *,
    asks: bool,
) -> Promotion:
    """Step a generation to where the live one is and let them change places."""
    _draw_near(engine, vault, generation_id, compiled)
    with writing(engine) as connection:
        live = generations.lock_live(connection)
        new = _standing_by(connection, generation_id, live)
        new = _draw_level(connection, vault, live, new, compiled)
        reason = approvals.check(connection, new, without_approval) if asks else None
        now = clock.now()
        generations.flip(connection, live, new, now, now + ROLLBACK_WINDOW, reason)
        position, received_at = _append_promoted(connection, vault, live, new, announce, now, reason)
        drafts = _announced(connection, live, new, compiled, announce, position, received_at)
        changes.append(connection, [_promoted(live, new, position, received_at), *drafts], generation_id, received_at)
    return Promotion(generation_id, live.generation_id, position, len(drafts))


def rollback(engine: Engine, vault: Vault, compiled: Models, *, announce: Announce = Announce.NONE) -> Promotion:
    """Promote the generation that was live before the live one; what was live once needs no new approval.

    Raises:
        Conflict: there was none, or its window has ended.
    """
    with reading(engine) as connection:
        previous = generations.load_live(connection).replaces
    if previous is None:
        raise Conflict("nothing was promoted yet, so there is nothing to roll back to")
    return _take_over(engine, vault, previous, compiled, announce, None, asks=False)


def _draw_near(engine: Engine, vault: Vault, generation_id: int, compiled: Models) -> None:
    """Catch up as far as possible before the lock, so that it is held for less than a page."""
    while True:
        with reading(engine) as connection:
            live = generations.load_live(connection)
            new = _standing_by(connection, generation_id, live)
        bound = Bound(live.position, live.clock)
        near = live.position - new.position < PAGE_EVENTS // 4
        done = step(engine, vault, generation_id, compiled.of(new), PAGE_EVENTS, bound)
        if done is None or near:
            return


def _standing_by(connection: Connection, generation_id: int, live: Generation) -> Generation:
    new = generations.load(connection, generation_id)
    if new.generation_id == live.generation_id:
        raise Conflict(f"generation {generation_id} is live already")
    if new.status not in {Status.READY, Status.RETIRED} or new.built_at is None:
        raise Conflict(f"generation {generation_id} is {new.status} and not kept current; replay its model again")
    return new


def _draw_level(connection: Connection, vault: Vault, live: Generation, new: Generation, compiled: Models) -> Generation:
    bound = Bound(live.position, live.clock)
    model = compiled.of(new)
    while (page := read_page(connection, new.generation_id, model, PAGE_EVENTS, bound)) is not None:
        save(connection, page, fold_page(connection, vault, page))
    return generations.load(connection, new.generation_id)


def _append_promoted(
    connection: Connection, vault: Vault, live: Generation, new: Generation, announce: Announce, now: Instant, reason: str | None
) -> tuple[int, Instant]:
    properties: dict[str, Any] = {
        "generation_id": new.generation_id,
        "model": new.model_number,
        "fold_revision": new.fold_revision,
        "list_revision": new.list_revision,
        "previous_id": live.generation_id,
        "announce": announce.value,
        **promotions.describe_digests(connection, live, new),
    }
    if reason is not None:
        properties["without_approval"] = reason
    sent = {"type": promotions.TYPE, "properties": properties}
    event = wire.admit(sent, arrival=now, trusted=True, phone_region=None, new_event_id=clock.new_event_id, own=True)
    envelopes, packing = pack_batch(vault, [Arrival(SERVICE, event, now)])
    (outcome,) = log.append_packed(connection, packing, envelopes)
    return outcome.position, log.read_head(connection).received_at


def _promoted(live: Generation, new: Generation, position: int, received_at: Instant) -> Draft:
    detail = {"generation_id": new.generation_id, "previous_id": live.generation_id}
    change = Change(None, ChangeKind.PROMOTED, None, None, detail, position, received_at)
    return Draft(change, historic=False, replayed=(live.model_number, new.model_number))


def _announced(
    connection: Connection,
    live: Generation,
    new: Generation,
    compiled: Models,
    announce: Announce,
    position: int,
    received_at: Instant,
) -> list[Draft]:
    """Bring the rows whose standing differs behind every reader's bookmark, and say one change of each."""
    if announce is Announce.NONE:
        return []
    models = live.model_number, new.model_number
    differing = _differing(connection, live, new, compiled, announce)
    leads.stamp(connection, new.generation_id, [founding for founding, _, _ in differing], position, received_at)
    said = (Change(founding, _kind(old, now), old, now, {}, position, received_at) for founding, old, now in differing)
    return [Draft(change, historic=False, replayed=models) for change in said]


def _differing(
    connection: Connection, live: Generation, new: Generation, compiled: Models, announce: Announce
) -> list[tuple[int, Standing, Standing]]:
    old_model, new_model = compiled.of(live), compiled.of(new)
    if announce is Announce.CHANGED_STAGE:
        rows = leads.read_elsewhere(connection, live.generation_id, new.generation_id)
    else:
        named_alike = [name for name, _ in old_model.definitions] == [name for name, _ in new_model.definitions]
        rows = leads.read_unlike(connection, live.generation_id, new.generation_id, named_alike=named_alike)
    pairs = [(founding, state.load(old), state.load(now)) for founding, old, now in rows]
    found = [(founding, standing(a, old_model), standing(b, new_model)) for founding, a, b in pairs]
    return [(founding, old, now) for founding, old, now in found if old != now]


def _kind(old: Standing, now: Standing) -> ChangeKind:
    if old["stage"] != now["stage"]:
        return ChangeKind.STAGE_CHANGED
    if old["temperature"] != now["temperature"]:
        return ChangeKind.TEMPERATURE_CHANGED
    return ChangeKind.QUALIFIED if set(now["qualified"]) - set(old["qualified"]) else ChangeKind.UNQUALIFIED
