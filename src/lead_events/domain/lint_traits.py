"""Lint against the log: traits that a model asks for and that nobody sends. The traits that were sent are an argument."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lead_events.domain.findings import Notes, did_you_mean
from lead_events.domain.model_text import step

CARRIED_DAYS = 90
"""How far back one looks for events that carry a trait."""


def check(notes: Notes, document: Mapping[str, Any], carried: Collection[str]) -> None:
    """Warn of every trait that the document asks for and that no recent event carried.

    Args:
        carried: the names of the traits that events of the last ``CARRIED_DAYS`` days carried.
    """
    for pointer, trait in _asked(document, ""):
        if trait not in carried:
            words = f"no event of the last {CARRIED_DAYS} days carried {trait!r}, so no form asks for it"
            notes.warn(pointer, words, did_you_mean(trait, carried) or f"ask for {trait} in a form, or let the CRM send it")


def asked(document: object) -> set[str]:
    """Return the names of the traits that a document asks for."""
    return {trait for _, trait in _asked(document, "")}


def _asked(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Give every place that names a trait; tests bring their own traits and are left out."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            here = step(pointer, name)
            if isinstance(name, str) and name.startswith("traits."):
                yield here, name.removeprefix("traits.")
            elif here != "/tests":
                yield from _asked(inner, here)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if isinstance(inner, str) and inner.startswith("traits.") and pointer.endswith("/requires"):
                yield step(pointer, index), inner.removeprefix("traits.")
            else:
                yield from _asked(inner, step(pointer, index))
