"""The log and what is sealed beside it - the stored form never changes - and what erasure remembers: keyed hashes only."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, LargeBinary, SmallInteger, Table, Text

from lead_events.store.schema.base import metadata

head = Table(
    "head",
    metadata,
    Column("one", SmallInteger, CheckConstraint("one = 1", name="one"), primary_key=True, autoincrement=False),
    Column("log_id", LargeBinary, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("chain", LargeBinary, nullable=False),
    Column("erasures", BigInteger, nullable=False, server_default="0"),
)

event_ids = Table(
    "event_ids",
    metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("event_id", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("tag", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

events = Table(
    "events",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("subject", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("source_id", Integer, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("version", SmallInteger, nullable=False),
    Column("refs", LargeBinary, nullable=False),
    Column("body", Text, nullable=False),
    Column("sealed_digest", LargeBinary),
    Column("row_hash", LargeBinary, nullable=False),
    Index("ix_events_subject_at_position", "subject", "at", "position"),
)

sealed = Table(
    "sealed",
    metadata,
    Column("position", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("key_ref", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)

keys = Table(
    "keys",
    metadata,
    Column("ref", LargeBinary, primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

refs = Table(
    "refs",
    metadata,
    Column("blind", LargeBinary, primary_key=True),
    Column("ref", LargeBinary, nullable=False, unique=True),
    Column("kind", SmallInteger, nullable=False),
    Column("sealed_value", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("event_id", Text, primary_key=True),
    Column("tag", LargeBinary, primary_key=True),
    Column("original_position", BigInteger, nullable=False),
    Column("key_ref", LargeBinary, nullable=False),
    Column("nonce", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("first_seen", BigInteger, nullable=False),
    Column("times", Integer, nullable=False),
)

erased_names = Table(
    "erased_names",
    metadata,
    Column("name", LargeBinary, primary_key=True),
    Column("low", BigInteger, primary_key=True),
    Column("high", BigInteger, primary_key=True),
    sqlite_with_rowid=False,
)

renamed = Table(
    "renamed",
    metadata,
    Column("name", LargeBinary, primary_key=True),
    Column("since", BigInteger, primary_key=True),
    Column("ref", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

erasures = Table(
    "erasures",
    metadata,
    Column("erasure_id", Text, primary_key=True),
    Column("founding", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("erased_at", BigInteger, nullable=False),
    Column("receipt", Text, nullable=False),
    Index("ix_erasures_founding", "founding"),
)

reads_of_leads = Table(
    "reads_of_leads",
    metadata,
    Column("founding", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("key_id", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Index("ix_reads_of_leads_at", "at"),
    sqlite_with_rowid=False,
)
