"""The activity ledger that previews read, lists of mail providers that people publish, and how many leads a part has."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("build_parts", sa.Column("founded", sa.BigInteger(), server_default="0", nullable=False))
    op.create_table(
        "activity_head",
        sa.Column(
            "one",
            sa.SmallInteger(),
            sa.CheckConstraint("one = 1", name=op.f("ck_activity_head_one")),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("segments", sa.BigInteger(), nullable=False),
        sa.Column("signatures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_activity_head")),
    )
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "activity_segments",
        sa.Column("number", number, autoincrement=False, nullable=False),
        sa.Column("columns", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_activity_segments")),
    )
    op.create_table(
        "activity_signatures",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_activity_signatures")),
    )
    op.create_table(
        "activity_demoted",
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("type", "path", name=op.f("pk_activity_demoted")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lists",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("published_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lists")),
    )
