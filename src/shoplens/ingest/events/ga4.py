"""Google Analytics 4, as exported to BigQuery: one event a record, with nested `items` and `event_params`.

https://support.google.com/analytics/answer/7029846 names the fields. JSON exports write integers as texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shoplens.errors import FormatError
from shoplens.ingest.events.glance import Glance
from shoplens.ingest.events.json_objects import read_json
from shoplens.ingest.events.raw import RawChunk, RawRows
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile
from shoplens.ingest.tables import read_rows

_VALUES = ("string_value", "int_value", "double_value", "float_value")
_ITEM_CONTEXT = ("item_list_id", "item_list_name", "item_variant", "coupon")
#: Orders keep their number over repeated exports; with it the same order is one order.
_ORDERS = ("purchase", "refund")


def matches(seen: Glance) -> bool:
    """The export's own names."""
    return seen.has("event_name", "event_timestamp") and (seen.has("event_params") or seen.has("user_pseudo_id"))


def read(
    source: SourceFile,
    seen: Glance,
    *,
    mapping: Mapping[str, str] | None,
    report: IngestReport,
    skip_rows: int,
    chunk: int,
) -> Iterator[RawChunk]:
    """One event a product of each record; records without products (searches, page views) give one event."""
    if mapping:
        raise FormatError(f"{source.name}: a GA4 export has fixed names; leave --map out, or say --format plain")
    size = max(1, chunk // 4)  # a record holds several products
    if seen.shape == "parquet":
        for frame, lines, done in read_rows(source, kind="parquet", chunk=size, skip_rows=skip_rows, report=report):
            yield _chunk(frame.to_dicts(), lines, done)
    else:
        for objects, lines, done in read_json(source, report=report, skip_rows=skip_rows, chunk=size):
            yield _chunk(objects, lines, done)


def _chunk(records: list[dict[str, Any]], lines: Any, done: int) -> RawChunk:
    rows = RawRows()
    for record, line in zip(records, lines, strict=True):
        for event in events_of(record):
            rows.add(line, event)
    return RawChunk(rows.frame(), done)


def events_of(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Our events in one record, in our names.

    A known visitor is `user_id`; another is a guest whose session is the device (`user_pseudo_id`), so that visits of
    one device are one history. The visit itself, `ga_session_id`, is kept in the context.
    """
    parameters = _parameters(record.get("event_params"))
    user, device = _text(record.get("user_id")), _text(record.get("user_pseudo_id"))
    visit = _text(parameters.get("ga_session_id"))
    session = device if user is None or visit is None else f"{device}.{visit}"
    name = record.get("event_name")
    order = _order(record, parameters) if name in _ORDERS else None
    base = {
        "event_type": name,
        "timestamp": record.get("event_timestamp"),
        "user_id": user,
        "session_id": session,
        "query": parameters.get("search_term"),
        "currency": parameters.get("currency"),
    }
    items = record.get("items") or []
    context = {"ga_session_id": visit} if visit and user is None else {}
    if order is not None:
        context["order_id"] = order
    if not isinstance(items, list) or not items:
        yield {
            **base,
            "value": parameters.get("value"),
            "context": context or None,
            "event_id": order and f"{name}:{order}",
        }
        return
    counts: dict[Any, int] = {}
    for listed in items:
        item = listed if isinstance(listed, dict) else {}
        product = _text(item.get("item_id"))
        counts[product] = counts.get(product, 0) + 1
        again = f"#{counts[product]}" if counts[product] > 1 else ""  # an order may list one product twice
        about = {key: item[key] for key in _ITEM_CONTEXT if _text(item.get(key)) is not None}
        yield {
            **base,
            "item_id": product,
            "price": item.get("price"),
            "quantity": item.get("quantity"),
            "position": _first(item, "item_list_index", "index"),
            "context": {**context, **about} or None,
            "event_id": f"{name}:{order}{again}" if order else None,
        }


def _parameters(listed: Any) -> dict[str, Any]:
    """`event_params` as a plain mapping."""
    found: dict[str, Any] = {}
    for one in listed if isinstance(listed, list) else []:
        value = one.get("value") if isinstance(one, dict) else None
        if isinstance(value, dict):
            found[str(one.get("key"))] = _first(value, *_VALUES)
    return found


def _order(record: Mapping[str, Any], parameters: Mapping[str, Any]) -> str | None:
    ecommerce = record.get("ecommerce")
    known = ecommerce.get("transaction_id") if isinstance(ecommerce, dict) else None
    return _text(known) or _text(parameters.get("transaction_id"))


def _first(values: Mapping[str, Any], *names: str) -> Any:
    """The first of some fields that says something."""
    return next((values[name] for name in names if _text(values.get(name)) is not None), None)


def _text(value: Any) -> str | None:
    """A value as text; what the export writes for nothing is None."""
    text = "" if value is None else str(value).strip()
    return None if text in ("", "(not set)", "null") else text
