"""Every table, in the order an event meets them; migrations are checked against this module.

Instants are BIGINT microseconds UTC. Texts of JSON are TEXT, pseudonyms and ciphertext are bytes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# --- the log: its stored form never changes -------------------------------------------------------------------------

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

# --- what erasure remembers: keyed hashes only ----------------------------------------------------------------------

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

# --- what people wrote ----------------------------------------------------------------------------------------------

sources = Table(
    "sources",
    metadata,
    Column("source_id", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("opt_in", Text, nullable=False, server_default=""),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("source_id", Integer, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("origins", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
)

models = Table(
    "models",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("model_number", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, primary_key=True),
    Column("approved_at", BigInteger, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("note", Text, nullable=False),
)

skips = Table(
    "skips",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

# --- identity: insert-only, derived from the log, shared by all generations ----------------------------------------

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

# --- read models: one set of rows per generation --------------------------------------------------------------------

generations = Table(
    "generations",
    metadata,
    Column("generation_id", Integer, primary_key=True, autoincrement=False),
    Column("model_number", Integer, nullable=False),
    Column("fold_revision", Integer, nullable=False),
    Column("list_revision", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("clock", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("promoted_at", BigInteger),
    Column("base_position", BigInteger, nullable=False),
    Column("base_clock", BigInteger, nullable=False),
    Column("current_until", BigInteger),
    Column("replaces", Integer),
    Column("built_at", BigInteger),
    Column("difference", Text),
    Column("error", Text),
    Column("without_approval", Text),
)

build_parts = Table(
    "build_parts",
    metadata,
    Column("generation_id", Integer, primary_key=True, autoincrement=False),
    Column("part", Integer, primary_key=True, autoincrement=False),
    Column("low", BigInteger, nullable=False),
    Column("high", BigInteger, nullable=False),
    Column("taken_until", BigInteger, nullable=False),
    Column("done", Boolean, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("leads", BigInteger, nullable=False),
    Column("folded", BigInteger, nullable=False, server_default="0"),
    Column("worked", BigInteger, nullable=False, server_default="0"),
    Column("compared", BigInteger, nullable=False, server_default="0"),
)

_CONTACT: Any = {"postgresql_where": text("contact"), "sqlite_where": text("contact")}
_MET: Any = {"postgresql_where": text("met <> 0"), "sqlite_where": text("met <> 0")}
_COMPANY: Any = {"postgresql_where": text("company IS NOT NULL"), "sqlite_where": text("company IS NOT NULL")}
RESEARCH = "NOT contact AND (company IS NOT NULL OR rank_0 > -1e299)"
"""Nobody can be called, yet the company is known or something worth points was done: what research begins with."""
_RESEARCH: Any = {"postgresql_where": text(RESEARCH), "sqlite_where": text(RESEARCH)}
_STALE: Any = {"postgresql_where": text("stale_since IS NOT NULL"), "sqlite_where": text("stale_since IS NOT NULL")}
_DUE: Any = {"postgresql_where": text("due_at IS NOT NULL"), "sqlite_where": text("due_at IS NOT NULL")}

leads = Table(
    "leads",
    metadata,
    Column("generation_id", Integer, primary_key=True, autoincrement=False),
    Column("founding", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("created_at", BigInteger),
    Column("stage", Text, nullable=False),
    Column("temperature", Text, nullable=False),
    Column("contact", Boolean, nullable=False),
    Column("emptied", Boolean, nullable=False),
    Column("parked", Boolean, nullable=False),
    Column("met", BigInteger, nullable=False),
    Column("owner", Text),
    Column("company", Text),
    Column("search", Text, nullable=False),
    Column("due_at", BigInteger),
    Column("rank_0", Float, nullable=False),
    Column("rank_1", Float, nullable=False),
    Column("rank_2", Float, nullable=False),
    Column("rank_3", Float, nullable=False),
    Column("rank_4", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("refolded_at", BigInteger),
    Column("stale_since", BigInteger),
    Index("ix_leads_stale", "generation_id", "refolded_at", **_STALE),
    Index("ix_leads_due", "generation_id", "due_at", "founding", **_DUE),
    Index("ix_leads_stage_updated", "generation_id", "stage", "updated_at", "founding"),
    Index("ix_leads_stage_priority", "generation_id", "stage", "rank_0", "founding"),
    Index("ix_leads_contact_updated", "generation_id", "updated_at", "founding", **_CONTACT),
    Index("ix_leads_met_updated", "generation_id", "updated_at", "founding", **_MET),
    Index("ix_leads_company", "generation_id", "company", "founding", **_COMPANY),
    Index("ix_leads_research", "generation_id", "rank_0", "founding", **_RESEARCH),
    *(Index(f"ix_leads_contact_rank_{n}", "generation_id", f"rank_{n}", "founding", **_CONTACT) for n in range(5)),
)

parked = Table(
    "parked",
    metadata,
    Column("generation_id", Integer, primary_key=True, autoincrement=False),
    Column("founding", BigInteger, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("error", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
)

# --- the second log: what the live generation said -----------------------------------------------------------------

changes_head = Table(
    "changes_head",
    metadata,
    Column("one", SmallInteger, CheckConstraint("one = 1", name="one"), primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("founding", BigInteger),
    Column("kind", Text, nullable=False),
    Column("stage", Text),
    Column("old", Text),
    Column("new", Text),
    Column("detail", Text),
    Column("cause", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("said_at", BigInteger, nullable=False),
    Column("historic", Boolean, nullable=False),
    Column("generation_id", Integer, nullable=False),
    Index("ix_changes_kind_seq", "kind", "seq"),
    Index("ix_changes_stage_seq", "stage", "seq"),
    Index("ix_changes_founding_seq", "founding", "seq"),
)
