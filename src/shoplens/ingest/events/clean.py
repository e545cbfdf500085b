"""Events in, events out: whatever cannot be true is refused with its reason, whatever can be repaired is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import Any

import orjson
import polars as pl

from shoplens.domain.events import MICROSECONDS_PER_DAY, PRODUCT_EVENTS, EventBatch, EventType, says_status
from shoplens.ingest.events.bots import BotWatch
from shoplens.ingest.events.keys import keys_of
from shoplens.ingest.events.outliers import Amounts
from shoplens.ingest.events.raw import RAW_COLUMNS
from shoplens.ingest.events.seen import RecentKeys
from shoplens.ingest.events.typed import typed
from shoplens.ingest.report import IngestReport

#: The categories of products, None where unknown; asked once per distinct product of a chunk.
CategoryOf = Callable[[list[str]], list[str | None]]

FIRST_TIME = 788_918_400_000_000  # 1 January 1995: before that nobody shopped on the web
MAX_ID = 512  # bytes of an id; longer ones are a sign of shifted columns
MAX_PRICE = 1e9  # a unit; whatever the category
MAX_QUANTITY = 1e7  # units, whatever the category
_BOUGHT = [EventType.CART.value, EventType.PURCHASE.value]

UNKNOWN_TYPE = "unknown event type"
UNREADABLE_TIME = "unparseable time"
#: What a time may look like, in words.
TIME_FORMS = "ISO 8601, 2024/01/31, 31.01.2024, 2024年1月31日, or seconds, milliseconds or microseconds since 1970"

#: field, reason, condition: the first that holds is given as the reason. `future` is filled in per reader.
_CHECKS: list[tuple[str, str, pl.Expr]] = [
    ("event_type", "missing event type", pl.col("kind").is_null() & ~pl.col("named")),
    ("event_type", UNKNOWN_TYPE, pl.col("kind").is_null()),
    ("user_id", "missing user and session", pl.col("user_id").is_null() & pl.col("session_id").is_null()),
    (
        "item_id",
        "missing item",
        pl.col("item_id").is_null() & pl.col("kind").is_in([kind.value for kind in PRODUCT_EVENTS]),
    ),
    ("context", "order_status without order_id and status", pl.col("untold")),
    *[(name, "id too long", pl.col(name).str.len_bytes() > MAX_ID) for name in ("user_id", "session_id", "item_id")],
    ("timestamp", "missing time", ~pl.col("timed")),
    ("timestamp", UNREADABLE_TIME, pl.col("timestamp").is_null()),
    ("timestamp", "time before 1995", pl.col("timestamp") < FIRST_TIME),
    ("timestamp", "time in the future", pl.col("timestamp") > pl.col("latest")),
    *[(name, "not a number", pl.col(f"bad_{name}")) for name in ("value", "quantity", "price")],
    ("value", "missing rating", pl.col("value").is_null() & (pl.col("kind") == EventType.RATING.value)),
    ("quantity", "negative quantity", pl.col("quantity") < 0),
    ("quantity", "zero quantity", (pl.col("quantity") == 0) & pl.col("kind").is_in(_BOUGHT)),
    ("price", "negative price", pl.col("price") < 0),
    ("quantity", "absurd quantity", pl.col("quantity") > MAX_QUANTITY),
    ("price", "absurd price", pl.col("price") > MAX_PRICE),
]


@dataclass(slots=True)
class EventCleaner:
    """Cleans the chunks of one source, in order; keeps what it needs to know about earlier ones in bounded memory."""

    file: str  # name for the report
    report: IngestReport
    now: int | None = None  # microseconds since 1970; default: the clock
    default_type: EventType | None = None
    category_of: CategoryOf | None = None
    own_names: Mapping[str, EventType] = field(default_factory=dict)  # see `parse_event_names`
    _seen: RecentKeys = field(default_factory=RecentKeys)
    _bots: BotWatch = field(default_factory=BotWatch)
    _amounts: Amounts = field(default_factory=Amounts)

    def clean(self, raw: pl.DataFrame) -> tuple[EventBatch, list[int]]:
        """The good events of a raw chunk, and the line of each."""
        if raw.is_empty():
            return EventBatch(), []
        chunk = typed(raw, self.default_type, self.own_names)
        for kind, n in chunk.fixes.items():
            self.report.fix(kind, n)
        events = chunk.frame.with_row_index("row")
        events = self._without_other_events(events)
        events = self._repaired(events)
        events = self._checked(events, raw)
        absurd_quantity, absurd_price = self._amounts.absurd(events["quantity"], events["price"], self._groups(events))
        events = self._drop(events, absurd_quantity, raw, "quantity", "absurd quantity")
        events = self._drop(events, absurd_price.filter(~absurd_quantity), raw, "price", "absurd price")
        events = events.with_columns(pl.Series("key", keys_of(events)))
        repeated = pl.Series(self._seen.repeated(events["key"].to_numpy()), dtype=pl.Boolean)
        events = self._drop(events, repeated, raw, None, "duplicate row")
        events = self._drop(events, self._bots.bot_like(events), raw, "user_id", "bot-like session")
        self.report.accept(events.height)
        return _batch(events), events["line"].to_list()

    def _without_other_events(self, events: pl.DataFrame) -> pl.DataFrame:
        """Page views and the like are no mistakes: counted, and gone."""
        n = int(events["other"].sum())
        self.report.fix("event that says nothing about a product, left out", n)
        return events.filter(~pl.col("other")) if n else events

    def _repaired(self, events: pl.DataFrame) -> pl.DataFrame:
        """What is known to be meant: refunds with a minus sign, prices of zero."""
        negative = (pl.col("kind") == EventType.REFUND.value) & (
            (pl.col("quantity") < 0).fill_null(False) | (pl.col("price") < 0).fill_null(False)
        )
        free = (pl.col("price") == 0).fill_null(False)
        counts = events.select(negative.fill_null(False).sum().alias("negative"), free.sum().alias("free")).row(0)
        self.report.fix("refund with a minus sign", counts[0])
        self.report.fix("price of zero read as unknown", counts[1])
        if counts[0]:
            sizes = [
                pl.when(negative).then(pl.col(n).abs()).otherwise(pl.col(n)).alias(n) for n in ("quantity", "price")
            ]
            events = events.with_columns(sizes)
        if counts[1]:
            events = events.with_columns(pl.when(pl.col("price") != 0).then(pl.col("price")).alias("price"))
        return events

    def _checked(self, events: pl.DataFrame, raw: pl.DataFrame) -> pl.DataFrame:
        """Without the rows that break a rule on their own."""
        now = self.now if self.now is not None else int(time() * 1e6)
        first = pl.coalesce(
            [pl.when(condition).then(pl.lit(n, pl.Int8)) for n, (_, _, condition) in enumerate(_CHECKS)]
        )
        latest = pl.lit(now + MICROSECONDS_PER_DAY).alias("latest")
        broken = events.with_columns(latest, _untold(events)).select(first.alias("check")).to_series()
        if broken.null_count() == broken.len():
            return events
        refused = events.select("line", "row").with_columns(broken).drop_nulls("check")
        excerpts = _excerpts(raw, refused["row"])
        for (line, _, check), excerpt in zip(refused.iter_rows(), excerpts, strict=True):
            name, reason, _ = _CHECKS[check]
            self.report.refuse(self.file, line, name, reason, excerpt)
        return events.filter(broken.is_null())

    def _drop(
        self, events: pl.DataFrame, mask: pl.Series, raw: pl.DataFrame, name: str | None, reason: str
    ) -> pl.DataFrame:
        """Refuse the rows of a mask."""
        if not mask.any():
            return events
        refused = events.filter(mask)
        for line, excerpt in zip(refused["line"], _excerpts(raw, refused["row"]), strict=True):
            self.report.refuse(self.file, line, name, reason, excerpt)
        return events.filter(~mask)

    def _groups(self, events: pl.DataFrame) -> pl.Series:
        """Among what a price or quantity is judged: the product's category, else the product itself."""
        items = events["item_id"]
        if self.category_of is None or events["price"].null_count() + events["quantity"].null_count() == 2 * len(items):
            return items
        distinct = items.drop_nulls().unique()
        names = pl.Series(self.category_of(distinct.to_list()), dtype=pl.String)
        # a space keeps a category from being taken for a product of the same name
        found = items.replace_strict(distinct, " " + names, default=None, return_dtype=pl.String)
        return found.zip_with(found.is_not_null(), items)


