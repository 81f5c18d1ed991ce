"""The promotions that the log tells of: which generation, model and lists answered readers from which position on."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, Select, select

from lead_events.domain.lists import SHIPPED_NUMBER
from lead_events.domain.proof import digest_document
from lead_events.domain.times import Instant
from lead_events.store import lists, models, schema
from lead_events.store.generations import Generation
from lead_events.store.vault import LOG_REF

TYPE = "generation.promoted"

_EVENTS = schema.events.c


class Promotion(NamedTuple):
    """One promotion as its event tells it; what an older version did not tell is None.

    Attributes:
        position: of the event; 0 for the founding of the log, which has none.
        received_at: microseconds UTC; None for the founding.
        previous_id: the generation that was live before.
        model_digest, lists_digest: SHA-256 of the documents as they were at that moment.
        previous_model_digest: likewise of the model that was live before.
    """

    position: int
    received_at: Instant | None
    generation_id: int
    model: int
    fold_revision: int | None = None
    list_revision: int = SHIPPED_NUMBER
    previous_id: int | None = None
    model_digest: str | None = None
    lists_digest: str | None = None
    previous_model_digest: str | None = None


FOUNDING = Promotion(0, None, 1, 1)
"""A log is founded with generation 1 of model 1 and the shipped lists live; no event says so."""


def load_all(connection: Connection) -> list[Promotion]:
    """Return the founding and every promotion, in the order of the log."""
    return [FOUNDING, *(_read(row) for row in connection.execute(_select().order_by(_EVENTS.position)))]


def load_live_at(connection: Connection, position: int) -> Promotion:
    """Return the promotion by which readers were answered at a position."""
    last = _select().where(_EVENTS.position <= position).order_by(_EVENTS.position.desc()).limit(1)
    row = connection.execute(last).first()
    return FOUNDING if row is None else _read(row)


def describe_digests(connection: Connection, live: Generation, new: Generation) -> dict[str, str]:
    """Return what a promotion's event tells of the documents, so that none of them can be changed unseen."""
    told = {
        "model_digest": digest_model(connection, new.model_number),
        "previous_model_digest": digest_model(connection, live.model_number),
    }
    lists_digest = digest_lists(connection, new.list_revision)
    return told if lists_digest is None else {**told, "lists_digest": lists_digest}


def digest_model(connection: Connection, number: int) -> str:
    """Return the digest of a published model's document.

    Raises:
        NotFound: no model has this number.
    """
    return digest_document(models.load(connection, number).document)


def digest_lists(connection: Connection, number: int) -> str | None:
    """Return the digest of a published lists document, None for the shipped lists.

    Raises:
        NotFound: no lists have this number.
    """
    return None if number == SHIPPED_NUMBER else digest_document(lists.load(connection, number).document)


def _select() -> Select[Any]:
    columns = _EVENTS.position, _EVENTS.received_at, _EVENTS.body
    return select(*columns).where(_EVENTS.subject == LOG_REF, _EVENTS.type == TYPE)


def _read(row: Row[Any]) -> Promotion:
    said = orjson.loads(row.body)["properties"]
    told = {name: said[name] for name in Promotion._fields[4:] if said.get(name) is not None}
    return Promotion(row.position, row.received_at, said["generation_id"], said.get("model") or FOUNDING.model, **told)
