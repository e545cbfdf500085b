"""A log of what recommendations showed, and to whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the log."""
    op.create_table(
        "impression",
        sa.Column("sequence", _ROW, primary_key=True, autoincrement=True),
        sa.Column("impression_id", sa.Text, nullable=False, unique=True),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("scenario", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("session_id", sa.Text),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("propensities", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("bundle", sa.Text),
        sa.Column("fallback", sa.Text),
        sa.Column("arms", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("impression_time", "impression", ["timestamp"])
    op.create_index("impression_person", "impression", ["user_id", "sequence"])
    op.create_index("impression_session", "impression", ["session_id", "sequence"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("impression")
