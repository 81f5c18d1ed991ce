"""Which conditions differ between two models by nothing but points that scores are compared with, and whom that can concern.

Whoever never came near any of those points stands the same under both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lead_events.domain.conditions import LeadCondition
from lead_events.domain.model import Model
from lead_events.domain.scoring import Contribution

_CONDITIONS = ("definitions", "temperature")
_SAYS_NOTHING = frozenset({"name", "tests", *_CONDITIONS})


def changed_thresholds(old: Model, new: Model) -> list[LeadCondition] | None:
    """Return the definitions and temperatures, of both models, that compare a score with other points.

    Returns:
        None when anything else differs, too, lists among it.
    """
    if old.lists is not new.lists or _said(old) != _said(new):
        return None
    pairs = zip(_conditions(old), _conditions(new), strict=True)
    return [condition for (was, before), (now, after) in pairs if was != now for condition in (before, after)]


def may_concern(conditions: Sequence[LeadCondition], model: Model, contributions: Sequence[Contribution]) -> bool:
    """Say whether any of some conditions may ever have held for a lead.

    Args:
        conditions: of ``changed_thresholds``.
        model: under which the lead was folded; its scores are those of the other one.
        contributions: of its whole history, none of which an override gave.
    """
    most: dict[str, float] = defaultdict(float)
    for each in contributions:
        if each.credited > 0:
            most[each.score] += each.credited
    reached = [most[score.name] for score in model.scores]
    return any(_may_hold(condition, reached) for condition in conditions)


def _may_hold(condition: LeadCondition, most: Sequence[float]) -> bool:
    """Say whether a condition may hold while no score is ever above a bound."""
    match condition.kind:
        case "all":
            return all(_may_hold(part, most) for part in condition.parts)
        case "some":
            return sum(_may_hold(part, most) for part in condition.parts) >= condition.needed
        case "score" if condition.spec.reached:
            # Sums of decayed points are a little off, far less than a millionth.
            return bool(most[condition.spec.score] >= condition.spec.points * (1 - 1e-6))
    return True


def _said(model: Model) -> dict[str, Any]:
    """Return what a model says, in its order, but for the points that scores are compared with."""
    said = model.document.model_dump(exclude=set(_SAYS_NOTHING))
    conditions = {name: _blank(getattr(model.document, name)) for name in _CONDITIONS}
    order = [list(said["scores"]), list(said["stages"]), [list(each) for each in conditions.values()]]
    return {**said, **conditions, "order": order}


def _blank(spec: Any) -> Any:
    if isinstance(spec, list):
        return [_blank(each) for each in spec]
    if not isinstance(spec, Mapping):
        return spec
    return {name: sorted(each) if name.startswith("scores.") and each else _blank(each) for name, each in spec.items()}


def _conditions(model: Model) -> list[tuple[Any, LeadCondition]]:
    document = model.document
    definitions = [(document.definitions[name], condition) for name, condition in model.definitions]
    return definitions + [(document.temperature[name], condition) for name, condition in model.temperatures]
