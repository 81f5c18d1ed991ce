"""Proves which model every answer ever given was made by: the chain of promotions, and whether all still fits together."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine

from lead_events.domain.errors import NotFound
from lead_events.domain.proof import BEGINNING, Link, join
from lead_events.store import generations, log, promotions
from lead_events.store.engine import snapshot
from lead_events.store.generations import Generation
from lead_events.store.promotions import FOUNDING, Promotion


@dataclass(frozen=True, slots=True)
class Proof:
    """The chain of promotions.

    Attributes:
        links: the founding and every promotion, in the order of the log.
        findings: what does not fit together, a line for a person each; empty when all is as it was written.
    """

    links: list[Link]
    findings: list[str]


def prove(engine: Engine) -> Proof:
    """Compute the chain of promotions from the log and from published documents, and compare what promotions told of them."""
    with snapshot(engine) as connection:
        found = promotions.load_all(connection)
        chains = log.read_chains(connection, [each.position for each in found])
        kept = {each.generation_id: each for each in generations.load_all(connection)}
        live = generations.load_live(connection).generation_id
        links, findings, before = list[Link](), list[str](), FOUNDING
        for each in found:
            link, wrong = _link(connection, each, chains[each.position])
            links.append(join(links[-1].digest if links else BEGINNING, link))
            findings += wrong + _compare_kept(each, kept.get(each.generation_id))
            if each.position:
                findings += _compare_before(connection, each, before)
            before = each
    if live != before.generation_id:
        findings.append(f"generation {live} is live, and the log says that generation {before.generation_id} is")
    return Proof(links, findings)


def _link(connection: Connection, each: Promotion, chain: bytes) -> tuple[Link, list[str]]:
    """Return a promotion with the digests of its documents as they are now, and what is wrong with them."""
    wrong: list[str] = []
    try:
        model_digest = promotions.digest_model(connection, each.model)
        lists_digest = promotions.digest_lists(connection, each.list_revision)
    except NotFound as error:
        return _write(each, "", None, chain), [f"{_place(each)}: {error}"]
    if each.model_digest not in {None, model_digest}:
        wrong.append(f"{_place(each)}: model {each.model} is not the document that was promoted")
    if each.lists_digest not in {None, lists_digest}:
        wrong.append(f"{_place(each)}: lists {each.list_revision} are not the document that was promoted")
    return _write(each, model_digest, lists_digest, chain), wrong


def _write(each: Promotion, model_digest: str, lists_digest: str | None, chain: bytes) -> Link:
    told = each.position, each.received_at, each.generation_id, each.model, model_digest
    return Link(*told, each.fold_revision, each.list_revision, lists_digest, chain.hex())


def _compare_kept(each: Promotion, kept: Generation | None) -> list[str]:
    """Compare a promotion with the generation that it promoted; one that is kept no more proves nothing."""
    if kept is None:
        return []
    told = each.model, each.list_revision, each.fold_revision or kept.fold_revision
    if told == (kept.model_number, kept.list_revision, kept.fold_revision):
        return []
    return [f"{_place(each)}: generation {each.generation_id} says that it is of another model, lists or fold revision"]


def _compare_before(connection: Connection, each: Promotion, before: Promotion) -> list[str]:
    """Compare what a promotion tells of what was live before it with the promotion before."""
    wrong = []
    if each.previous_id not in {None, before.generation_id}:
        wrong.append(f"{_place(each)}: it says that generation {each.previous_id} was live before, not {before.generation_id}")
    try:
        digest = promotions.digest_model(connection, before.model)
    except NotFound:
        return wrong  # said at the promotion before
    if each.previous_model_digest not in {None, digest}:
        wrong.append(f"{_place(each)}: model {before.model} is not the document that was live before")
    return wrong


def _place(each: Promotion) -> str:
    return f"promotion at position {each.position}" if each.position else "founding"
