"""``/v1/models/{number}/approvals``: agreement is an act; who may agree is named by the model's definitions."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from lead_events import clock
from lead_events.api.auth import require
from lead_events.api.deps import ReaderDep, problems
from lead_events.api.schemas import Answer, Plain, Time
from lead_events.domain.agreement import approvers_of
from lead_events.domain.times import format_instant
from lead_events.store import approvals, models
from lead_events.store.api_keys import Key, Scope
from lead_events.store.approvals import Approval
from lead_events.store.engine import reading, writing

router = APIRouter(prefix="/v1/models/{number}/approvals", tags=["models"])

_Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class ApprovalRequest(Answer):
    """Who approves, and why if they want to say."""

    name: _Name
    note: Annotated[str, Field(max_length=10_000), Plain] = ""


class GivenApproval(Answer):
    """One approval: who gave it, when, and with which key."""

    name: str
    approved_at: Time
    key_id: str
    note: str


class Approvals(Answer):
    """How far a model is agreed on."""

    model: int
    approvers: dict[str, list[str]] = Field(description="Everybody named, with the definitions that name them.")
    missing: list[str] = Field(description="Those who have not approved yet; empty: it can be promoted.")
    data: list[GivenApproval]


@router.get("", operation_id="list_approvals", dependencies=[require(Scope.MODELS_READ)], responses=problems(404, 422))
def list_approvals(number: int, reader: ReaderDep) -> Approvals:
    """Show who must approve a model, who did, and who is missing."""
    with reading(reader.engine) as connection:
        document = models.load(connection, number).document
        given = approvals.load(connection, number)
        missing = approvals.load_missing(connection, number)
    return Approvals(model=number, approvers=approvers_of(document), missing=missing, data=[_show(each) for each in given])


@router.post("", operation_id="approve_model", status_code=201, responses=problems(404, 422))
def approve_model(
    number: int, wanted: ApprovalRequest, key: Annotated[Key, require(Scope.MODELS_WRITE)], reader: ReaderDep
) -> GivenApproval:
    """Approve a model in somebody's name; it is kept for ever, and approving again changes nothing."""
    approval = Approval(wanted.name, clock.now(), key.key_id, wanted.note)
    with writing(reader.engine) as connection:
        return _show(approvals.approve(connection, number, approval))


def _show(approval: Approval) -> GivenApproval:
    approved_at = format_instant(approval.approved_at)
    return GivenApproval(name=approval.name, approved_at=approved_at, key_id=approval.key_id, note=approval.note)
