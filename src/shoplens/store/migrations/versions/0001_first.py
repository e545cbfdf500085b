"""The first schema: people, products, events, checkpoints, counters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROW = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "person",
        sa.Column("row", _ROW, primary_key=True, autoincrement=True),
        sa.Column("user_id", sa.Text, nullable=False, unique=True),
        sa.Column("stub", sa.Boolean, nullable=False),
        sa.Column("content", sa.BigInteger, nullable=False),
        sa.Column("fields", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "product",
        sa.Column("row", _ROW, primary_key=True, autoincrement=True),
        sa.Column("item_id", sa.Text, nullable=False, unique=True),
        sa.Column("stub", sa.Boolean, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False),
        sa.Column("mentioned", sa.Boolean, nullable=False),
        sa.Column("content", sa.BigInteger, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("brand", sa.Text),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("price", sa.Text),
        sa.Column("sale_price", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("availability", sa.Text),
        sa.Column("stock", sa.BigInteger),
        sa.Column("gtin", sa.Text),
        sa.Column("mpn", sa.Text),
        sa.Column("group_id", sa.Text),
        sa.Column("link", sa.Text),
        sa.Column("attributes", sa.Text, nullable=False),
        sa.Column("images", sa.Text, nullable=False),
        sa.Column("videos", sa.Text, nullable=False),
        sa.Column("audio", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "event",
        sa.Column("sequence", _ROW, primary_key=True, autoincrement=False),
        sa.Column("key", sa.BigInteger, nullable=False),
        sa.Column("event_type", sa.SmallInteger, nullable=False),
        sa.Column("timestamp", sa.BigInteger, nullable=False),
        sa.Column("person", sa.BigInteger),
        sa.Column("product", sa.BigInteger),
        sa.Column("session", sa.BigInteger),
        sa.Column("session_id", sa.Text),
        sa.Column("value", sa.Double),
        sa.Column("quantity", sa.Double),
        sa.Column("price", sa.Double),
        sa.Column("currency", sa.Text),
        sa.Column("impression_id", sa.Text),
        sa.Column("position", sa.BigInteger),
        sa.Column("query", sa.Text),
        sa.Column("context", sa.Text),
    )
    _index_events()
    op.create_table(
        "checkpoint",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.Boolean, nullable=False),
    )
    counter = op.create_table(
        "counter",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.bulk_insert(counter, [{"name": name, "value": 0} for name in ("sequence", "events", "catalogue", "forgotten")])


def _index_events() -> None:
    """Find an event by key and by person: index tables in SQLite (see schema.py), indexes in PostgreSQL."""
    if op.get_context().dialect.name == "sqlite":
        op.create_table("event_key", sa.Column("key", sa.Integer, primary_key=True))
        op.create_table(
            "event_trail",
            sa.Column("who", sa.Integer, primary_key=True),
            sa.Column("timestamp", sa.Integer, primary_key=True),
            sa.Column("sequence", sa.Integer, primary_key=True),
            sqlite_with_rowid=False,
        )
    else:
        op.create_index("event_key", "event", ["key"], unique=True)
        op.create_index("event_trail", "event", ["person", "timestamp"])
        guest = sa.text("session IS NOT NULL")
        op.create_index("event_session", "event", ["session", "timestamp"], postgresql_where=guest)


def downgrade() -> None:
    """Drop all tables."""
    tables = ["counter", "checkpoint", "event", "product", "person"]
    if op.get_context().dialect.name == "sqlite":
        tables += ["event_key", "event_trail"]
    for table in tables:
        op.drop_table(table)
