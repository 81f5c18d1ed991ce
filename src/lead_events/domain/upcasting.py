"""Old schema versions read as the current one: a chain of pure functions, each from one version to the next.

The stored form never changes; whoever changes a model adds a function here and keeps the old golden file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from lead_events.domain.errors import Misconfigured
from lead_events.domain.event_types import TYPES

Fields = dict[str, Any]
Upcaster = Callable[[Fields], Fields]
Upcasters = Mapping[tuple[str, int], Upcaster]

UPCASTERS: Upcasters = MappingProxyType({})
"""From (type, version) to the function that gives the next version; every type is at version 1 today."""

_VERSIONS: Mapping[str, int] = MappingProxyType({name: kind.version for name, kind in TYPES.items()})


def upcast(
    type_name: str,
    version: int,
    fields: Fields,
    *,
    upcasters: Upcasters = UPCASTERS,
    versions: Mapping[str, int] = _VERSIONS,
) -> Fields:
    """Bring the fields of a stored event to the current version of its type.

    Args:
        type_name: built-in or custom; custom types have version 1 for ever.
        version: the version it was stored with.
        fields: the opened fields; not changed.
        upcasters: steps from each version to the next.
        versions: current version by type.

    Returns:
        The fields as the current version spells them.

    Raises:
        Misconfigured: the event was stored by a newer lead-events.
    """
    current = versions.get(type_name, 1)
    if version == current:
        return fields
    if version > current:
        message = f"An event '{type_name}' was stored at version {version} by a newer lead-events; upgrade this one."
        raise Misconfigured(message)
    for step in range(version, current):
        fields = upcasters[type_name, step](fields)
    return fields


def check_complete(upcasters: Upcasters, versions: Mapping[str, int]) -> None:
    """Let pass only a registry that leads from every version of every type to the current one.

    Raises:
        Misconfigured: a step is missing, or leads from nowhere.
    """
    needed = {(name, step) for name, current in versions.items() for step in range(1, current)}
    wrong = sorted(needed ^ set(upcasters))
    if wrong:
        message = f"The upcasters do not fit the versions of the event types: {wrong}"
        raise Misconfigured(message)


check_complete(UPCASTERS, _VERSIONS)
