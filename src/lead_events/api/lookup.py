"""``/v1/leads/lookup``: whom an identifier belongs to now, one or a thousand at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Response

from lead_events.api import lead_json, resolving, schemas
from lead_events.api.answering import answer
from lead_events.api.auth import require
from lead_events.api.deps import Moment, OwnWrite, Reader, ReaderDep, problems
from lead_events.domain.errors import InvalidEvent, InvalidInput
from lead_events.domain.events import Identifier, IdentifierKind
from lead_events.domain.identifiers import normalise_crm_ids, normalise_email, normalise_id, normalise_lead_id, normalise_phone
from lead_events.domain.identity import Named
from lead_events.domain.lead_id import decode_lead_id, lead_ref
from lead_events.store import identity
from lead_events.store import vault as vaults
from lead_events.store.api_keys import Scope
from lead_events.store.reads import ReadKind

router = APIRouter(prefix="/v1/leads", tags=["leads"], dependencies=[require(Scope.LEADS_READ)])


class NotOneIdentifier(InvalidInput):
    """/identifiers/{0}: send exactly one of email, phone, user_id, anonymous_id, crm_id or lead_id."""


class NothingAsked(InvalidInput):
    """Name at least one identifier: email, phone, user_id, anonymous_id, crm_id (like hubspot:501) or lead_id."""


class _Asked(NamedTuple):
    """One identifier in normal form, or why it can be nobody's."""

    given: schemas.Identifier
    identifier: Identifier | None
    problem: str | None


@router.post(
    "/lookup",
    operation_id="look_up_leads",
    dependencies=[OwnWrite],
    response_model=schemas.LookupAnswer,
    responses=problems(400, 422, 503),
)
def look_up_leads(asked: schemas.Lookup, reader: ReaderDep) -> Response:
    """Find the lead of each identifier; null where it is nobody's."""
    return _answer(reader, asked.identifiers)


@router.get(
    "/lookup",
    operation_id="look_up_lead",
    dependencies=[OwnWrite],
    response_model=schemas.LookupAnswer,
    responses=problems(422, 503),
)
def look_up_lead(
    reader: ReaderDep,
    email: Annotated[str | None, Query()] = None,
    phone: Annotated[str | None, Query(description="A lost + at the front is forgiven.")] = None,
    user_id: Annotated[str | None, Query()] = None,
    anonymous_id: Annotated[str | None, Query()] = None,
    crm_id: Annotated[str | None, Query(examples=["hubspot:501"])] = None,
    lead_id: Annotated[str | None, Query()] = None,
) -> Response:
    """Find the lead of an identifier, for tools that can only GET; the answer is a list as with POST."""
    system, _, number = (crm_id or "").partition(":")
    # A "+" that was not percent-encoded arrives as a space.
    number_with_plus = "+" + phone[1:] if phone and phone.startswith(" ") else phone
    given: list[dict[str, Any]] = [
        {"email": email}, {"phone": number_with_plus}, {"user_id": user_id}, {"anonymous_id": anonymous_id},
        {"crm_id": {system: number} if crm_id else None}, {"lead_id": lead_id},
    ]  # fmt: skip
    identifiers = [schemas.Identifier(**each) for each in given if any(each.values())]
    if not identifiers:
        raise NothingAsked
    return _answer(reader, identifiers)


def _answer(reader: Reader, given: Sequence[schemas.Identifier]) -> Response:
    asked = [_normalise(index, each, reader.phone_region) for index, each in enumerate(given)]
    with reader.moment() as moment:
        foundings = _find(moment, [each.identifier for each in asked])
        rows = resolving.load_rows(moment, {founding for founding in foundings if founding is not None})
        reader.note_read(ReadKind.LOOKUP, rows.values())
        shown = {f: lead_json.show(row, moment.model, moment.as_of, moment.vault.log_id) for f, row in rows.items()}
        data = [
            {
                "identifier": each.given.model_dump(),
                "lead": None if founding is None else shown.get(founding),
                "problem": each.problem,
            }
            for each, founding in zip(asked, foundings, strict=True)
        ]
        return answer({**moment.freshness, "data": data})


def _normalise(index: int, given: schemas.Identifier, phone_region: str | None) -> _Asked:
    """Bring an identifier to the form in which the door stored it."""
    named = [name for name, value in given if value is not None]
    if len(named) != 1 or (given.crm_id is not None and len(given.crm_id) != 1):
        raise NotOneIdentifier(index)
    try:
        return _Asked(given, _read(named[0], given, phone_region), None)
    except InvalidEvent as error:
        return _Asked(given, None, error.message)


def _read(name: str, given: schemas.Identifier, phone_region: str | None) -> Identifier | None:
    match name:
        case "email":
            return Identifier(IdentifierKind.EMAIL, normalise_email(given.email, "/email"))
        case "phone":
            return Identifier(IdentifierKind.PHONE, normalise_phone(given.phone, phone_region, "/phone"))
        case "user_id":
            return Identifier(IdentifierKind.USER, normalise_id(given.user_id, "/user_id"))
        case "anonymous_id":
            return Identifier(IdentifierKind.ANONYMOUS, normalise_id(given.anonymous_id, "/anonymous_id"))
        case "crm_id":
            return next(iter(normalise_crm_ids(given.crm_id)), None)
        case _:
            return Identifier(IdentifierKind.LEAD, normalise_lead_id(given.lead_id))


def _find(moment: Moment, identifiers: Sequence[Identifier | None]) -> list[int | None]:
    """Return the lead that each identifier belongs to now, as far as the generation knows."""
    blinds = {each: moment.vault.blind(each) for each in identifiers if each is not None and _is_blind(each)}
    refs = vaults.load_refs(moment.connection, set(blinds.values()))
    named = [_name(moment, each, refs.get(blinds[each]) if each in blinds else None) for each in identifiers]
    known = identity.load_known(moment.connection, named, moment.generation.position)
    return [known.lead_of(each) for each in named]


def _is_blind(identifier: Identifier) -> bool:
    return identifier.kind not in {IdentifierKind.LEAD, IdentifierKind.ANONYMOUS}


def _name(moment: Moment, identifier: Identifier | None, ref: bytes | None) -> Named:
    """Ask identity as an event would that names nothing else and comes after everything known."""
    nobody = Named(moment.generation.position + 1, moment.as_of, None, ())
    if identifier is None:
        return nobody
    if identifier.kind is IdentifierKind.ANONYMOUS:
        return nobody._replace(anonymous=moment.vault.anonymous_ref(identifier.value))
    if identifier.kind is IdentifierKind.LEAD:
        founding = decode_lead_id(moment.vault.log_id, identifier.value)
        ref = None if founding is None else lead_ref(founding)
    return nobody if ref is None else nobody._replace(strong=(ref,))
