"""Which leads of a list may be contacted, handed on or looked for: predicates on what the database let through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from lead_events.domain.consent import is_shared
from lead_events.domain.research import Research, state_of
from lead_events.domain.state import Lead

Channel = Literal["email", "phone", "sms", "messenger", "push", "chat", "post"]

_ADDRESSES: Mapping[str, str] = {"email": "email", "phone": "phone", "sms": "phone"}
"""The trait that a channel needs; the others' addresses live in the systems that use them."""


def compile_permits(filters: Mapping[str, Any]) -> Callable[[Lead], bool]:
    """Return the predicate of a list's normal form.

    Whom nobody may hand on is left out unless asked for, and so is what was given up in the research queue.
    """
    tests: list[Callable[[Lead], bool]] = []
    if "no_sharing" not in filters:
        tests.append(is_shared)
    if "contactable" in filters:
        tests.append(_contactable(filters["contactable"]))
    if "needs" in filters:
        tests.append(_researched(filters.get("research")))
    return lambda lead: all(test(lead) for test in tests)


def _contactable(channel: str) -> Callable[[Lead], bool]:
    address = _ADDRESSES.get(channel)
    return lambda lead: channel not in lead.do_not_contact and (address is None or address in lead.traits)


def _researched(wanted: str | None) -> Callable[[Lead], bool]:
    if wanted is None:
        return lambda lead: state_of(lead) is not Research.GIVEN_UP
    return lambda lead: state_of(lead).value == wanted
