"""Approvals: who agreed to which published model, when, by which key, and why. Kept for ever, one for each name."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from lead_events.domain.agreement import NotAnApprover, NotApproved, approvers_of, missing_approvals
from lead_events.domain.times import Instant
from lead_events.store import generations, models, schema
from lead_events.store.dialect import lock_for_numbering
from lead_events.store.generations import Generation

_TABLE = schema.approvals


@dataclass(frozen=True, slots=True)
class Approval:
    """One approval; ``key_id`` is the API key it came with, or ``cli``."""

    name: str
    approved_at: Instant
    key_id: str
    note: str


def approve(connection: Connection, number: int, approval: Approval) -> Approval:
    """Keep an approval; the first one of each name counts, and is returned.

    Raises:
        NotFound: no model has this number.
        NotAnApprover: no definition of the model names them.
    """
    named = approvers_of(models.load(connection, number).document)
    if approval.name not in named:
        raise NotAnApprover(number, ", ".join(named) or "nobody")
    lock_for_numbering(connection, schema.models)
    kept = {each.name: each for each in load(connection, number)}
    if approval.name in kept:
        return kept[approval.name]
    row = {"name": approval.name, "approved_at": approval.approved_at, "key_id": approval.key_id, "note": approval.note}
    connection.execute(insert(_TABLE), {"model_number": number, **row})
    return approval


def load(connection: Connection, number: int) -> list[Approval]:
    """Return the approvals of a model, oldest first."""
    rows = connection.execute(select(_TABLE).where(_TABLE.c.model_number == number).order_by(_TABLE.c.approved_at, _TABLE.c.name))
    return [Approval(row.name, row.approved_at, row.key_id, row.note) for row in rows]


def load_missing(connection: Connection, number: int) -> list[str]:
    """Return the names of those who must still approve a model."""
    document = models.load(connection, number).document
    return missing_approvals(document, {each.name for each in load(connection, number)})


def check(connection: Connection, new: Generation, without_approval: str | None) -> str | None:
    """Let a generation be promoted if everybody named approved its model, or if there is a reason to do without.

    A generation of the model that is live already, built again after an upgrade, asks nobody and keeps its reason.

    Returns:
        The reason, if it was needed; None when everybody approved.

    Raises:
        NotApproved: names who is missing.
    """
    live = generations.load_live(connection)
    if live.model_number == new.model_number:
        return live.without_approval
    missing = load_missing(connection, new.model_number)
    if not missing:
        return None
    if not without_approval:
        raise NotApproved(new.model_number, ", ".join(missing))
    return without_approval
