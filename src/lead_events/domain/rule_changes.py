"""Which rules differ between two models that are alike in everything else: whom none of these touches, scores the same."""

from __future__ import annotations

from typing import Any

from lead_events.domain.model import Model
from lead_events.domain.rules import CompiledRule

_SAYS_NOTHING = frozenset({"name", "tests"})


def changed_rules(old: Model, new: Model) -> list[CompiledRule] | None:
    """Return the rules on events that one model has otherwise, or does not have.

    Returns:
        Those of both models; None when anything else differs, too, lists among it.
    """
    if old.lists is not new.lists or _without_rules(old) != _without_rules(new) or _order(old, new) != _order(new, old):
        return None
    was, now = _specs(old), _specs(new)
    differing = {id_ for id_ in was.keys() | now.keys() if was.get(id_) != now.get(id_)}
    changed = [rule for model in (old, new) for rule in model.rules if rule.id in differing]
    return None if any(rule.of_traits for rule in changed) else changed


def _without_rules(model: Model) -> dict[str, Any]:
    """Return what a model says besides its rules, in its order: the order of scores and definitions is part of it."""
    said = model.document.model_dump(exclude=set(_SAYS_NOTHING))
    for score in said["scores"].values():
        score.pop("rules")
    # Whether a score rests on traits alone, and on which, follows from its rules and decides whether it is a number at all.
    said["known"] = [score.unknown_without for score in model.scores]
    return {**said, "order": [list(said["scores"]), list(said["definitions"]), list(said["stages"])]}


def _specs(model: Model) -> dict[str, Any]:
    scores = model.document.scores.items()
    return {rule.id: (name, rule.model_dump()) for name, score in scores for rule in score.rules}


def _order(model: Model, other: Model) -> list[str]:
    """Return the rules that both have, in a model's order: points are capped in it."""
    return [rule.id for rule in model.rules if rule.id in other.rules_by_id]
