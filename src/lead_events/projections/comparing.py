"""The whole difference between two generations, lead by lead, before anything goes live."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappush, heappushpop
from typing import Any

from sqlalchemy import Connection, select

from lead_events.domain import state
from lead_events.domain.changes import standing
from lead_events.domain.decay import decayed
from lead_events.domain.lead import fold
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.model import Model
from lead_events.domain.scoring import Trace, value_at
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant, format_instant
from lead_events.store import histories, parked, schema
from lead_events.store.generations import Generation
from lead_events.store.vault import Vault

_CHUNK = 1_000
_END = 2**62
_TOP = 10
_BANDS = (-100, -50, -20, -10, -5, 0, 5, 10, 20, 50, 100)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two generations that are compared."""

    generation: Generation
    model: Model


@dataclass(slots=True)
class _Tally:
    leads: int = 0
    different: int = 0
    entered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    stages: Counter[tuple[str, str]] = field(default_factory=Counter)
    temperatures: Counter[tuple[str, str]] = field(default_factory=Counter)
    deltas: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    movers: list[tuple[float, int]] = field(default_factory=list)


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
    tally = _Tally()
    for end, pairs in _pairs(connection, old.generation.generation_id, new.generation.generation_id):
        for before, after in pairs:
            _compare_lead(tally, old.model, new.model, before, after, as_of)
        if report is not None:
            report(end)
    movers = [
        _mover(connection, vault, old, new, founding, delta, as_of) for delta, founding in sorted(tally.movers, reverse=True)
    ]
    return {
        "as_of": format_instant(as_of),
        "from": {"generation_id": old.generation.generation_id, "model": old.generation.model_number},
        "to": {"generation_id": new.generation.generation_id, "model": new.generation.model_number},
        "empty": tally.different == 0,
        "leads": tally.leads,
        "different": tally.different,
        "definitions": _definitions(tally, old.model, new.model),
        "stages": [{"from": a, "to": b, "leads": n} for (a, b), n in tally.stages.most_common()],
        "temperatures": [{"from": a, "to": b, "leads": n} for (a, b), n in tally.temperatures.most_common()],
        "scores": {name: _spread(deltas) for name, deltas in sorted(tally.deltas.items())},
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


def _compare_lead(tally: _Tally, old: Model, new: Model, before: Lead | None, after: Lead | None, as_of: Instant) -> None:
    tally.leads += 1
    one = standing(before, old) if before else None
    two = standing(after, new) if after else None
    if one is None or two is None or before is None or after is None:
        tally.different += 1
        return
    tally.entered.update(set(two["qualified"]) - set(one["qualified"]))
    tally.left.update(set(one["qualified"]) - set(two["qualified"]))
    if one["stage"] != two["stage"]:
        tally.stages[one["stage"], two["stage"]] += 1
    if one["temperature"] != two["temperature"]:
        tally.temperatures[one["temperature"], two["temperature"]] += 1
    moved = _score_deltas(tally, old, new, before, after, as_of)
    tally.different += one != two or moved > 0 or before.traits != after.traits
    if moved:
        push = heappush if len(tally.movers) < _TOP else heappushpop
        push(tally.movers, (moved, after.founding))


def _score_deltas(tally: _Tally, old: Model, new: Model, before: Lead, after: Lead, as_of: Instant) -> float:
    """Tally how far each score moved and return the sum of the distances, in points rounded to 0.01."""
    was = {score.name: value_at(before, index, score, as_of) for index, score in enumerate(old.scores)}
    now = {score.name: value_at(after, index, score, as_of) for index, score in enumerate(new.scores)}
    total = 0.0
    for name in was.keys() | now.keys():
        delta = round((now.get(name) or 0.0) - (was.get(name) or 0.0), 2)
        if delta:
            tally.deltas[name].append(delta)
            total += abs(delta)
    return total


def _definitions(tally: _Tally, old: Model, new: Model) -> dict[str, dict[str, int]]:
    names = list(dict.fromkeys([name for name, _ in old.definitions] + [name for name, _ in new.definitions]))
    return {name: {"entered": tally.entered[name], "left": tally.left[name]} for name in names}


def _spread(deltas: list[float]) -> dict[str, Any]:
    bands = Counter(sum(delta > band for band in _BANDS) for delta in deltas)
    edges: list[float | None] = [None, *_BANDS, None]
    return {
        "leads": len(deltas),
        "up": sum(delta > 0 for delta in deltas),
        "down": sum(delta < 0 for delta in deltas),
        "mean": round(sum(deltas) / len(deltas), 2),
        "largest": max(deltas, key=abs),
        "histogram": [{"above": edges[n], "up_to": edges[n + 1], "leads": count} for n, count in sorted(bands.items())],
    }


def _mover(
    connection: Connection, vault: Vault, old: Side, new: Side, founding: int, delta: float, as_of: Instant
) -> dict[str, Any]:
    upto = min(old.generation.position, new.generation.position)
    history = histories.load(connection, vault, [founding], upto, parked.load_skips(connection))[founding]
    rules = {side: _points_by_rule(side.model, founding, history, as_of) for side in (old, new)}
    moved = {
        rule: round(rules[new].get(rule, 0.0) - rules[old].get(rule, 0.0), 2) for rule in rules[old].keys() | rules[new].keys()
    }
    largest = sorted(((rule, points) for rule, points in moved.items() if points), key=lambda item: -abs(item[1]))[:5]
    return {
        "lead_id": encode_lead_id(vault.log_id, founding),
        "points": round(delta, 2),
        "rules": [{"rule": rule, "points": points} for rule, points in largest],
    }


def _points_by_rule(model: Model, founding: int, history: histories.History, as_of: Instant) -> dict[str, float]:
    trace = Trace()
    fold(model.begin(founding), history.events, model, as_of, trace)
    half_lives = {score.name: score.half_life for score in model.scores}
    points: dict[str, float] = defaultdict(float)
    for given in trace.contributions:
        points[given.rule] += decayed(given.credited, given.at, as_of, half_lives[given.score])
    return points
