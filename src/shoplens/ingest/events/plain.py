"""Tables and JSON lines with our own column names, or with any names and a mapping."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

import polars as pl

from shoplens.domain.events import ORDER_STATUS_FIELDS, context_text
from shoplens.errors import FormatError
from shoplens.ingest.events.glance import Glance
from shoplens.ingest.events.json_objects import read_json
from shoplens.ingest.events.raw import RAW_COLUMNS, RawChunk, with_lines
from shoplens.ingest.mapping import check_columns, check_fields
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import RowChunk, TableKind, frame_of_objects, read_rows

#: Other names for our columns that cannot be misunderstood; compared without case.
ALIASES: dict[str, str] = {
    "event": "event_type", "type": "event_type", "action": "event_type", "behavior": "event_type",
    "behavior_type": "event_type",
    "event_name": "event_type", "time": "timestamp", "datetime": "timestamp", "date": "timestamp",
    "event_time": "timestamp",
    "created_at": "timestamp", "ts": "timestamp", "user": "user_id", "userid": "user_id", "customer_id": "user_id",
    "customerid": "user_id", "visitorid": "user_id", "visitor_id": "user_id", "item": "item_id", "itemid": "item_id",
    "product_id": "item_id", "productid": "item_id", "sku": "item_id", "user_session": "session_id",
    "session": "session_id",
    "sessionid": "session_id", "rating": "value", "qty": "quantity", "unit_price": "price", "search_query": "query",
    "用户id": "user_id", "用户编号": "user_id", "用户": "user_id", "商品id": "item_id", "商品编号": "item_id",
    "商品": "item_id",
    "行为类型": "event_type", "行为": "event_type", "时间戳": "timestamp", "时间": "timestamp", "数量": "quantity",
    "价格": "price",
}  # fmt: skip


def matches(_: Glance) -> bool:
    """Whatever is a table or JSON may be ours."""
    return True


def read(
    source: SourceFile,
    seen: Glance,
    *,
    mapping: Mapping[str, str] | None,
    report: IngestReport,
    skip_rows: int,
    chunk: int,
) -> Iterator[RawChunk]:
    """Chunks in our names; columns that are not ours go into `context` as JSON."""
    kind, separator = table_kind(seen)
    names = column_names(source.name, seen.columns, mapping)
    rated = not any(ours == "event_type" for ours in names.values()) and "value" in names.values()
    if seen.shape == "json":  # lines, or one array
        tables: Iterator[RowChunk] = (
            RowChunk(frame_of_objects(objects), lines, done)
            for objects, lines, done in read_json(source, report=report, skip_rows=skip_rows, chunk=chunk)
        )
    else:
        tables = read_rows(source, kind=kind, chunk=chunk, skip_rows=skip_rows, report=report, separator=separator)
    for frame, lines, done in tables:
        renamed = frame.rename({theirs: ours for theirs, ours in names.items() if theirs in frame.columns})
        yield RawChunk(with_lines(_with_context(renamed, rated), lines), done)


def table_kind(seen: Glance) -> tuple[TableKind, str | None]:
    """How `read_rows` is asked for a file of this shape: kind and separator."""
    if seen.shape == "json":
        return "jsonl", None
    if seen.shape == "parquet":
        return "parquet", None
    return ("tsv" if seen.separator == "\t" else "csv"), seen.separator


def column_names(file: str, columns: tuple[str, ...], mapping: Mapping[str, str] | None) -> dict[str, str]:
    """Their name → ours. ConfigurationError when the mapping is wrong, FormatError when who or what is missing."""
    check_fields(mapping or {}, RAW_COLUMNS)
    check_columns(dict(mapping or {}), columns, file)
    names = {theirs: ours for ours, theirs in (mapping or {}).items()}
    for exact in (True, False):  # our own names go before aliases
        for column in columns:
            plain = column.strip().casefold()
            ours = plain if exact else ALIASES.get(plain, "")
            if ours in RAW_COLUMNS and ours not in names.values() and column not in names:
                names[column] = ours
    found = set(names.values())
    ordered = set(ORDER_STATUS_FIELDS) <= {_of_order(column) for column in columns}  # what became of orders
    ordered |= {"context", "event_type"} <= found  # or what is in the context tells
    if ("item_id" not in found and "query" not in found and not ordered) or not found & {"user_id", "session_id"}:
        raise FormatError(
            f"{file}: no columns for who did what in {', '.join(columns)}; "
            "name them, for example --map user_id=THEIR_NAME --map item_id=THEIR_NAME"
        )
    return names


def _of_order(column: str) -> str:
    """A column's name as a context of an order's status has it: "orderId", "Order ID", "Order_Status"."""
    plain = re.sub(r"[\W_]+", "", column).casefold()
    return {"orderid": "order_id", "status": "status", "orderstatus": "status"}.get(plain, column)


def _with_context(frame: pl.DataFrame, rated: bool) -> pl.DataFrame:
    """Only our columns; the others as one JSON object, with what a row's own context says beside and before them."""
    for column in [name for name in frame.columns if name not in RAW_COLUMNS]:
        if (ours := _of_order(column)) not in frame.columns:
            frame = frame.rename({column: ours})
    others = [name for name in frame.columns if name not in RAW_COLUMNS]
    if rated:  # ratings without an event type
        frame = frame.with_columns(pl.lit("rating").alias("event_type"))
    if not others:
        return frame
    filled = pl.any_horizontal(
        [(pl.col(name) != "") if frame.schema[name] == pl.String else pl.col(name).is_not_null() for name in others]
    ).fill_null(False)
    context = frame.select(pl.when(filled).then(pl.struct(others).struct.json_encode())).to_series()
    if "context" in frame.columns:
        own = frame["context"]
        if isinstance(own.dtype, pl.Struct):
            own = frame.select(pl.when(pl.col("context").is_not_null()).then(pl.col("context").struct.json_encode()))[
                "context"
            ]
        context = pl.Series([_both(one, beside) for one, beside in zip(own, context, strict=True)], dtype=pl.String)
    return frame.with_columns(context.alias("context")).drop(others)


def _both(own: object, beside: str | None) -> str | None:
    """A row's context, and of the columns beside it what it does not say itself; a context that is no JSON object stays
    as it is."""
    text = own if isinstance(own, str) and own.strip() else None
    if text is None or beside is None:
        return text or beside
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return context_text(json.loads(beside) | said) if isinstance(said, dict) else text
