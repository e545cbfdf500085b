"""Segment's ecommerce events (specification v2, and the names of v1): track calls as JSON lines or one array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from shoplens.domain.events import DELIVERY_FIELDS
from shoplens.errors import FormatError
from shoplens.ingest.events.event_names import squash
from shoplens.ingest.events.glance import Glance
from shoplens.ingest.events.json_objects import read_json
from shoplens.ingest.events.raw import RawChunk, RawRows
from shoplens.ingest.report import IngestReport
from shoplens.ingest.source import SourceFile

#: Calls that are not about products; other calls than track are left out and counted.
_CALLS = ("track", "identify", "page", "screen", "group", "alias")
_PRODUCT = ("product_id", "productId", "sku", "id", "item_id")
_QUERY = ("query", "search_term", "searchTerm")
_ORDER = ("order_id", "orderId")
_SESSION = ("session_id", "sessionId")
_CONTEXT = ("list_id", "variant", "coupon", "share_via", "wishlist_id", "review_id")
_REVIEW = squash("Product Reviewed")
#: What becomes of an order. "Order Updated" says it where it has a status; else it says nothing, and is left out.
_BECAME = {squash("Order Cancelled"): "cancelled", squash("Order Updated"): None}
_DELIVERY = tuple(name for names in DELIVERY_FIELDS.values() for name in names)


def matches(seen: Glance) -> bool:
    """A call with its envelope."""
    calls = {one.get("type") for one in seen.first if isinstance(one, dict)} if seen.shape == "json" else set()
    envelope = seen.has("messageId") or seen.has("anonymousId") or seen.has("userId")
    return envelope and (bool(calls & set(_CALLS)) or seen.has("event", "properties"))


def read(
    source: SourceFile,
    seen: Glance,
    *,
    mapping: Mapping[str, str] | None,
    report: IngestReport,
    skip_rows: int,
    chunk: int,
) -> Iterator[RawChunk]:
    """One event a product of each track call."""
    if mapping:
        raise FormatError(f"{source.name}: Segment calls have fixed names; leave --map out, or say --format plain")
    if seen.shape != "json":
        raise FormatError(f"{source.name}: Segment calls are JSON lines or a JSON array; this is {seen.shape}")
    for objects, lines, done in read_json(source, report=report, skip_rows=skip_rows, chunk=max(1, chunk // 4)):
        rows = RawRows()
        for call, line in zip(objects, lines, strict=True):
            kind = call.get("type", "track")
            if kind != "track" and kind in _CALLS:
                report.fix(f"{kind} call left out")
                continue
            for event in events_of(call):
                rows.add(line, event)
        yield RawChunk(rows.frame(), done)


def events_of(call: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Our events in one track call, in our names.

    `messageId` becomes the event's id, so that a call sent twice counts once. A review is a rating and a comment: its
    text is in the context as `comment`.
    """
    properties = call.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    message = call.get("messageId")
    name = call.get("event")
    envelope = call.get("context")
    session = _first(properties, *_SESSION) or (_first(envelope, *_SESSION) if isinstance(envelope, dict) else None)
    base = {
        "event_type": name,
        "timestamp": _first(call, "timestamp", "originalTimestamp", "sentAt", "receivedAt"),
        "user_id": call.get("userId"),
        "session_id": session or call.get("anonymousId"),
        "query": _first(properties, *_QUERY),
        "currency": properties.get("currency"),
        "impression_id": properties.get("impression_id"),
        "event_id": message,
    }
    if isinstance(name, str) and squash(name) == _REVIEW:
        yield from _review(base, properties)
        return
    if isinstance(name, str) and squash(name) in _BECAME:
        status, order = _first(properties, "status") or _BECAME[squash(name)], _first(properties, *_ORDER)
        if status and order:
            told = {one: value for one in _DELIVERY if (value := _first(properties, one))}
            yield base | {"event_type": "order_status", "context": {"order_id": order, "status": status} | told}
            return
    products = properties.get("products")
    if not isinstance(products, list) or not products:
        yield base | _product(properties, properties)
        return
    counts: dict[Any, int] = {}
    for listed in products:
        product = listed if isinstance(listed, dict) else {}
        event = base | _product(product, properties)
        item = event["item_id"]
        counts[item] = counts.get(item, 0) + 1
        if message and counts[item] > 1:  # a cart may hold one product in two variants
            event["event_id"] = f"{message}#{counts[item]}"
        yield event


def _product(product: Mapping[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """What is said about one product of a call; prices of the whole order are not prices of a product."""
    context = {name: value for name in _CONTEXT if (value := _first(product, name) or _first(properties, name))}
    if order := _first(properties, *_ORDER):
        context["order_id"] = order
    return {
        "item_id": _first(product, *_PRODUCT),
        "price": product.get("price"),
        "quantity": product.get("quantity"),
        "position": product.get("position"),
        "value": product.get("value"),
        "currency": _first(product, "currency") or _first(properties, "currency"),
        "context": context or None,
    }


def _review(base: dict[str, Any], properties: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    about = base | _product(properties, properties)
    rating = _first(properties, "rating")
    comment = _first(properties, "review_body", "reviewBody", "review", "comment")
    if rating is not None:
        yield about | {"event_type": "rating", "value": rating}
    if comment is not None or rating is None:
        context = (about["context"] or {}) | ({"comment": comment} if comment is not None else {})
        own_id = base["event_id"] and f"{base['event_id']}#comment"
        yield about | {"event_type": "comment", "value": None, "context": context or None, "event_id": own_id}


def _first(values: Mapping[str, Any], *names: str) -> Any:
    """The first of some fields that is not empty."""
    return next((values[name] for name in names if values.get(name) not in (None, "")), None)
