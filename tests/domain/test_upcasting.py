"""Upcasting: old versions are read as the current one, and an incomplete registry is seen at once."""

from __future__ import annotations

from typing import Any

import pytest

from lead_events.domain.errors import Misconfigured
from lead_events.domain.event_types import TYPES
from lead_events.domain.upcasting import UPCASTERS, check_complete, upcast

VERSIONS = {"form.submitted": 3, "page.viewed": 1}


def _rename(fields: dict[str, Any]) -> dict[str, Any]:
    """Rename ``form`` to ``form_id``."""
    return {"form_id": fields["form"]}


def _add(fields: dict[str, Any]) -> dict[str, Any]:
    """Add a default."""
    return {**fields, "offer_id": "none"}


STEPS = {("form.submitted", 1): _rename, ("form.submitted", 2): _add}


def test_steps_are_chained_from_the_stored_version() -> None:
    """Version 1 takes both steps, version 2 the second one, version 3 none."""
    read = [
        upcast("form.submitted", version, fields, upcasters=STEPS, versions=VERSIONS)
        for version, fields in ((1, {"form": "f"}), (2, {"form_id": "f"}), (3, {"form_id": "f", "offer_id": "x"}))
    ]
    assert read == [{"form_id": "f", "offer_id": "none"}] * 2 + [{"form_id": "f", "offer_id": "x"}]


def test_stored_fields_are_not_changed() -> None:
    """The input of an upcast stays as it was stored."""
    stored = {"form": "f"}
    upcast("form.submitted", 1, stored, upcasters=STEPS, versions=VERSIONS)
    assert stored == {"form": "f"}


def test_custom_types_stay_as_they_are() -> None:
    """A type that is not built in has version 1 for ever."""
    assert upcast("robot.waved", 1, {"x": 1}) == {"x": 1}


@pytest.mark.parametrize("type_name", ["page.viewed", "robot.waved"])
def test_an_event_of_a_newer_version_stops_the_reader(type_name: str) -> None:
    """An older lead-events does not guess what a newer one stored."""
    with pytest.raises(Misconfigured, match="upgrade"):
        upcast(type_name, 2, {})


@pytest.mark.parametrize(
    "steps",
    [{}, {("form.submitted", 1): _rename}, {**STEPS, ("form.submitted", 3): _add}, {**STEPS, ("gone.away", 1): _add}],
    ids=["none", "gap", "beyond", "unknown type"],
)
def test_an_incomplete_registry_is_refused(steps: dict[tuple[str, int], Any]) -> None:
    """Every version of every type leads to the current one, and no step leads nowhere."""
    check_complete(STEPS, VERSIONS)
    with pytest.raises(Misconfigured):
        check_complete(steps, VERSIONS)


def test_the_shipped_registry_is_complete() -> None:
    """Every built-in type can be read from its first version on."""
    check_complete(UPCASTERS, {name: kind.version for name, kind in TYPES.items()})
