"""Every table; migrations are checked against this package.

Instants are BIGINT microseconds UTC. Texts of JSON are TEXT, pseudonyms and ciphertext are bytes.
"""

from __future__ import annotations

from lead_events.store.schema.activity import activity_demoted, activity_head, activity_segments, activity_signatures
from lead_events.store.schema.base import metadata
from lead_events.store.schema.identity import bindings, candidates, claims, identity_head, merges, moves, visitors
from lead_events.store.schema.log import (
    erased_names,
    erasures,
    event_ids,
    events,
    head,
    keys,
    quarantine,
    reads_of_leads,
    refs,
    renamed,
    sealed,
)
from lead_events.store.schema.read_model import RANKS, RESEARCH, build_parts, changes, changes_head, generations, leads, parked
from lead_events.store.schema.written import api_keys, approvals, lists, models, skips, sources

__all__ = [
    "RANKS",
    "RESEARCH",
    "activity_demoted",
    "activity_head",
    "activity_segments",
    "activity_signatures",
    "api_keys",
    "approvals",
    "bindings",
    "build_parts",
    "candidates",
    "changes",
    "changes_head",
    "claims",
    "erased_names",
    "erasures",
    "event_ids",
    "events",
    "generations",
    "head",
    "identity_head",
    "keys",
    "leads",
    "lists",
    "merges",
    "metadata",
    "models",
    "moves",
    "parked",
    "quarantine",
    "reads_of_leads",
    "refs",
    "renamed",
    "sealed",
    "skips",
    "sources",
    "visitors",
]
