"""What a shop tells its search: curation, synonyms, words of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and the number that changes with it."""
    op.create_table(
        "search_rule",
        sa.Column("rule_id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("added", sa.BigInteger, nullable=False),
        sa.Column("removed", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.execute("INSERT INTO counter (name, value) VALUES ('search_rules', 0)")


def downgrade() -> None:
    """Drop both."""
    op.execute("DELETE FROM counter WHERE name = 'search_rules'")
    op.drop_table("search_rule")
