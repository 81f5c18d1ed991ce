"""The receipts of erasures: what was destroyed and when, signed by the log, so that anybody can be shown it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Engine, func, insert, select

from lead_events.domain.errors import NotFound
from lead_events.domain.lead_id import encode_lead_id
from lead_events.domain.times import Instant, format_instant
from lead_events.store import schema
from lead_events.store.engine import reading
from lead_events.store.vault import Vault

_UNSIGNED = ("public_key", "signature", "dry_run")


def load(engine: Engine, founding: int) -> dict[str, Any]:
    """Return the receipt of the erasure that reached a lead.

    Raises:
        NotFound: it was never erased.
    """
    table = schema.erasures
    with reading(engine) as connection:
        text = connection.execute(select(table.c.receipt).where(table.c.founding == founding)).scalars().first()
    if text is None:
        raise NotFound("erasure of lead", founding)
    receipt: dict[str, Any] = orjson.loads(text)
    return receipt


def read_last(connection: Connection) -> int:
    """Return the position of the last erasure, 0 when there was none."""
    return int(connection.execute(select(func.coalesce(func.max(schema.erasures.c.position), 0))).scalar_one())


def is_genuine(receipt: dict[str, Any], public_key: bytes) -> bool:
    """Say whether a receipt carries the signature of the log with this key."""
    content = {name: value for name, value in receipt.items() if name not in _UNSIGNED}
    try:
        signature = bytes.fromhex(str(receipt["signature"]))
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, _canonical(content))
    except (KeyError, ValueError, InvalidSignature):
        return False
    return True


def _canonical(content: dict[str, Any]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def sign(
    vault: Vault, foundings: Collection[int], erasure_id: str, erased_at: Instant, position: int, destroyed: dict[str, int]
) -> dict[str, Any]:
    """Return the receipt of an erasure, signed (Ed25519 over its canonical JSON)."""
    content = {
        "erasure_id": erasure_id,
        "lead_ids": [encode_lead_id(vault.log_id, founding) for founding in sorted(foundings)],
        "erased_at": format_instant(erased_at),
        "position": position,
        "destroyed": destroyed,
    }
    signature = vault.sign(_canonical(content))
    return {**content, "public_key": vault.public_key.hex(), "signature": signature.hex()}


def keep(
    connection: Connection, erasure_id: str, foundings: Collection[int], position: int, erased_at: Instant, receipt: str
) -> None:
    """Keep the receipt of an erasure for every lead it reached."""
    rows = [
        {"erasure_id": erasure_id, "founding": each, "position": position, "erased_at": erased_at, "receipt": receipt}
        for each in foundings
    ]
    connection.execute(insert(schema.erasures), rows)
