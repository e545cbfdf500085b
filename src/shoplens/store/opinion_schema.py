"""Tables of opinions. Changing one needs a new file in migrations/versions/."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Double, Index, Integer, LargeBinary, Table, Text

from shoplens.store.schema import metadata

opinion = Table(
    "opinion",
    metadata,
    Column("sequence", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("key", BigInteger, nullable=False, unique=True),
    Column("timestamp", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("source", Text, nullable=False),
    Column("author", Text),
    Column("item_id", Text),
    Column("link", Text),
    Column("text", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("topic", Text),
    Column("topic_sure", Double, nullable=False),
    Column("positive", Double, nullable=False),  # probabilities
    Column("neutral", Double, nullable=False),
    Column("negative", Double, nullable=False),
    Column("tone", Text, nullable=False),  # the likeliest
    Column("aspects", Text, nullable=False),  # JSON object
    Column("entities", Text, nullable=False),  # JSON array of [kind, name]
    Column("series", Text, nullable=False),  # "\n" before, between and after
    Column("reach", BigInteger, nullable=False),
    Column("copies", BigInteger, nullable=False),
    Column("copy_of", BigInteger),
    Column("late", Boolean, nullable=False),
    Column("sketch", LargeBinary, nullable=False),
)
Index("opinion_time", opinion.c.timestamp)
Index("opinion_author", opinion.c.author)

opinion_count = Table(
    "opinion_count",
    metadata,
    Column("series", Text, primary_key=True),
    Column("start", BigInteger, primary_key=True, autoincrement=False),  # of the window, microseconds
    Column("posts", BigInteger, nullable=False),
    Column("negative", BigInteger, nullable=False),
    Column("positive", BigInteger, nullable=False),
    Column("reach", BigInteger, nullable=False),
)
Index("opinion_count_start", opinion_count.c.start)

opinion_state = Table(
    "opinion_state",
    metadata,
    Column("name", Text, primary_key=True),
    Column("revision", BigInteger, nullable=False),
    Column("state", Text),  # JSON; null: forgotten
)
Index("opinion_state_revision", opinion_state.c.revision)

opinion_alert = Table(
    "opinion_alert",
    metadata,
    Column("alert_id", Text, primary_key=True),
    Column("series", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("opened", BigInteger, nullable=False),
    Column("began", BigInteger, nullable=False),
    Column("closed", BigInteger),
    Column("acknowledged", BigInteger),
    Column("acknowledged_by", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("told", Text, nullable=False),  # JSON object
)
Index("opinion_alert_opened", opinion_alert.c.opened)
