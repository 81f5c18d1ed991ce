"""The chain of promotions: which model answered readers from which position on, each link holding the one before it.

Anybody with the log and the documents computes the same; the reading is the caller's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from lead_events.domain.times import Instant

BEGINNING = ""
"""What the first link holds in place of one before it."""


class Link(NamedTuple):
    """One promotion, or the founding of the log.

    Attributes:
        position: of its event in the log; 0 for the founding, which has none.
        at: when the log received it, microseconds UTC; None for the founding.
        generation_id: what answered readers from there on.
        model: number of its model.
        model_digest: SHA-256 of that model's document.
        fold_revision: of the code that folded it; None where the log does not tell.
        list_revision: number of its lists of mail providers.
        lists_digest: SHA-256 of their document; None for the shipped ones.
        log: chain of the log at ``position``, hexadecimal.
        digest: SHA-256 over all of this and the digest of the link before.
    """

    position: int
    at: Instant | None
    generation_id: int
    model: int
    model_digest: str
    fold_revision: int | None
    list_revision: int
    lists_digest: str | None
    log: str
    digest: str = BEGINNING


def digest_document(document: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a document: of its JSON without spaces, names sorted, in hexadecimal."""
    return hashlib.sha256(orjson.dumps(document, option=orjson.OPT_SORT_KEYS)).hexdigest()


def join(before: str, link: Link) -> Link:
    """Return a link with its digest: SHA-256 of the JSON list of the digest before it and of its other fields, in order."""
    return link._replace(digest=hashlib.sha256(orjson.dumps([before, *link[:-1]])).hexdigest())
