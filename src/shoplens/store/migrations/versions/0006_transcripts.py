"""Transcripts of the assistant."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "transcript",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("updated", sa.BigInteger, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("turns", sa.BigInteger, nullable=False),
        sa.Column("handed_over", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
    )
    op.create_index("transcript_person", "transcript", ["user_id", "started"])
    op.create_index("transcript_updated", "transcript", ["updated"])
    op.create_table(
        "transcript_turn",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("said", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("helpful", sa.Boolean),
        sa.Column("intent", sa.Text),
    )
    corrected = sa.text("intent IS NOT NULL")
    op.create_index(
        "transcript_corrected",
        "transcript_turn",
        ["timestamp"],
        sqlite_where=corrected,
        postgresql_where=corrected,
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("transcript_turn")
    op.drop_table("transcript")
