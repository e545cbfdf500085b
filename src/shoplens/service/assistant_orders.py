"""One person's own orders, read from the event log: what was bought, and what became of it since."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from shoplens.apps.assistant.tools.base import Delivery, Order, OrderLine, same_order
from shoplens.domain.events import DELIVERY_FIELDS, Event, EventType
from shoplens.store.base import Store

FIRST, MOST_EVENTS = 2_000, 20_000  # of a person, that orders are read from: so many where they tell all, else more
BASKET = 3_600_000_000  # microseconds between purchases without an order's number that still make one order
_JOINERS = "\u200c\u200d"
LONGEST = 100  # characters of a status, a number, a date
LONGEST_LINK = 300

_TELLING = (EventType.PURCHASE, EventType.REFUND, EventType.ORDER_STATUS)


class OwnOrders:
    """Purchases of one person, put together by the number of their order, or else by when they were made."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, user_id: str, limit: int) -> list[Order]:
        """See `tools.base.Orders`."""
        events = self._store.events.history(user_id=user_id, limit=FIRST)
        if len(events) == FIRST:  # behind that many views there may be what an order was of
            events = self._store.events.history(user_id=user_id, limit=MOST_EVENTS)
        telling = [one for one in events if one.event_type in _TELLING]
        titles = {
            name: one.title or name
            for name, one in self._store.catalogue.get(list({one.item_id for one in telling if one.item_id})).items()
        }
        together: dict[str, list[tuple[Event, dict[str, Any]]]] = defaultdict(list)
        names: dict[str, str] = {}
        last, number = 0, ""
        for one in telling:
            told = _context(one)
            own = _flat(told.get("order_id") or "")
            if not own and one.event_type is EventType.PURCHASE:
                if one.timestamp - last > BASKET or not number:
                    number = f"{datetime.fromtimestamp(one.timestamp / 1e6, UTC):%Y%m%d-%H%M}"
                last, own = one.timestamp, number
            if own:
                key = same_order(own)
                names.setdefault(key, own)
                together[key].append((one, told))
        orders = [_order(names[key], own, titles) for key, own in together.items()]
        return sorted(orders, key=lambda one: one.bought, reverse=True)[:limit]


def _context(event: Event) -> dict[str, Any]:
    try:
        told = json.loads(event.context or "{}")  # whole numbers of any length: 22 digits track a parcel
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _order(order_id: str, told: Sequence[tuple[Event, Mapping[str, Any]]], titles: Mapping[str, str]) -> Order:
    """`told`: oldest first. The newest word of a thing counts; a parcel's number stays where a later word has none."""
    events = [one for one, _ in told]
    bought = [one for one in events if one.event_type is EventType.PURCHASE]
    stated = [(one, said) for one, said in told if said.get("status")]
    known = {
        ours: next((text for _, said in reversed(told) if (text := _text(said, names, ours))), "")
        for ours, names in DELIVERY_FIELDS.items()
    }
    lines = _lines(bought, titles)
    return Order(
        order_id,
        _when((bought or events)[0]),
        lines,
        _flat(stated[-1][1]["status"])[:LONGEST] if stated else "",
        since=_when(stated[-1][0]) if stated and stated[-1][0].event_type is EventType.ORDER_STATUS else None,
        delivery=Delivery(**known),
        refunded=_lines([one for one in events if one.event_type is EventType.REFUND], titles, lines),
    )


def _lines(events: Sequence[Event], titles: Mapping[str, str], of: Sequence[OrderLine] = ()) -> tuple[OrderLine, ...]:
    """A line of a numbered order that was sent again, more than `BASKET` later, is the same line: its last quantity
    counts. Purchases closer together add up. Without a quantity it is all there was `of` it, or one."""
    whole = {one.item_id: one.quantity for one in of}
    quantities: dict[str, float] = {}
    began: dict[str, int] = {}
    for one in events:
        if one.item_id:
            numbered = one.event_type is EventType.PURCHASE and _context(one).get("order_id")
            if numbered and one.timestamp - began.setdefault(one.item_id, one.timestamp) > BASKET:
                quantities[one.item_id], began[one.item_id] = 0.0, one.timestamp
            quantities[one.item_id] = quantities.get(one.item_id, 0.0) + (one.quantity or whole.get(one.item_id, 1.0))
    return tuple(OrderLine(name, titles.get(name, name), told) for name, told in quantities.items())


def _text(said: Mapping[str, Any], names: Sequence[str], ours: str) -> str:
    text = next((_flat(said[name]) for name in names if isinstance(said.get(name), str | int) and said[name]), "")
    if ours == "link":
        return (
            text if text.startswith(("https://", "http://")) and " " not in text and len(text) <= LONGEST_LINK else ""
        )
    return text[:LONGEST]


def _flat(value: object) -> str:
    """On one line, without what no text has: control characters, halves of characters. What joins letters stays."""
    return " ".join("".join(one if one.isprintable() or one in _JOINERS else " " for one in str(value)).split())


def _when(event: Event) -> datetime:
    return datetime.fromtimestamp(event.timestamp / 1e6, UTC)
