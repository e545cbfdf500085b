"""The assistant's tools in a running shop: catalogue, orders, recommendations, and a search that goes on."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from shoplens.apps.assistant.tools.base import Order, OrderLine, Shown
from shoplens.apps.home import Shown as Recommended
from shoplens.apps.interaction import Interaction, PhotoAsk
from shoplens.apps.interaction import Turn as ShoppingTurn
from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventType
from shoplens.recommend.asking import Ask, Search
from shoplens.store.base import Store

MOST_EVENTS = 2_000  # of a person, that orders are read from
BASKET = 3_600_000_000  # microseconds between purchases without an order's number that still make one order

Recommend = Callable[[int, str | None, str | None], Recommended]  # how many, user_id, session_id


class ShopCatalogue:
    """Products by id and by words."""

    def __init__(self, store: Store, search: Search) -> None:
        self._store, self._search = store, search

    def get(self, item_ids: Sequence[str]) -> list[Product]:
        """See `tools.base.Catalogue`."""
        known = self._store.catalogue.get(list(item_ids))
        return [known[one] for one in item_ids if one in known and not known[one].stub]

    def find(self, text: str, n: int, language: str) -> list[Product]:
        """See `tools.base.Catalogue`. What is sold out is found as well: it is asked about."""
        found = self._search(Ask(text=text, n=n, language=language, unavailable=True, highlight=False))
        return self.get([one.item_id for one in found.items])


class OwnOrders:
    """Purchases of one person, put together by the number of their order, or else by when they were made."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, user_id: str, limit: int) -> list[Order]:
        """See `tools.base.Orders`."""
        events = self._store.events.history(user_id=user_id, limit=MOST_EVENTS)
        bought = [one for one in events if one.event_type in (EventType.PURCHASE, EventType.REFUND)]
        titles = {
            name: one.title or name
            for name, one in self._store.catalogue.get(list({one.item_id for one in bought if one.item_id})).items()
        }
        together: dict[str, list[Event]] = defaultdict(list)
        last, number = 0, ""
        for one in bought:
            told = _context(one)
            own = str(told.get("order_id") or "")
            if not own and one.event_type is EventType.PURCHASE:
                if one.timestamp - last > BASKET or not number:
                    number = f"{datetime.fromtimestamp(one.timestamp / 1e6, UTC):%Y%m%d-%H%M}"
                last, own = one.timestamp, number
            if own:
                together[own].append(one)
        orders = [_order(name, own, titles) for name, own in together.items()]
        return sorted(orders, key=lambda one: one.bought, reverse=True)[:limit]


class Recommendations:
    """What a person, or a guest's conversation, may like."""

    def __init__(self, recommend: Recommend, catalogue: ShopCatalogue) -> None:
        self._recommend, self._catalogue = recommend, catalogue

    def __call__(self, user_id: str | None, session_id: str, n: int) -> list[Product]:
        """See `tools.base.Recommends`."""
        shown = self._recommend(n, user_id, session_id if user_id is None else None)
        return self._catalogue.get([one.item_id for one in shown.answer.items])


class ShoppingSearch:
    """The conversation about what to buy, under the id of the conversation with the assistant."""

    def __init__(self, interaction: Callable[[], Interaction], catalogue: ShopCatalogue) -> None:
        self._interaction, self._catalogue = interaction, catalogue

    def __call__(
        self, conversation_id: str, user_id: str | None, text: str, photos: Sequence[object], language: str, n: int
    ) -> Shown:
        """See `tools.base.Shopping`."""
        turn = ShoppingTurn(
            session_id=shopping_session(conversation_id),
            user_id=user_id,
            text=text[:1_000],
            photos=tuple(cast(PhotoAsk, one) for one in photos),
            n=n,
            language=language,
        )
        reply = self._interaction().turn(turn)
        question = reply.question
        return Shown(
            tuple(self._catalogue.get([one.item_id for one in reply.found.items])),
            reply.found.total,
            None if question is None else question.text,
            () if question is None else tuple(one.label for one in question.options),
        )


def shopping_session(conversation_id: str) -> str:
    """The id of the search for products that goes on within a conversation with the assistant."""
    return f"assistant-{conversation_id}"


def _context(event: Event) -> dict[str, Any]:
    try:
        told = json.loads(event.context or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _order(order_id: str, events: Sequence[Event], titles: dict[str, str]) -> Order:
    quantities: dict[str, float] = defaultdict(float)
    for one in events:
        if one.event_type is EventType.PURCHASE and one.item_id:
            quantities[one.item_id] += one.quantity or 1.0
    status = next((str(told["status"]) for one in reversed(events) if (told := _context(one)).get("status")), "")
    return Order(
        order_id,
        datetime.fromtimestamp(events[0].timestamp / 1e6, UTC),
        tuple(OrderLine(name, titles.get(name, name), count) for name, count in quantities.items()),
        status[:100],
        any(one.event_type is EventType.REFUND for one in events),
    )
