"""Events that the service's own endpoints append for whoever asks: which lead they name, and where they land in the log."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from lead_events import clock
from lead_events.api.deps import Moment, Reader, UnknownLead
from lead_events.domain import strict_json, wire
from lead_events.domain.consent import stamp
from lead_events.domain.errors import Conflict, ErasedLead
from lead_events.domain.wire import MAX_AUTHOR
from lead_events.store import leads, listing, log, sources
from lead_events.store.api_keys import Key
from lead_events.store.engine import reading
from lead_events.store.envelope import Arrival
from lead_events.store.log import Kept

Author = Annotated[str | None, Field(max_length=MAX_AUTHOR, description="Who did it; without it, the key's source.")]
"""Whom a request names as the one who decided."""

Check = Callable[[Moment, str], None]
"""Refuses what somebody, by name, wants to say of a lead at a moment."""


class EventIdTaken(Conflict):
    """/event_id: another event has this id; send another one, or none."""


def append_about(
    reader: Reader, key: Key, lead_id: str, author: str | None, event: Mapping[str, Any], check: Check | None = None
) -> int:
    """Append what somebody says of one lead; an event of the same ``event_id`` sent again changes nothing.

    Args:
        author: who says it, or None for the source of the key.
        event: all of it but ``lead_id`` and ``author``.
        check: refuses what can have no effect.

    Returns:
        Its position, the first time's when it was there already.

    Raises:
        UnknownLead: no lead ever had this id, or its events are not folded yet.
        ErasedLead: nothing can be said of it any more.
        InvalidEvent: a field does not fit.
        EventIdTaken: the id belongs to an event that says something else.
    """
    with reader.moment() as moment:
        said = {**event, "lead_id": moment.lead_id(address(moment, lead_id)), "author": find_author(moment, key, author)}
        if check is not None:
            check(moment, said["author"])
    return append(reader, key, said)


def append(reader: Reader, key: Key, *bodies: dict[str, Any]) -> int:
    """Append events from the source of a key, in one commit; they happen after everything received so far.

    Returns:
        The position of the last one; an event whose own id was appended before has that of the first.

    Raises:
        InvalidJson: it holds what no event may hold; the framework's reader lets it pass.
        InvalidEvent: a field does not fit.
        EventIdTaken: another event has the id.
    """
    strict_json.check([*bodies])
    with reading(reader.engine) as connection:
        now = max(clock.now(), log.read_head(connection).received_at + 1)
    admitted = [
        wire.admit(body, arrival=now, trusted=True, phone_region=reader.phone_region, new_event_id=clock.new_event_id, own=True)
        for body in bodies
    ]
    stamped = [stamp(event, opt_in=key.opt_in) for event in admitted]
    outcomes = log.append(reader.engine, reader.vault, [Arrival(key.source_id, event, now) for event in stamped])
    if any(outcome.kept is Kept.QUARANTINED for outcome in outcomes):
        raise EventIdTaken
    return outcomes[-1].position


def find_author(moment: Moment, key: Key, named: str | None) -> str:
    """Return who did it: as named, else the source of the key."""
    if named:
        return named
    names = sources.read_names(moment.connection)
    return names.get(key.source_id, f"source {key.source_id}")


def address(moment: Moment, lead_id: str, *, erased: bool = False) -> int:
    """Return the lead that an event about an id names, by its founding position.

    A merged lead is named as itself, so that an unmerge gives it back what was said of it; a visitor whose events all
    went to somebody known is named as that one.

    Args:
        erased: whether an erased lead may be named too.

    Raises:
        UnknownLead: no lead ever had this id, or its events are not folded yet.
        ErasedLead: nothing can be said of it any more.
    """
    founding = moment.founding(lead_id)
    row = leads.load(moment.connection, moment.generation.generation_id, [founding]).get(founding)
    if row is None:
        raise UnknownLead
    if row.lead.erased is not None and not erased:
        raise ErasedLead
    if not row.emptied or row.merged:
        return founding
    return listing.load_owners(moment.connection, [founding], moment.generation.position).get(founding, founding)
