"""The activity ledger: the log once more in columns, for previews; derived, droppable, of no model and no lead."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, LargeBinary, SmallInteger, Table, Text

from lead_events.store.schema.base import metadata

activity_head = Table(
    "activity_head",
    metadata,
    Column("one", SmallInteger, CheckConstraint("one = 1", name="one"), primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
    Column("size", Integer, nullable=False),
    Column("segments", BigInteger, nullable=False),
    Column("signatures", Integer, nullable=False),
)

activity_segments = Table(
    "activity_segments",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("columns", LargeBinary, nullable=False),
)

activity_signatures = Table(
    "activity_signatures",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("content", Text, nullable=False),
)

activity_demoted = Table(
    "activity_demoted",
    metadata,
    Column("type", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    sqlite_with_rowid=False,
)
