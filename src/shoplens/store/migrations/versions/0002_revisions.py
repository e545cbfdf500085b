"""Every product knows the catalogue's revision at its last change, so that others can ask what changed since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """All products that are there changed at the revision that the catalogue has now."""
    op.add_column("product", sa.Column("revision", sa.BigInteger, nullable=False, server_default="0"))
    op.execute("UPDATE product SET revision = (SELECT value FROM counter WHERE name = 'catalogue')")
    op.create_index("product_revision", "product", ["revision", "row"])


def downgrade() -> None:
    """Forget when they changed."""
    op.drop_index("product_revision", "product")
    op.drop_column("product", "revision")
