"""Where is my order? What the event log says of it by now, in the words of the customer's language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shoplens.apps.assistant.tools.base import Order, names_order, same_order
from shoplens.apps.assistant.tools.orders import order_facts, order_source
from shoplens.domain.catalogue import Product
from shoplens.domain.events import Event, EventBatch, EventType
from shoplens.recommend.past import Past
from shoplens.service.assistant_orders import FIRST, OwnOrders
from shoplens.service.dataset import read_interactions
from shoplens.store.base import Store
from shoplens.store.sql import open_store

DAY = 86_400_000_000
START = 1_796_000_000_000_000  # 2026-11-30


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = open_store(f"sqlite:///{tmp_path / 'shop.db'}")
    store.catalogue.upsert([Product(item_id="mug", title="White mug"), Product(item_id="pot", title="Tea pot")])
    yield store
    store.close()


def told(kind: EventType, day: int, item: str | None = None, quantity: float | None = None, /, **said: str) -> Event:
    context = json.dumps({"order_id": "7"} | said)
    return Event(
        event_type=kind, timestamp=START + day * DAY, user_id="ann", item_id=item, quantity=quantity, context=context
    )


def only(store: Store, *events: Event) -> Order:
    batch = EventBatch()
    for one in events:
        batch.append(one)
    store.events.append(batch)
    [order] = OwnOrders(store)("ann", 5)
    return order


def said_of(order: Order, language: str = "en") -> str:
    return " ".join(one.text for one in order_facts(order, language))


BOUGHT = (
    told(EventType.PURCHASE, 0, "mug", 2.0, status="paid"),
    told(EventType.PURCHASE, 0, "pot", status="paid"),
)


def test_the_latest_status_is_told_and_nothing_is_bought_twice(store: Store) -> None:
    parcel = {"carrier": "DHL", "tracking_number": "0034", "tracking_url": "https://dhl.example/0034"}
    order = only(
        store,
        *BOUGHT,
        told(EventType.ORDER_STATUS, 1, status="shipped", expected_delivery="2026-12-03", **parcel),
        told(EventType.ORDER_STATUS, 2, status="out_for_delivery"),
    )
    assert said_of(order) == (
        "Order 7 of 2026-11-30: 2 × White mug, 1 × Tea pot. It is out for delivery (told on 2026-12-02). "
        "Tracking number: DHL 0034. Follow it here: https://dhl.example/0034 . It is expected on 2026-12-03."
    )
    assert "正在派送（2026-12-02）。" in said_of(order, "zh")
    assert "2026-12-03" in order_source(order).text
    interactions, _ = read_interactions(store)
    assert len(interactions.weight) == 2, "a status is nothing that anybody did"
    assert len(Past.of(store.events.history(user_id="ann")).deeds) == 2


@pytest.mark.parametrize(
    ("status", "en", "zh"),
    [
        ("Cancelled", "It was cancelled", "已取消"),
        ("returned", "It was returned", "已退货"),
        ("delivered", "It was delivered", "已送达"),
        ("在门口", "Its status is: 在门口", "状态：在门口"),
    ],
)
def test_what_is_over_is_said_to_be_over(store: Store, status: str, en: str, zh: str) -> None:
    order = only(store, *BOUGHT, told(EventType.ORDER_STATUS, 1, status=status, expected="2026-12-03"))
    assert en in said_of(order)
    assert zh in said_of(order, "zh")
    assert ("expected" in said_of(order)) == (status == "在门口")


def test_a_row_sent_again_later_is_the_same_line(store: Store) -> None:
    order = only(store, *BOUGHT, told(EventType.PURCHASE, 1, "mug", 2.0, status="shipped"))
    assert [(one.item_id, one.quantity) for one in order.lines] == [("mug", 2.0), ("pot", 1.0)]
    assert "It was shipped." in said_of(order)


def test_purchases_of_one_item_close_together_add_up(store: Store) -> None:
    first = told(EventType.PURCHASE, 0, "mug")
    order = only(store, first, replace(first, timestamp=first.timestamp + 1))
    assert [(one.item_id, one.quantity) for one in order.lines] == [("mug", 2.0)]


@pytest.mark.parametrize(
    ("status", "en"),
    [("complete", "It is completed"), ("completed", "It is completed"), ("return", "A return was requested")],
)
def test_what_is_not_over_yet(store: Store, status: str, en: str) -> None:
    order = only(store, *BOUGHT, told(EventType.ORDER_STATUS, 1, status=status, expected="2026-12-03"))
    assert en in said_of(order)
    assert "2026-12-03" in said_of(order)


def test_a_number_with_and_without_its_sign_is_one_order(store: Store) -> None:
    order = only(store, *BOUGHT, told(EventType.ORDER_STATUS, 1, order_id="#7", status="shipped"))
    assert (order.order_id, order.status, len(order.lines)) == ("7", "shipped", 2)


def test_a_refund_of_an_order_without_lines_is_not_told_as_whole(store: Store) -> None:
    assert "Refunded of it" in said_of(only(store, told(EventType.REFUND, 1, "mug", 1.0)))


def test_what_was_refunded_of_an_order(store: Store) -> None:
    part = only(store, *BOUGHT, told(EventType.REFUND, 1, "mug", 1.0))
    assert "Refunded of it: 1 × White mug." in said_of(part)
    [whole] = [only(store, told(EventType.REFUND, 2, "mug", 1.0), told(EventType.REFUND, 2, "pot"))]
    assert said_of(whole).endswith("It was refunded.")


def test_an_order_whose_purchase_is_not_in_the_log(store: Store) -> None:
    assert said_of(only(store, told(EventType.ORDER_STATUS, 1, status="packed"))) == (
        "Order 7: It is packed (told on 2026-12-01)."
    )


def test_an_order_is_found_behind_thousands_of_views(store: Store) -> None:
    bought = told(EventType.PURCHASE, 1, "kettle", 1.0, order_id="7000123")
    views = [replace(told(EventType.VIEW, 2, "lamp"), timestamp=START + 2 * DAY + number) for number in range(FIRST)]
    order = only(store, bought, *views, told(EventType.ORDER_STATUS, 3, order_id="7000123", status="shipped"))
    assert [one.item_id for one in order.lines] == ["kettle"]


@pytest.mark.parametrize("order_id", ["7\\ud800", "7\\u0000", "7\\u001b[2J"])
def test_no_spelling_of_an_order_breaks_the_answer(store: Store, order_id: str) -> None:
    event = replace(told(EventType.PURCHASE, 1, "kettle"), context='{"order_id":"' + order_id + '"}')
    assert said_of(only(store, event)).encode().decode().isprintable()


def test_a_number_of_any_length_is_kept(store: Store) -> None:
    long = "9400110200881234567890"
    event = replace(told(EventType.PURCHASE, 1, "kettle"), context=f'{{"order_id":{long},"tracking_number":{long}}}')
    order = only(store, event)
    assert (order.order_id, order.delivery.tracking) == (long, long)


@pytest.mark.parametrize("number", ["# 1007", "＃1007", "№1007", " 1007 ", "#1007"])
def test_a_number_is_the_same_however_it_is_typed(number: str) -> None:
    assert same_order(number) == same_order("1007")


@pytest.mark.parametrize(
    ("text", "number"),
    [("where is order ZX81?", "zx81"), ("我的订单A-10023到哪了", "A-10023"), ("and SO/2026/17?", "SO/2026/17")],
)
def test_an_order_is_named_by_its_number(text: str, number: str) -> None:
    assert names_order(text, number)
    assert not names_order(text, f"{number}9")
    assert not names_order(text, number[-1]), "one digit may be anything"
