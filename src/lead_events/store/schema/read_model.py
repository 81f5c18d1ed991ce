"""Read models, one set of rows per generation, and the second log: what the live generation said."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Float, Index, Integer, SmallInteger, Table, Text, text

from lead_events.store.schema.base import metadata

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
    Column("founded", BigInteger, nullable=False, server_default="0"),
)

_CONTACT: Any = {"postgresql_where": text("contact"), "sqlite_where": text("contact")}
_MET: Any = {"postgresql_where": text("met <> 0"), "sqlite_where": text("met <> 0")}
_COMPANY: Any = {"postgresql_where": text("company IS NOT NULL"), "sqlite_where": text("company IS NOT NULL")}
RESEARCH = "NOT contact AND (company IS NOT NULL OR rank_0 > -1e299)"
"""Nobody can be called, yet the company is known or something worth points was done: what research begins with."""
_RESEARCH: Any = {"postgresql_where": text(RESEARCH), "sqlite_where": text(RESEARCH)}
_STALE: Any = {"postgresql_where": text("stale_since IS NOT NULL"), "sqlite_where": text("stale_since IS NOT NULL")}
_DUE: Any = {"postgresql_where": text("due_at IS NOT NULL"), "sqlite_where": text("due_at IS NOT NULL")}

RANKS = 5
"""Indexed ranks of a lead: by priority, and by the first scores of its model."""

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
    *(Column(f"rank_{n}", Float, nullable=False) for n in range(RANKS)),
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
    *(Index(f"ix_leads_contact_rank_{n}", "generation_id", f"rank_{n}", "founding", **_CONTACT) for n in range(RANKS)),
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
