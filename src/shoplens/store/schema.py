"""Tables of the shop, for SQLite and PostgreSQL alike. Changing one needs a new file in migrations/versions/.

Ids from outside are replaced by integer rows at once: an event is a few integers instead of texts, and the row is what
arrays are indexed by. Rows are never given twice, also not after a person has been forgotten.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
)

#: The newest migration; a database that names another one which this version does not know is refused.
REVISION = "0011"

metadata = MetaData()

# SQLite gives out rows by itself only for a column of type INTEGER.
_Row = BigInteger().with_variant(Integer, "sqlite")

person = Table(
    "person",
    metadata,
    Column("row", _Row, primary_key=True, autoincrement=True),
    Column("user_id", Text, nullable=False, unique=True),
    Column("stub", Boolean, nullable=False),
    Column("content", BigInteger, nullable=False),  # hash of the fields; tells what really changed
    Column("fields", Text, nullable=False),  # JSON object
    sqlite_autoincrement=True,
)

product = Table(
    "product",
    metadata,
    Column("row", _Row, primary_key=True, autoincrement=True),
    Column("item_id", Text, nullable=False, unique=True),
    Column("stub", Boolean, nullable=False),
    Column("deleted", Boolean, nullable=False),  # keeps the row number for the case that the product comes back
    Column("mentioned", Boolean, nullable=False),  # an event has named it
    Column("content", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("brand", Text),
    Column("category", Text, nullable=False),  # JSON array
    Column("price", Text),  # decimals as text: exact, also where the database has binary fractions only
    Column("sale_price", Text),
    Column("currency", Text),
    Column("availability", Text),
    Column("stock", BigInteger),
    Column("gtin", Text),
    Column("mpn", Text),
    Column("group_id", Text),
    Column("link", Text),
    Column("attributes", Text, nullable=False),  # JSON object of arrays
    Column("images", Text, nullable=False),  # JSON arrays
    Column("videos", Text, nullable=False),
    Column("audio", Text, nullable=False),
    Column("created_at", BigInteger),  # microseconds since 1970, UTC
    Column("revision", BigInteger, nullable=False, server_default="0"),  # counter "catalogue" as of its last change
    Index("product_revision", "revision", "row"),
    sqlite_autoincrement=True,
)

event = Table(
    "event",
    metadata,
    Column("sequence", _Row, primary_key=True, autoincrement=False),  # order of arrival
    Column("key", BigInteger, nullable=False),
    Column("event_type", SmallInteger, nullable=False),
    Column("timestamp", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("person", BigInteger),  # row in person; none for a guest
    Column("product", BigInteger),  # row in product; none when the event has none
    Column("session", BigInteger),  # of a guest with a session: key_of_text(session_id), what the session is found by
    Column("session_id", Text),
    Column("value", Double),
    Column("quantity", Double),
    Column("price", Double),
    Column("currency", Text),
    Column("impression_id", Text),
    Column("position", BigInteger),
    Column("query", Text),
    Column("context", Text),
)

# PostgreSQL has ordinary indexes on the events. SQLite has two index tables instead, which are filled in sorted order a
# batch at a time: that touches each page once, and makes appending a large batch about twice as fast.
SQLITE_TABLES = frozenset({"event_key", "event_trail"})
POSTGRES_INDEXES = frozenset({"event_key", "event_trail", "event_session"})
Index("event_key", event.c.key, unique=True)
Index("event_trail", event.c.person, event.c.timestamp)
Index("event_session", event.c.session, event.c.timestamp, postgresql_where=event.c.session.is_not(None))

# What people did with an answer is found by the answer; only events that quote one are in this index.
_quotes = event.c.impression_id.is_not(None)
Index("event_impression", event.c.impression_id, sqlite_where=_quotes, postgresql_where=_quotes)

#: Set in a guest's session number in `event_trail`: below zero, where no row of a person is.
SIGN_BIT = -(2**63)

event_key = Table("event_key", metadata, Column("key", Integer, primary_key=True))

event_trail = Table(
    "event_trail",
    metadata,
    Column("who", Integer, primary_key=True),  # row of the person, or for a guest the session with its sign bit set
    Column("timestamp", Integer, primary_key=True),
    Column("sequence", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

search = Table(
    "search",
    metadata,
    Column("sequence", _Row, primary_key=True, autoincrement=True),  # order of arrival
    Column("impression_id", Text, nullable=False, unique=True),
    Column("timestamp", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("user_id", Text),  # not a row in person: who only searches need not be anybody the shop knows
    Column("session_id", Text),
    Column("query", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("first", BigInteger, nullable=False),  # place of the first shown product in the whole answer
    Column("shown", Text, nullable=False),  # JSON array of item_ids
    Column("features", Text, nullable=False),  # JSON object of arrays, one number for each shown product
    Column("filters", Text, nullable=False),
    sqlite_autoincrement=True,
)
Index("search_time", search.c.timestamp)
Index("search_person", search.c.user_id, search.c.sequence)
Index("search_session", search.c.session_id, search.c.sequence)

impression = Table(
    "impression",
    metadata,
    Column("sequence", _Row, primary_key=True, autoincrement=True),  # order of arrival
    Column("impression_id", Text, nullable=False, unique=True),
    Column("timestamp", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("route", Text, nullable=False),  # recommend, similar, cart
    Column("scenario", Text, nullable=False),
    Column("user_id", Text),
    Column("session_id", Text),
    Column("shown", Text, nullable=False),  # JSON array of item_ids
    Column("propensities", Text, nullable=False),  # JSON array, one for each; empty where nothing was left to chance
    Column("model", Text, nullable=False),
    Column("bundle", Text),
    Column("fallback", Text),
    Column("arms", Text, nullable=False),  # JSON object: experiment → arm
    Column("wish", Text),  # JSON object: what was asked for; only where places were left to chance
    Column("score", Double),  # mean of what was shown
    sqlite_autoincrement=True,
)
Index("impression_time", impression.c.timestamp)
Index("impression_person", impression.c.user_id, impression.c.sequence)
Index("impression_session", impression.c.session_id, impression.c.sequence)

transcript = Table(
    "transcript",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("user_id", Text),  # not a row in person: who asks need not be anybody the shop knows
    Column("started", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("updated", BigInteger, nullable=False),
    Column("language", Text, nullable=False),
    Column("turns", BigInteger, nullable=False),
    Column("handed_over", Text, nullable=False),
    Column("state", Text, nullable=False),  # JSON object
)
Index("transcript_person", transcript.c.user_id, transcript.c.started)
Index("transcript_updated", transcript.c.updated)

transcript_turn = Table(
    "transcript_turn",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("timestamp", BigInteger, nullable=False),
    Column("said", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("details", Text, nullable=False),  # JSON object
    Column("helpful", Boolean),
    Column("intent", Text),
)
# Corrections are few among many turns, and only they are looked for.
_corrected = transcript_turn.c.intent.is_not(None)
Index(
    "transcript_corrected",
    transcript_turn.c.timestamp,
    sqlite_where=_corrected,
    postgresql_where=_corrected,
)

handover = Table(
    "handover",
    metadata,
    Column("conversation_id", Text, primary_key=True),
    Column("turn", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("opened", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("changed", BigInteger, nullable=False),
    Column("agent", Text, nullable=False),
)
Index("handover_queue", handover.c.state, handover.c.opened)

outbox = Table(
    "outbox",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("occasion", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("due", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("attempts", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("error", Text, nullable=False),
)
Index("outbox_due", outbox.c.state, outbox.c.due)

erasure = Table(
    "erasure",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("timestamp", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("who", Text, nullable=False),
    Column("counts", Text, nullable=False),  # JSON object
    Column("digest", Text, nullable=False),
)

# Where a person is in experiments: as the guest that they were, whose answers they had seen.
sign_in = Table(
    "sign_in",
    metadata,
    Column("user_id", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
)

proposal = Table(
    "proposal",
    metadata,
    Column("proposal_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("item_id", Text, nullable=False),  # by id, not row: a proposal may outlive its product
    Column("attribute", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("current", Text, nullable=False),  # JSON array
    Column("source", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON object
    Column("status", Text, nullable=False),
    Column("offered", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("decided", BigInteger),
)
Index("proposal_list", proposal.c.status, proposal.c.confidence, proposal.c.proposal_id)
Index("proposal_product", proposal.c.item_id)

search_rule = Table(
    "search_rule",
    metadata,
    Column("rule_id", _Row, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),  # curation, synonyms or words
    Column("body", Text, nullable=False),  # as it was told
    Column("added", BigInteger, nullable=False),  # microseconds since 1970, UTC
    Column("removed", BigInteger),  # since when it holds no more
    sqlite_autoincrement=True,
)

checkpoint = Table(
    "checkpoint",
    metadata,
    Column("source", Text, primary_key=True),  # fingerprint of the content
    Column("rows", BigInteger, nullable=False),
    Column("finished", Boolean, nullable=False),
)

#: Numbers that belong to a whole table and change in the same transaction as it.
counter = Table(
    "counter",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
COUNTERS = (
    "sequence",  # of the latest event ever stored
    "events",  # how many there are
    "catalogue",  # its revision: rises by one with every transaction that changes products
    "search_rules",  # rises with every change of what the shop tells its search
    "forgotten",  # how many people were deleted; tells other processes to drop what they remember about rows
)
