"""Compares the activity ledger with the log: what previews read must be what happened."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from sqlalchemy import Connection, Engine

from lead_events.domain import signatures
from lead_events.domain.signatures import Signature
from lead_events.projections.activity import Known, read_from_log
from lead_events.projections.columns import Columns, unpack
from lead_events.store import activity, log
from lead_events.store.activity import Head
from lead_events.store.engine import snapshot
from lead_events.store.vault import Vault


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison found.

    Attributes:
        events: how many the ledger holds.
        different: positions of which it says something else than the log, ascending.
        unreadable: numbers of segments that cannot be unpacked.
    """

    events: int
    different: list[int] = field(default_factory=list)
    unreadable: list[int] = field(default_factory=list)


def verify_activity(engine: Engine, vault: Vault, report: Callable[[int, int], None]) -> Verdict:
    """Describe every event of the ledger anew and compare; what an erasure took from the log is no difference.

    Args:
        report: told of each segment, as it is done, and how many there are.
    """
    with snapshot(engine) as connection:
        head = activity.read_head(connection)
        if head is None or head.revision != signatures.REVISION:
            return Verdict(0)
        stored = [signatures.read(text) for text in activity.load_signatures(connection)]
        demoted = activity.load_demoted(connection)
        verdict = Verdict(head.segments * head.size)
        known = Known(demoted=demoted)
        for number, packed in enumerate(activity.load_segments(connection, head.segments)):
            try:
                columns = unpack(packed)
            except (zlib.error, ValueError):
                verdict.unreadable.append(number)
            else:
                verdict.different.extend(_compare(connection, vault, head, number, columns, stored, known))
            report(1, head.segments)
    return verdict


def _compare(
    connection: Connection, vault: Vault, head: Head, number: int, columns: Columns, stored: list[Signature], known: Known
) -> Iterator[int]:
    after = number * head.size
    fresh = read_from_log(connection, vault, known, after, head.size)
    erasures = log.read_head(connection).erasures
    if len(columns.at) != len(fresh.at):
        yield after + 1
        return
    same = (columns.at == fresh.at) & (columns.subject == fresh.subject) & (columns.browser == fresh.browser)
    for one, two in zip(columns.numbers, fresh.numbers, strict=True):
        same &= (one == two) | np.isnan(two) & (np.isnan(one) | (erasures > 0))
    for index in range(head.size):
        place = int(columns.signature[index])
        said = stored[place] if 0 <= place < len(stored) else None
        now = signatures.read(known.texts[int(fresh.signature[index])])
        if said is None or not same[index] or not _agree(said, now, is_erased=erasures > 0):
            yield after + index + 1


def _agree(said: Signature, now: Signature, *, is_erased: bool) -> bool:
    """Say whether two signatures may be of the same event: since it was written, an erasure may have taken what was sealed.

    A facet that was given up meanwhile is hidden now and was told then, and the other way round nothing is.
    """
    if said == now or said.type != now.type:
        return said == now
    if said.in_log:
        return is_erased
    told_less = set(now.hidden) - set(said.hidden)
    facets = signatures.facets_of(said)
    return (is_erased or bool(told_less)) and all(facets.get(path) == value for path, value in signatures.facets_of(now).items())
