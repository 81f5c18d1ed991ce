"""From the fold's state to the JSON of a lead: shown scores, what definitions miss, names that fall back on others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lead_events.api import consent_json, schemas
from lead_events.domain.companies import corporate_domain, identify
from lead_events.domain.explain import round_shown
from lead_events.domain.funnel import held
from lead_events.domain.interests import Interest, interests_at
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.lists import Lists
from lead_events.domain.model import Model
from lead_events.domain.overrides import Override
from lead_events.domain.scoring import machine_value_at, value_at
from lead_events.domain.state import OVERRIDDEN_STAGE, Lead
from lead_events.domain.times import Instant, format_instant
from lead_events.store.leads import LeadRow

_TOUCH = tuple(name for name in schemas.Touch.model_fields if name != "at")

TOP_PAGES = 10
"""How many of a lead's pages are shown, those it saw most often."""


def show(row: LeadRow, model: Model, as_of: Instant, log_id: bytes, owner: int | None = None) -> dict[str, Any]:
    """Return a lead as lists show it: the fields of ``schemas.Lead``, in their order.

    Args:
        as_of: the instant its scores are shown at, microseconds UTC.
        owner: founding position of the lead that owns its founding event, if known.
    """
    return _fields(row, model, as_of, max(as_of, row.updated_at), log_id, owner)


def show_whole(row: LeadRow, model: Model, as_of: Instant, log_id: bytes, *, then: bool = False) -> dict[str, Any]:
    """Return a lead as it is shown alone, with its history: the fields of ``schemas.LeadWithHistory``, in their order.

    Args:
        then: whether the lead was folded for ``as_of`` alone, so that nothing of it is newer.
    """
    moves = [
        {"at": format_instant(at), "stage": stage, "reason": reason, "position": position}
        for at, stage, reason, position in row.lead.history
    ]
    at = as_of if then else max(as_of, row.updated_at)
    return {**_fields(row, model, as_of, at, log_id, None), "history": moves}


def show_time(instant: Instant | None) -> str | None:
    """Write an instant, or null."""
    return None if instant is None else format_instant(instant)


def _fields(row: LeadRow, model: Model, as_of: Instant, at: Instant, log_id: bytes, owner: int | None) -> dict[str, Any]:
    lead = row.lead
    merged_into = encode_lead_id(log_id, owner) if row.emptied and owner not in {None, lead.founding} else None
    return {
        "id": encode_lead_id(log_id, lead.founding),
        "position": row.position,
        "updated_at": format_instant(row.updated_at),
        "created_at": show_time(lead.created_at),
        "stage": lead.shown_stage,
        "stage_since": show_time(lead.shown_stage_since),
        "temperature": lead.temperature,
        "scores": show_scores(lead, model, as_of),
        "grade": None if model.grade is None else model.grade.at(lead, as_of),
        "held": _held(lead, model, at),
        "definitions": _definitions(lead, model, at),
        "overrides": [show_override(lead, key, model, as_of) for key in _shown_overrides(lead)],
        "qualified_at": show_time(lead.qualified_at),
        **_person(lead, model.lists),
        "crm_ids": lead.crm_ids,
        "user_id": lead.user_id,
        "owner": lead.owner,
        "do_not_contact": lead.do_not_contact,
        **consent_json.show(lead),
        "interests": show_interests(interests_at(lead, model.topics, as_of)),
        "research": consent_json.show_research(lead),
        "first_touch": _touch(lead.first_touch),
        "last_touch": _touch(lead.last_touch),
        "visits": lead.visits,
        "events": lead.events,
        "pages": [{"path": path, "views": views} for path, views in top_pages(lead.pages.items())],
        "traits": {name: entry[0] for name, entry in lead.traits.items()},
        "merged_into": merged_into,
        "deleted": lead.erased is not None,
        "parked": row.parked,
        "stale_since": show_time(row.stale_since),
    }


def show_scores(lead: Lead, model: Model, as_of: Instant) -> dict[str, float | None]:
    """Return a lead's scores as shown: rounded, null where unknown."""
    values = ((score.name, value_at(lead, index, score, as_of)) for index, score in enumerate(model.scores))
    return {name: None if value is None else round_shown(value) for name, value in values}


