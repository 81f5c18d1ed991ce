"""The whole difference between two generations, lead by lead, before anything goes live."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection

from lead_events.domain import state
from lead_events.domain.lead import fold
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant, format_instant
from lead_events.projections.tallying import Tally, compare_lead, moved_by_rule, points_by_rule, summarize
from lead_events.store import histories, leads, parked
from lead_events.store.generations import Generation
from lead_events.store.vault import Vault

_REPORTED_LEADS = 1_000
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
    pairs = _pairs(connection, old.generation.generation_id, new.generation.generation_id)
    for number, (founding, before, after) in enumerate(pairs, 1):
        compare_lead(tally, old.model, new.model, before, after, as_of)
        if report is not None and number % _REPORTED_LEADS == 0:
            report(founding)
    if report is not None:
        report(_END)
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


def _pairs(connection: Connection, old_id: int, new_id: int) -> Iterator[tuple[int, Lead | None, Lead | None]]:
    """Walk both generations by founding position, side by side; a lead that one of them lacks is None there."""
    both = heapq.merge(_walk(connection, old_id, 0), _walk(connection, new_id, 1))
    for founding, found in groupby(both, itemgetter(0)):
        leads_of = {side: state.load(dumped) for _, side, dumped in found}
        yield founding, leads_of.get(0), leads_of.get(1)


def _walk(connection: Connection, generation_id: int, side: int) -> Iterator[tuple[int, int, str]]:
    return ((founding, side, dumped) for founding, dumped in leads.walk_states(connection, generation_id))


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
