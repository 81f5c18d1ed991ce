"""The first schema: the log, the vault, what people wrote, identity, and one generation of read models."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_APPEND_ONLY = ("events", "event_ids")


def upgrade() -> None:
    _create_tables()
    if op.get_context().dialect.name == "postgresql":
        _refuse_changes_postgresql()
    else:
        _refuse_changes_sqlite()


def _refuse_changes_sqlite() -> None:
    for table in _APPEND_ONLY:
        for act in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{act.lower()} BEFORE {act} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'the log is append-only: {table} refuses {act}'); END"
            )


def _refuse_changes_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION 'the log is append-only: % refuses %', TG_TABLE_NAME, TG_OP; END $$"
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def _create_tables() -> None:
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("origins", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_api_keys")),
    )
    op.create_table(
        "bindings",
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.Column("founding", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_bindings")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_bindings_founding"), "bindings", ["founding"], unique=False)
    op.create_table(
        "build_parts",
        sa.Column("generation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("part", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.Column("taken_until", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("leads", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("generation_id", "part", name=op.f("pk_build_parts")),
    )
    op.create_table(
        "candidates",
        sa.Column("one", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("two", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("one", "two", name=op.f("pk_candidates")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_candidates_position"), "candidates", ["position"], unique=False)
    op.create_table(
        "changes",
        sa.Column("seq", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("founding", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=True),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("historic", sa.Boolean(), nullable=False),
        sa.Column("generation_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_changes")),
    )
    op.create_index("ix_changes_founding_seq", "changes", ["founding", "seq"], unique=False)
    op.create_index("ix_changes_kind_seq", "changes", ["kind", "seq"], unique=False)
    op.create_index("ix_changes_stage_seq", "changes", ["stage", "seq"], unique=False)
    op.create_table(
        "changes_head",
        sa.Column(
            "one",
            sa.SmallInteger(),
            sa.CheckConstraint("one = 1", name=op.f("ck_changes_head_one")),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_changes_head")),
    )
    op.create_table(
        "claims",
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("founding", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ref", "at", "position", name=op.f("pk_claims")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_claims_founding"), "claims", ["founding"], unique=False)
    op.create_table(
        "event_ids",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "event_id", name=op.f("pk_event_ids")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("subject", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("version", sa.SmallInteger(), nullable=False),
        sa.Column("refs", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sealed_digest", sa.LargeBinary(), nullable=True),
        sa.Column("row_hash", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_events")),
    )
    op.create_index("ix_events_subject_at_position", "events", ["subject", "at", "position"], unique=False)
    op.create_table(
        "generations",
        sa.Column("generation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("model_number", sa.Integer(), nullable=False),
        sa.Column("fold_revision", sa.Integer(), nullable=False),
        sa.Column("list_revision", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("clock", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("promoted_at", sa.BigInteger(), nullable=True),
        sa.Column("base_position", sa.BigInteger(), nullable=False),
        sa.Column("base_clock", sa.BigInteger(), nullable=False),
        sa.Column("current_until", sa.BigInteger(), nullable=True),
        sa.Column("replaces", sa.Integer(), nullable=True),
        sa.Column("built_at", sa.BigInteger(), nullable=True),
        sa.Column("difference", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("generation_id", name=op.f("pk_generations")),
    )
    op.create_table(
        "head",
        sa.Column(
            "one", sa.SmallInteger(), sa.CheckConstraint("one = 1", name=op.f("ck_head_one")), autoincrement=False, nullable=False
        ),
        sa.Column("log_id", sa.LargeBinary(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_head")),
    )
    op.create_table(
        "identity_head",
        sa.Column(
            "one",
            sa.SmallInteger(),
            sa.CheckConstraint("one = 1", name=op.f("ck_identity_head_one")),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_identity_head")),
    )
    op.create_table(
        "keys",
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_keys")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "leads",
        sa.Column("generation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("founding", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=True),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("temperature", sa.Text(), nullable=False),
        sa.Column("contact", sa.Boolean(), nullable=False),
        sa.Column("emptied", sa.Boolean(), nullable=False),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.Column("met", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("company", sa.Text(), nullable=True),
        sa.Column("search", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("rank_0", sa.Float(), nullable=False),
        sa.Column("rank_1", sa.Float(), nullable=False),
        sa.Column("rank_2", sa.Float(), nullable=False),
        sa.Column("rank_3", sa.Float(), nullable=False),
        sa.Column("rank_4", sa.Float(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("generation_id", "founding", name=op.f("pk_leads")),
    )
    op.create_index(
        "ix_leads_company",
        "leads",
        ["generation_id", "company", "founding"],
        unique=False,
        postgresql_where=sa.text("company IS NOT NULL"),
        sqlite_where=sa.text("company IS NOT NULL"),
    )
    op.create_index(
        "ix_leads_contact_rank_0",
        "leads",
        ["generation_id", "rank_0", "founding"],
        unique=False,
        postgresql_where=sa.text("contact"),
        sqlite_where=sa.text("contact"),
    )
    op.create_index(
        "ix_leads_contact_rank_1",
        "leads",
        ["generation_id", "rank_1", "founding"],
        unique=False,
        postgresql_where=sa.text("contact"),
        sqlite_where=sa.text("contact"),
    )
    op.create_index(
        "ix_leads_contact_rank_2",
        "leads",
        ["generation_id", "rank_2", "founding"],
        unique=False,
        postgresql_where=sa.text("contact"),
        sqlite_where=sa.text("contact"),
    )
    op.create_index(
        "ix_leads_contact_rank_3",
        "leads",
        ["generation_id", "rank_3", "founding"],
        unique=False,
        postgresql_where=sa.text("contact"),
        sqlite_where=sa.text("contact"),
    )
    op.create_index(
        "ix_leads_contact_rank_4",
        "leads",
        ["generation_id", "rank_4", "founding"],
        unique=False,
        postgresql_where=sa.text("contact"),
        sqlite_where=sa.text("contact"),
    )
    op.create_index(
        "ix_leads_contact_updated",
        "leads",
        ["generation_id", "updated_at", "founding"],
        unique=False,
        postgresql_where=sa.text("contact"),
        sqlite_where=sa.text("contact"),
    )
    op.create_index(
        "ix_leads_due",
        "leads",
        ["generation_id", "due_at", "founding"],
        unique=False,
        postgresql_where=sa.text("due_at IS NOT NULL"),
        sqlite_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_leads_met_updated",
        "leads",
        ["generation_id", "updated_at", "founding"],
        unique=False,
        postgresql_where=sa.text("met <> 0"),
        sqlite_where=sa.text("met <> 0"),
    )
    op.create_index(
        "ix_leads_research",
        "leads",
        ["generation_id", "rank_0", "founding"],
        unique=False,
        postgresql_where=sa.text("NOT contact AND (company IS NOT NULL OR rank_0 > -1e299)"),
        sqlite_where=sa.text("NOT contact AND (company IS NOT NULL OR rank_0 > -1e299)"),
    )
    op.create_index("ix_leads_stage_priority", "leads", ["generation_id", "stage", "rank_0", "founding"], unique=False)
    op.create_index("ix_leads_stage_updated", "leads", ["generation_id", "stage", "updated_at", "founding"], unique=False)
    op.create_table(
        "merges",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("one", sa.BigInteger(), nullable=False),
        sa.Column("two", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_merges")),
    )
    op.create_table(
        "models",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_models")),
    )
    op.create_table(
        "moves",
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("founding", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", "founding", name=op.f("pk_moves")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_moves_founding_position", "moves", ["founding", "position"], unique=False)
    op.create_table(
        "parked",
        sa.Column("generation_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("founding", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("generation_id", "founding", name=op.f("pk_parked")),
    )
    op.create_table(
        "quarantine",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("tag", sa.LargeBinary(), nullable=False),
        sa.Column("original_position", sa.BigInteger(), nullable=False),
        sa.Column("key_ref", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", "event_id", "tag", name=op.f("pk_quarantine")),
    )
    op.create_table(
        "refs",
        sa.Column("blind", sa.LargeBinary(), nullable=False),
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("sealed_value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("blind", name=op.f("pk_refs")),
        sa.UniqueConstraint("ref", name=op.f("uq_refs_ref")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "sealed",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False),
        sa.Column("key_ref", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_sealed")),
    )
    op.create_table(
        "skips",
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_skips")),
    )
    op.create_table(
        "sources",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_sources")),
        sa.UniqueConstraint("name", name=op.f("uq_sources_name")),
    )
    op.create_table(
        "visitors",
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.Column("founding", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_visitors")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_visitors_founding"), "visitors", ["founding"], unique=False)
