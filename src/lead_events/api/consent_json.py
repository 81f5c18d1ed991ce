"""From the fold's state to the JSON of what a person agreed to, what is withheld for lack of it, and who looks for a contact."""

from __future__ import annotations

from typing import Any

from lead_events.domain.consent import NO_PROFILING, PROFILING, is_shared
from lead_events.domain.state import Lead
from lead_events.domain.times import format_instant

_STATES = {True: "granted", False: "withdrawn"}


def show(lead: Lead) -> dict[str, Any]:
    """Return the fields of a lead that say what the person permits."""
    return {
        "consent": {subject: _show_entry(entry) for subject, entry in sorted(lead.consent.items())},
        "opt_in": lead.opt_in,
        "withheld": None if lead.profiled else NO_PROFILING,
        "no_sharing": not is_shared(lead),
    }


def _show_entry(entry: list[Any]) -> dict[str, Any]:
    granted, at, position, type_, method, text_version, source, author = entry
    return {
        "state": _STATES[granted],
        "at": format_instant(at),
        "position": position,
        "type": type_,
        "source": source,
        "method": method,
        "text_version": text_version,
        "author": author,
    }


def lacking_profiling(lead: Lead) -> list[dict[str, Any]]:
    """Return what every definition misses first: the consent to ask it."""
    said = lead.consent.get(PROFILING)
    return [{"field": f"consent.{PROFILING}", "needs": "granted", "has": None if said is None else _STATES[said[0]]}]


def show_research(lead: Lead) -> dict[str, Any] | None:
    """Return who looks for a contact, null while nobody does."""
    if lead.research is None:
        return None
    state, since, _, author, reason = lead.research
    return {"state": state, "by": author, "since": format_instant(since), "reason": reason}