def show_interests(interests: Iterable[Interest]) -> list[dict[str, Any]]:
    """Return interests as shown: counts rounded as points are."""
    return [{"topic": topic, "count": round_shown(count)} for topic, count in interests]


def _shown_overrides(lead: Lead) -> list[str]:
    """Name what is overridden; without consent to profiling a score is withheld, whoever said it."""
    return sorted(key for key in lead.overrides if lead.profiled or key == OVERRIDDEN_STAGE)


def show_override(lead: Lead, key: str, model: Model, as_of: Instant) -> dict[str, Any]:
    """Return what a person set in place of the machine, and what the machine says beneath: as ``schemas.Override``."""
    override = Override(*lead.overrides[key])
    score = key.partition(".")[2] or None
    machine: float | str | None = lead.stage
    for index, each in enumerate(model.scores):
        if each.name == score:
            value = machine_value_at(lead, index, each, as_of)
            machine = None if value is None else round_shown(value)
    return {
        "score": score,
        "value": override.value,
        "machine": machine,
        "reason": override.reason,
        "author": override.author,
        "position": override.position,
        "at": format_instant(override.at),
        "expires_at": show_time(override.expires_at),
    }


def _held(lead: Lead, model: Model, at: Instant) -> dict[str, Any] | None:
    """Return the stage that the machine waits with, unless a person has said which one counts."""
    stage = None if lead.erased or OVERRIDDEN_STAGE in lead.overrides else held(lead, at, model)
    return None if stage is None else {"stage": stage, "missing": _show_gaps(model.requires[stage].missing(lead, at))}


def _definitions(lead: Lead, model: Model, at: Instant) -> dict[str, dict[str, Any]]:
    if not lead.profiled:
        withheld = {"met": None, "since": None, "missing": _show_gaps(consent_json.lacking_profiling(lead))}
        return {name: withheld for name, _ in model.definitions}
    return {
        name: {
            "met": met,
            "since": show_time(since) if met else None,
            "missing": [] if met else _show_gaps(condition.missing(lead, at)),
        }
        for (name, condition), (met, since, _) in zip(model.definitions, lead.definitions, strict=True)
    }


def _show_gaps(gaps: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Write gaps as ``schemas.Gap`` describes them."""
    return [{"field": gap["field"], "needs": gap["needs"], "has": gap["has"], "unknown": gap.get("unknown")} for gap in gaps]


def _person(lead: Lead, lists: Lists) -> dict[str, Any]:
    """Return who a lead is; a CRM needs a last name and a company, so these fall back on a corporate e-mail address."""
    email, last_name, company = _text(lead, "email"), _text(lead, "last_name"), _text(lead, "company")
    local = (email or "").rpartition("@")[0]
    domain = corporate_domain(email, lists) if email else None
    derived = [
        name for name, said, made in (("last_name", last_name, local), ("company.name", company, domain)) if made and not said
    ]
    return {
        "email": email,
        "phone": _text(lead, "phone"),
        "first_name": _text(lead, "first_name"),
        "last_name": last_name or local or None,
        "job_title": _text(lead, "job_title"),
        "company": {"name": company or domain, "domain": domain},
        "industry": _text(lead, "industry"),
        "country": _text(lead, "country"),
        "city": _text(lead, "city"),
        "identification": identify(lead, lists),
        "derived": derived,
    }


def _text(lead: Lead, trait: str) -> str | None:
    value = lead.trait(trait)
    return None if value is None else str(value)


def _touch(touch: Mapping[str, Any] | None) -> dict[str, str | None] | None:
    if touch is None:
        return None
    shown: dict[str, str | None] = {"at": format_instant(touch["at"])}
    for name in _TOUCH:
        value = touch.get(name)
        # Properties of custom types are free: a promo code may have been sent as a number.
        shown[name] = None if value is None else str(value)
    return shown


def top_pages(pages: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the pages seen most often, with how often."""
    return sorted(pages, key=lambda page: (-page[1], page[0]))[:TOP_PAGES]
