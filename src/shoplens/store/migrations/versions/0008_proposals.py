"""The review list of what may be wrong or missing in the catalogue."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the list."""
    op.create_table(
        "proposal",
        sa.Column("proposal_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("item_id", sa.Text, nullable=False),
        sa.Column("attribute", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("current", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("evidence", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("offered", sa.BigInteger, nullable=False),
        sa.Column("decided", sa.BigInteger),
    )
    op.create_index("proposal_list", "proposal", ["status", "confidence", "proposal_id"])
    op.create_index("proposal_product", "proposal", ["item_id"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("proposal")