def _untold(events: pl.DataFrame) -> pl.Series:
    """Which rows are to tell what became of an order, and do not say of which, or what. Boolean, [rows]."""
    status = events["kind"] == EventType.ORDER_STATUS.value
    untold = pl.repeat(False, events.height, dtype=pl.Boolean, eager=True).alias("untold")
    rows = status.fill_null(False).arg_true()
    if not len(rows):
        return untold
    return untold.scatter(rows, [not _says_status(context) for context in events["context"].gather(rows)])


def _says_status(context: str | None) -> bool:
    try:
        said = orjson.loads(context or "{}")
    except orjson.JSONDecodeError:
        return False
    return says_status(said)


def _excerpts(raw: pl.DataFrame, rows: pl.Series) -> list[str]:
    """The refused rows as JSON, for the report."""
    shown = raw.select([name for name in RAW_COLUMNS if name in raw.columns])[rows]
    return [
        orjson.dumps({k: v for k, v in row.items() if v not in (None, "")}, default=str).decode()
        for row in shown.iter_rows(named=True)
    ]


def _batch(events: pl.DataFrame) -> EventBatch:
    """Columns as lists, in the order of EventBatch."""
    return EventBatch(
        key=events["key"].to_list(),
        event_type=events["code"].to_list(),
        timestamp=events["timestamp"].to_list(),
        user_id=_list(events["user_id"]),
        session_id=_list(events["session_id"]),
        item_id=_list(events["item_id"]),
        value=_list(events["value"]),
        quantity=_list(events["quantity"]),
        price=_list(events["price"]),
        currency=_list(events["currency"]),
        impression_id=_list(events["impression_id"]),
        position=_list(events["position"]),
        query=_list(events["query"]),
        context=_list(events["context"]),
    )


def _list(column: pl.Series) -> list[Any]:
    """Values of a column; most columns of most logs are empty."""
    return [None] * column.len() if column.null_count() == column.len() else column.to_list()
