"""The whole difference between two generations, lead by lead, before anything goes live."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from lead_events.domain import state
from lead_events.domain.lead import fold
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant, format_instant
from lead_events.projections.tallying import Tally, compare_lead, moved_by_rule, points_by_rule, summarize
from lead_events.store import histories, parked, schema
from lead_events.store.generations import Generation
from lead_events.store.vault import Vault

_CHUNK = 1_000
_END = 2**62


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two generations that are compared."""

    generation: Generation
    model: Model


def compare(
    connection: Connection, vault: Vault, old: Side, new: Side, report: Callable[[int], None] | None = None
) -> dict[str, Any]:
    """Compare every lead of two generations at the later one's clock.

    Args:
        connection: to read both with.
        vault: to open the events of the top movers with.
        old: as it is.
        new: as it would be.
        report: told now and then up to which founding position leads are compared.

    Returns:
        A report: leads compared, who enters and leaves each definition, stage and temperature moves,
        score deltas in points, and the top movers with the rules that moved them.
    """
    as_of = max(old.generation.clock, new.generation.clock)
    tally = Tally()
    for end, pairs in _pairs(connection, old.generation.generation_id, new.generation.generation_id):
        for before, after in pairs:
            compare_lead(tally, old.model, new.model, before, after, as_of)
        if report is not None:
            report(end)
    movers = [
        _mover(connection, vault, old, new, founding, delta, as_of) for delta, founding in sorted(tally.movers, reverse=True)
    ]
    return {
        "as_of": format_instant(as_of),
        "from": {"generation_id": old.generation.generation_id, "model": old.generation.model_number},
        "to": {"generation_id": new.generation.generation_id, "model": new.generation.model_number},
        **summarize(tally, old.model, new.model),
        "top_movers": movers,
    }


_Pair = tuple[Lead | None, Lead | None]


def _pairs(connection: Connection, old_id: int, new_id: int) -> Iterator[tuple[int, Iterable[_Pair]]]:
    """Walk both generations by founding position, some thousand leads at a time; yields where each such walk ended too."""
    after = 0
    table = schema.leads
    while True:
        end = connection.execute(
            select(table.c.founding)
            .where(table.c.generation_id.in_([old_id, new_id]), table.c.founding > after)
            .order_by(table.c.founding)
            .distinct()
            .offset(_CHUNK - 1)
            .limit(1)
        ).scalar()
        sides = [_load_range(connection, generation_id, after, end) for generation_id in (old_id, new_id)]
        foundings = sorted(sides[0].keys() | sides[1].keys())
        yield end or _END, [(sides[0].get(founding), sides[1].get(founding)) for founding in foundings]
        if end is None:
            return
        after = end


def _load_range(connection: Connection, generation_id: int, after: int, end: int | None) -> dict[int, Lead]:
    table = schema.leads
    where = [table.c.generation_id == generation_id, table.c.founding > after]
    if end is not None:
        where.append(table.c.founding <= end)
    rows = connection.execute(select(table.c.founding, table.c.state).where(*where)).all()
    return {founding: state.load(text) for founding, text in rows}


def _mover(
    connection: Connection, vault: Vault, old: Side, new: Side, founding: int, delta: float, as_of: Instant
) -> dict[str, Any]:
    upto = min(old.generation.position, new.generation.position)
    history = histories.load(connection, vault, [founding], upto, parked.load_skips(connection))[founding]
    was, now = (_points_by_rule(side.model, founding, history, as_of) for side in (old, new))
    return {"lead_id": encode_lead_id(vault.log_id, founding), "points": round(delta, 2), "rules": moved_by_rule(was, now)}


def _points_by_rule(model: Model, founding: int, history: histories.History, as_of: Instant) -> dict[str, float]:
    trace = Trace()
    fold(model.begin(founding), history.events, model, as_of, trace)
    return points_by_rule(trace, model, as_of)
