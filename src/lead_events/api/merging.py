"""``POST /v1/leads/{lead_id}/merge`` and ``/unmerge``: a person says that two leads are one, or are two after all.

Both only append events. Nothing is rewritten: after an unmerge every lead is what it would be had the merge never been.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated

from fastapi import APIRouter

from lead_events.api import own_events
from lead_events.api.auth import require
from lead_events.api.deps import Moment, NotReachedYet, Reader, ReaderDep, problems
from lead_events.api.own_events import Author
from lead_events.api.schemas import Answer
from lead_events.domain.errors import Conflict
from lead_events.domain.identity import Known, Pair, group
from lead_events.store import identity, log
from lead_events.store.api_keys import Key, Scope
from lead_events.store.engine import reading

router = APIRouter(prefix="/v1/leads", tags=["identity"])

_PAGE = 2_000
_MOST_UNDECIDED = 20_000
"""So many events are decided while somebody waits; behind more, they are asked to come again."""


class MergeRequest(Answer):
    """Which lead it is one with."""

    into: str
    author: Author = None


class UnmergeRequest(Answer):
    """Which lead it is to be parted from; without it, from every lead that it was merged with."""

    into: str | None = None
    author: Author = None


class Regrouped(Answer):
    """Where the log says so, and the lead that stands for the one that was named from there on."""

    position: int
    lead: str


class SameLead(Conflict):
    """These are one lead: there is nothing to merge."""


class NotMerged(Conflict):
    """These leads are not merged: there is nothing to part."""


@router.post("/{lead_id}/merge", operation_id="merge_lead", responses=problems(404, 409, 410, 422, 503))
def merge_lead(
    lead_id: str, wanted: MergeRequest, key: Annotated[Key, require(Scope.LEADS_WRITE)], reader: ReaderDep
) -> Regrouped:
    """Merge a lead into another: the earlier founded of those with an identifier stands for both."""
    _decide(reader)
    with reader.moment() as moment:
        one, two = own_events.address(moment, lead_id), own_events.address(moment, wanted.into)
        known = _load_merges(moment, one, two)
        author = own_events.find_author(moment, key, wanted.author)
    if two in known.members(one):
        raise SameLead
    return _append(reader, key, known, "lead.merged", one, {_pair(one, two)}, author)


@router.post("/{lead_id}/unmerge", operation_id="unmerge_lead", responses=problems(404, 409, 410, 422, 503))
def unmerge_lead(
    lead_id: str,
    key: Annotated[Key, require(Scope.LEADS_WRITE)],
    reader: ReaderDep,
    wanted: UnmergeRequest | None = None,
) -> Regrouped:
    """Part a lead from one that it was merged with, or from all of them; each has again what it had."""
    wanted = wanted or UnmergeRequest()
    _decide(reader)
    with reader.moment() as moment:
        one = own_events.address(moment, lead_id)
        two = own_events.address(moment, wanted.into) if wanted.into else None
        known = _load_merges(moment, one)
        author = own_events.find_author(moment, key, wanted.author)
    pairs = links(known.merged, one, two)
    if not pairs or one == two:
        raise NotMerged
    return _append(reader, key, known, "lead.unmerged", one, pairs, author)


def links(merged: Collection[Pair], lead: int, other: int | None) -> set[Pair]:
    """Return the merges of a lead that join it with another one, directly or through others; all of its own for None."""
    own = {pair for pair in merged if lead in pair}
    if other is None:
        return own
    beyond = next((members for members in group(set(merged) - own) if other in members), {other})
    return {pair for pair in own if not beyond.isdisjoint(set(pair) - {lead})}


def _pair(one: int, two: int) -> Pair:
    return min(one, two), max(one, two)


def _decide(reader: Reader) -> None:
    """Let identity catch up with the log, so that a merge of a moment ago is known.

    Raises:
        NotReachedYet: too much waits for it.
    """
    with reading(reader.engine) as connection:
        head, decided = log.read_head(connection).position, identity.read_checkpoint(connection)
    if head - decided > _MOST_UNDECIDED:
        raise NotReachedYet(head - decided)
    identity.extend(reader.engine, head, _PAGE)


def _load_merges(moment: Moment, *concerned: int) -> Known:
    known = Known()
    identity.load_merges(moment.connection, known, identity.read_checkpoint(moment.connection), concerned)
    return known


def _append(reader: Reader, key: Key, known: Known, type_: str, lead: int, pairs: Collection[Pair], author: str) -> Regrouped:
    bodies = [
        {
            "type": type_,
            "properties": {"lead_id": reader.lead_id(lead), "into": reader.lead_id(*set(pair) - {lead})},
            "author": author,
        }
        for pair in sorted(pairs)
    ]
    position = own_events.append(reader, key, *bodies)
    known.merged = known.merged | set(pairs) if type_ == "lead.merged" else known.merged - set(pairs)
    return Regrouped(position=position, lead=reader.lead_id(known.survivors.get(lead, lead)))
