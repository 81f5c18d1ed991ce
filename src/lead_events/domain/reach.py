"""How far a score rose while the rest of a definition held: one number per lead gives every threshold's count.

What would have been found at 40 points instead of 50 needs no second fold: it is every lead that reached 40.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lead_events.domain.conditions import LeadTest, compile_lead_condition
from lead_events.domain.model import Model
from lead_events.domain.scoring import value_at
from lead_events.domain.state import Lead
from lead_events.domain.times import Instant

_Path = tuple[str | int, ...]
_MOST = 8
_SLIGHTEST = 1e-9
_UNREACHABLE = 1e300
_METADATA = frozenset({"text", "owner", "approvers"})


class Threshold(NamedTuple):
    """A score that a definition asks for, and the definition with that one threshold taken out.

    Attributes:
        definition: index of the definition.
        score: index of the score.
        at_least: points as the document says.
        low: the definition, were the slightest score enough.
        high: the definition, were no score enough; None where it could not hold then.
    """

    definition: int
    score: int
    at_least: float
    low: LeadTest
    high: LeadTest | None


def find_thresholds(model: Model) -> list[Threshold]:
    """Find the score thresholds of a model's definitions and compile each definition without them.

    What stands under ``not`` is left out, for there a higher threshold finds more. The model then counts what these
    conditions count too, so it must not have folded anything yet, and must not be shared; what it folds to stays the same.
    """
    scope, documented = model.scope, model.document.definitions
    kept = list(scope.thresholds)
    names = [score.name for score in model.scores]
    found = []
    for index, (name, spec) in enumerate(documented.items()):
        condition = {key: value for key, value in spec.items() if key not in _METADATA}
        for path, score, at_least, is_needed in list(_find(condition, (), is_needed=True))[:_MOST]:
            where = f"definitions.{name}"
            slightest = _SLIGHTEST if scope.half_lives[score] is not None else -_UNREACHABLE
            low = compile_lead_condition(_replaced(condition, path, slightest), scope, where)
            high = None if is_needed else compile_lead_condition(_replaced(condition, path, _UNREACHABLE), scope, where)
            found.append(Threshold(index, names.index(score), at_least, low.holds, high.holds if high else None))
    scope.thresholds[:] = kept  # time need not stop where a lead passes what no document asks for
    scope.close()
    return found


def reach(threshold: Threshold, lead: Lead, model: Model, at: Instant, best: float | None) -> float | None:
    """Return the highest threshold, in points, at which the lead meets the definition now or met it before.

    Args:
        best: the highest until now, None when it met it at none.
    """
    if threshold.high is not None and threshold.high(lead, at):
        return _UNREACHABLE
    value = value_at(lead, threshold.score, model.scores[threshold.score], at)
    if value is None or (best is not None and value <= best) or not threshold.low(lead, at):
        return best
    return value


def _find(spec: Any, path: _Path, *, is_needed: bool) -> Iterator[tuple[_Path, str, float, bool]]:
    if not isinstance(spec, Mapping) or "count" in spec:
        return
    for key, test in spec.items():
        if key in {"all", "any", "of"} and isinstance(test, list):
            for index, each in enumerate(test):
                yield from _find(each, (*path, key, index), is_needed=is_needed and key == "all")
        elif key.startswith("scores.") and isinstance(test, Mapping) and set(test) == {"at_least"}:
            yield (*path, key, "at_least"), key.removeprefix("scores."), float(test["at_least"]), is_needed


def _replaced(spec: Any, path: _Path, points: float) -> Any:
    if not path:
        return points
    step, rest = path[0], path[1:]
    if isinstance(spec, list):
        return [_replaced(each, rest, points) if index == step else each for index, each in enumerate(spec)]
    return {key: _replaced(value, rest, points) if key == step else value for key, value in spec.items()}
