"""Agreement: what a definition says about the people behind it, and whose word a model still lacks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from lead_events.domain.errors import Conflict, InvalidInput, InvalidModel

AGREEMENT = ("text", "owner", "approvers")
"""What a definition holds beside its condition: the words both departments agreed on, who keeps it, who must approve it."""

_LONGEST_NAME = 100
_MOST_APPROVERS = 20


class NotAnApprover(InvalidInput):
    """Nobody of this name is an approver of model {0}; its definitions name {1}."""


class NotApproved(Conflict):
    """Model {0} still needs the approval of {1}; ask for it, or give a reason to promote it without."""


def check_agreement(definition: Mapping[str, Any], where: str) -> None:
    """Let pass a definition whose ``text``, ``owner`` and ``approvers`` are what they must be.

    Raises:
        InvalidModel: says which is not.
    """
    for name in ("text", "owner"):
        if not isinstance(definition.get(name, ""), str):
            raise InvalidModel(f"{where}.{name}: this is a text for people")
    approvers = definition.get("approvers", [])
    if not isinstance(approvers, list) or not all(_is_name(each) for each in approvers) or len(approvers) > _MOST_APPROVERS:
        raise InvalidModel(f"{where}.approvers: this is a list of at most {_MOST_APPROVERS} names, such as [anna, boris]")
    if len(set(approvers)) != len(approvers):
        raise InvalidModel(f"{where}.approvers: each name stands once")


def approvers_of(document: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return everybody who must approve a model, each with the definitions that name them."""
    found: dict[str, list[str]] = {}
    for name, definition in (document.get("definitions") or {}).items():
        for approver in definition.get("approvers") or ():
            found.setdefault(approver, []).append(name)
    return found


def missing_approvals(document: Mapping[str, Any], approved: Collection[str]) -> list[str]:
    """Return the names of those who must still approve a model, in the order of the document."""
    return [name for name in approvers_of(document) if name not in approved]


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME and value == value.strip() and value.isprintable()
