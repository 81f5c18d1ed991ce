"""Privacy and agreement: what erasure remembers, who read what, who approved a model, which leads are stale."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "erased_names",
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("low", sa.BigInteger(), nullable=False),
        sa.Column("high", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", "low", "high", name=op.f("pk_erased_names")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "renamed",
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", "since", name=op.f("pk_renamed")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.Text(), nullable=False),
        sa.Column("founding", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("erasure_id", "founding", name=op.f("pk_erasures")),
    )
    op.create_index(op.f("ix_erasures_founding"), "erasures", ["founding"])
    op.create_table(
        "reads_of_leads",
        sa.Column("founding", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("founding", "at", "key_id", "what", name=op.f("pk_reads_of_leads")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_reads_of_leads_at"), "reads_of_leads", ["at"])
    op.create_table(
        "approvals",
        sa.Column("model_number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("model_number", "name", name=op.f("pk_approvals")),
    )
    op.add_column("leads", sa.Column("refolded_at", sa.BigInteger(), nullable=True))
    op.add_column("leads", sa.Column("stale_since", sa.BigInteger(), nullable=True))
    is_stale = sa.text("stale_since IS NOT NULL")
    columns = ["generation_id", "refolded_at"]
    op.create_index("ix_leads_stale", "leads", columns, postgresql_where=is_stale, sqlite_where=is_stale)
    op.add_column("head", sa.Column("erasures", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("generations", sa.Column("without_approval", sa.Text(), nullable=True))
    op.add_column("sources", sa.Column("opt_in", sa.Text(), server_default="", nullable=False))
