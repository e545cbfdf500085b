"""Conversations that a person answers; one outbox for alerts and handovers."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_SENT = ("due", "attempts", "state", "error")


def upgrade() -> None:
    """Make the tables, and move what waits to be sent."""
    op.create_table(
        "handover",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("opened", sa.BigInteger, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
    )
    op.create_index("handover_queue", "handover", ["state", "opened"])
    op.create_table(
        "outbox",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("kind", "subject", "occasion", "channel")),
        *_columns(),
    )
    op.create_index("outbox_due", "outbox", ["state", "due"])
    op.execute(
        "INSERT INTO outbox (kind, subject, occasion, channel, due, attempts, state, error) "
        "SELECT 'alert', alert_id, occasion, channel, due, attempts, state, error FROM opinion_outbox"
    )
    op.drop_table("opinion_outbox")


def downgrade() -> None:
    """Give alerts their own outbox back, and drop the rest."""
    op.create_table(
        "opinion_outbox",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("alert_id", "occasion", "channel")),
        *_columns(),
    )
    op.create_index("opinion_outbox_due", "opinion_outbox", ["state", "due"])
    op.execute(
        "INSERT INTO opinion_outbox (alert_id, occasion, channel, due, attempts, state, error) "
        "SELECT subject, occasion, channel, due, attempts, state, error FROM outbox WHERE kind = 'alert'"
    )
    op.drop_table("outbox")
    op.drop_table("handover")


def _columns() -> list[sa.Column[Any]]:
    kinds = (sa.BigInteger, sa.BigInteger, sa.Text, sa.Text)
    return [sa.Column(name, kind, nullable=False) for name, kind in zip(_SENT, kinds, strict=True)]
