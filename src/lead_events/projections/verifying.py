"""Proves that rows are what the log says: fold again and compare; and a digest that anybody can recompute."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection, Engine

from lead_events.domain import state
from lead_events.domain.lead import fold
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.model import Model
from lead_events.projections.projector import Models
from lead_events.store import generations, histories, leads, log, parked, promotions
from lead_events.store.engine import snapshot
from lead_events.store.generations import Generation
from lead_events.store.leads import LeadRow
from lead_events.store.vault import Vault

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One lead whose row is not what the log says."""

    lead_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification of leads found.

    Attributes:
        leads: how many rows were compared.
        parked: how many were passed over because their fold failed, or because their long history waits to be folded again.
    """

    leads: int
    parked: int
    mismatches: list[Mismatch]


def verify_leads(
    engine: Engine,
    vault: Vault,
    *,
    generation_id: int | None = None,
    sample: int | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Fold leads again from their own events and compare every column that the fold decides.

    Args:
        generation_id: which generation; the live one when None.
        sample: how many leads, evenly spread; all when None.
        report: told (leads since the last call, leads in all) now and then.
    """
    compiled = Models(engine)
    with snapshot(engine) as connection:
        generation = _generation(connection, generation_id)
        wanted = leads.load_foundings(connection, generation.generation_id, generation.position)
    if sample is not None and sample < len(wanted):
        wanted = [wanted[len(wanted) * n // sample] for n in range(sample)]
    model = compiled.of(generation)
    mismatches: list[Mismatch] = []
    parked_leads = 0
    for start in range(0, len(wanted), _CHUNK):
        chunk = wanted[start : start + _CHUNK]
        with snapshot(engine) as connection:
            waiting, found = _verify_chunk(connection, vault, generation.generation_id, model, chunk)
        parked_leads += waiting
        mismatches += found
        if report is not None:
            report(len(chunk), len(wanted))
    return Verdict(len(wanted) - parked_leads, parked_leads, mismatches)


def _generation(connection: Connection, generation_id: int | None) -> Generation:
    return generations.load_live(connection) if generation_id is None else generations.load(connection, generation_id)


def _verify_chunk(
    connection: Connection, vault: Vault, generation_id: int, model: Model, chunk: Sequence[int]
) -> tuple[int, list[Mismatch]]:
    generation = generations.load(connection, generation_id)
    rows = leads.load(connection, generation_id, chunk)
    skips = parked.load_skips(connection)
    owned = histories.load(connection, vault, chunk, generation.position, skips)
    passed = {founding for founding, row in rows.items() if row.parked or row.stale_since is not None}
    checked = (f for f in chunk if f not in passed)
    found = ((f, _compare(rows.get(f), owned[f], model, generation)) for f in checked)
    return len(passed), [Mismatch(encode_lead_id(vault.log_id, f), reason) for f, reason in found if reason]


def _compare(row: LeadRow | None, owned: histories.History, model: Model, generation: Generation) -> str | None:
    if row is None:
        return "the log has this lead, the read model has not"
    if owned.position == 0:
        return "nothing in the log explains this row"
    try:
        again = fold(model.begin(row.lead.founding), owned.events, model, generation.clock)
    except Exception as error:  # noqa: BLE001 - a lead that cannot be folded is what this looks for
        return f"its events cannot be folded: {error}"
    if state.dump(again) != state.dump(row.lead):
        names = [name for name in state.Lead.__slots__ if getattr(again, name) != getattr(row.lead, name)]
        return f"folding its events again gives another {', '.join(names)}"
    if row.emptied != owned.emptied:
        return f"emptied is {row.emptied}, and should be {owned.emptied}"
    if row.position < owned.position:
        return f"its position is {row.position}, and should be {owned.position}"
    return None


@dataclass(frozen=True, slots=True)
class Digest:
    """What a generation's states come to, and everything they are a function of.

    Attributes:
        log: chain of the log at ``position``.
        model: SHA-256 of the model document.
        lists: SHA-256 of the lists document; None for the shipped lists, which ``fold_revision`` stands for.
        state: SHA-256 over every lead's founding position and content, in order.
        digest: SHA-256 over all of these.
    """

    generation_id: int
    position: int
    clock: int
    log: str
    model: str
    fold_revision: int
    list_revision: int
    lists: str | None
    leads: int
    state: str
    digest: str


def digest(engine: Engine, generation_id: int) -> Digest:
    """Compute the digest of a generation; equal for the same log, model and revisions on every machine and database."""
    with snapshot(engine) as connection:
        generation = generations.load(connection, generation_id)
        chain = log.read_chains(connection, [generation.position])[generation.position].hex()
        model = promotions.digest_model(connection, generation.model_number)
        lists = promotions.digest_lists(connection, generation.list_revision)
        count, states = _digest_states(connection, generation_id)
    parts = (chain, model, generation.fold_revision, generation.list_revision, generation.position, generation.clock, states)
    whole = hashlib.sha256(orjson.dumps(parts if lists is None else (*parts, lists))).hexdigest()
    return Digest(
        generation_id, generation.position, generation.clock, chain, model,
        generation.fold_revision, generation.list_revision, lists, count, states, whole,
    )  # fmt: skip


def _digest_states(connection: Connection, generation_id: int) -> tuple[int, str]:
    running, count = hashlib.sha256(), 0
    for founding, text in leads.walk_states(connection, generation_id):
        content = orjson.loads(text)
        # Sessions are kept by pseudonym, and every log has its own; what they say is the same.
        content["sessions"] = sorted(content["sessions"].values())
        running.update(b"%d\0" % founding + orjson.dumps(content, option=orjson.OPT_SORT_KEYS))
        count += 1
    return count, running.hexdigest()
