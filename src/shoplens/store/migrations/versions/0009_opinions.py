"""Opinions: posts, counts, the detectors' state, alerts, an outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "opinion",
        sa.Column("sequence", _ROW, primary_key=True, autoincrement=False),
        sa.Column("key", sa.BigInteger, nullable=False, unique=True),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("author", sa.Text),
        sa.Column("item_id", sa.Text),
        sa.Column("link", sa.Text),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("topic", sa.Text),
        sa.Column("topic_sure", sa.Double, nullable=False),
        sa.Column("positive", sa.Double, nullable=False),
        sa.Column("neutral", sa.Double, nullable=False),
        sa.Column("negative", sa.Double, nullable=False),
        sa.Column("tone", sa.Text, nullable=False),
        sa.Column("aspects", sa.Text, nullable=False),
        sa.Column("entities", sa.Text, nullable=False),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("reach", sa.BigInteger, nullable=False),
        sa.Column("copies", sa.BigInteger, nullable=False),
        sa.Column("copy_of", sa.BigInteger),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("sketch", sa.LargeBinary, nullable=False),
    )
    op.create_index("opinion_time", "opinion", ["timestamp"])
    op.create_index("opinion_author", "opinion", ["author"])
    op.create_table(
        "opinion_count",
        sa.Column("series", sa.Text, primary_key=True),
        sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("posts", sa.BigInteger, nullable=False),
        sa.Column("negative", sa.BigInteger, nullable=False),
        sa.Column("positive", sa.BigInteger, nullable=False),
        sa.Column("reach", sa.BigInteger, nullable=False),
    )
    op.create_index("opinion_count_start", "opinion_count", ["start"])
    op.create_table(
        "opinion_state",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text),
    )
    op.create_index("opinion_state_revision", "opinion_state", ["revision"])
    op.create_table(
        "opinion_alert",
        sa.Column("alert_id", sa.Text, primary_key=True),
        sa.Column("series", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("began", sa.BigInteger, nullable=False),
        sa.Column("closed", sa.BigInteger),
        sa.Column("acknowledged", sa.BigInteger),
        sa.Column("acknowledged_by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
    )
    op.create_index("opinion_alert_opened", "opinion_alert", ["opened"])
    op.create_table(
        "opinion_outbox",
        sa.Column("alert_id", sa.Text, primary_key=True),
        sa.Column("occasion", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("error", sa.Text, nullable=False),
    )
    op.create_index("opinion_outbox_due", "opinion_outbox", ["state", "due"])


def downgrade() -> None:
    """Drop them."""
    for name in ("opinion_outbox", "opinion_alert", "opinion_state", "opinion_count", "opinion"):
        op.drop_table(name)
