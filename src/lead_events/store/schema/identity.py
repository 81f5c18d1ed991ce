"""Identity: insert-only, derived from the log, shared by all generations."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, LargeBinary, SmallInteger, Table, Text

from lead_events.store.schema.base import metadata

identity_head = Table(
    "identity_head",
    metadata,
    Column("one", SmallInteger, CheckConstraint("one = 1", name="one"), primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
)

bindings = Table(
    "bindings",
    metadata,
    Column("ref", LargeBinary, primary_key=True),
    Column("founding", BigInteger, nullable=False, index=True),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

visitors = Table(
    "visitors",
    metadata,
    Column("ref", LargeBinary, primary_key=True),
    Column("founding", BigInteger, nullable=False, index=True),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

claims = Table(
    "claims",
    metadata,
    Column("ref", LargeBinary, primary_key=True),
    Column("at", BigInteger, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("founding", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

moves = Table(
    "moves",
    metadata,
    Column("position", BigInteger, primary_key=True),
    Column("founding", BigInteger, primary_key=True),
    Index("ix_moves_founding_position", "founding", "position"),
    sqlite_with_rowid=False,
)

merges = Table(
    "merges",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("one", BigInteger, nullable=False),
    Column("two", BigInteger, nullable=False),
    Column("active", Boolean, nullable=False),
)

candidates = Table(
    "candidates",
    metadata,
    Column("one", BigInteger, primary_key=True, autoincrement=False),
    Column("two", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False, index=True),
    Column("evidence", Text, nullable=False),
    sqlite_with_rowid=False,
)
