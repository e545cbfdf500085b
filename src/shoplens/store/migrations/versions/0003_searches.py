"""A log of searches, and a way from a search to the events that quote it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the log and the indexes."""
    op.create_table(
        "search",
        sa.Column("sequence", _ROW, primary_key=True, autoincrement=True),
        sa.Column("impression_id", sa.Text, nullable=False, unique=True),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("session_id", sa.Text),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("first", sa.BigInteger, nullable=False),
        sa.Column("shown", sa.Text, nullable=False),
        sa.Column("features", sa.Text, nullable=False),
        sa.Column("filters", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("search_time", "search", ["timestamp"])
    op.create_index("search_person", "search", ["user_id", "sequence"])
    op.create_index("search_session", "search", ["session_id", "sequence"])
    quotes = sa.text("impression_id IS NOT NULL")
    op.create_index("event_impression", "event", ["impression_id"], sqlite_where=quotes, postgresql_where=quotes)


def downgrade() -> None:
    """Drop them."""
    op.drop_index("event_impression", "event")
    op.drop_table("search")
