"""Progress inside the parts of a build: what is folded, how long builders worked for that, when its leads were compared."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("build_parts", sa.Column("folded", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("build_parts", sa.Column("worked", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("build_parts", sa.Column("compared", sa.BigInteger(), server_default="0", nullable=False))
    # A part that an older version finished was folded whole; how long it took nobody knows.
    op.execute("UPDATE build_parts SET folded = events WHERE done")
