"""What answers with places left to chance were asked for, how sure they were, and which session somebody came from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add them."""
    op.add_column("impression", sa.Column("wish", sa.Text))
    op.add_column("impression", sa.Column("score", sa.Double))
    op.create_table(
        "sign_in",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("session_id", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop them."""
    op.drop_table("sign_in")
    with op.batch_alter_table("impression") as table:
        table.drop_column("wish")
        table.drop_column("score")
