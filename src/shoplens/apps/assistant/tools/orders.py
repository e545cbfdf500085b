"""What is said of orders, each sentence with its source: the record it was read from."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shoplens.apps.assistant.tools.base import Delivery, Order, OrderLine
from shoplens.apps.assistant.tools.facts import data_of
from shoplens.apps.assistant.turns import Sentence, Source

MOST_LINES = 10  # of an order


@dataclass(frozen=True, slots=True)
class _State:
    """What a status means."""

    called: re.Pattern[str]
    english: str  # a sentence
    chinese: str
    over: bool = False  # nothing is under way any more: a day on which it is expected is no longer told


def _state(called: str, english: str, chinese: str, *, over: bool = False) -> _State:
    return _State(re.compile(rf"^(?:{called})$", re.IGNORECASE), english, chinese, over)


_LOST = re.compile(r"\b(?:lost|missing|damaged)\b|丢失|丢件|遗失|破损", re.IGNORECASE)  # no day is expected then
#: The statuses that shops' systems have in common; any other is told as it is written.
_STATES = (
    _state(r"cancel+ed|voided|已?取消|已作废|交易关闭", "It was cancelled.", "已取消。", over=True),
    _state(r"returned|return(?:ed|ing)? to sender|已?退货|已退回", "It was returned.", "已退货。", over=True),
    _state(r"refunded|已?退款", "It was refunded.", "已退款。", over=True),
    _state(r"return(?: requested)?|申请退货|退货中", "A return was requested.", "已申请退货。"),
    _state(r"delivered|已送达|已签收|签收|交易成功", "It was delivered.", "已送达。", over=True),
    # Magento and WooCommerce complete an order when it is shipped: it may still be on its way
    _state(r"completed?|已完成", "It is completed.", "已完成。"),
    _state(r"out for delivery|派送中|派件中", "It is out for delivery.", "正在派送。"),
    _state(r"in transit|on the way|运输中|配送中", "It is on its way.", "运输中。"),
    _state(r"shipped|dispatched|sent|fulfilled|已?发货|已寄出", "It was shipped.", "已发货。"),
    _state(r"partially shipped|部分发货", "A part of it was shipped.", "部分已发货。"),
    _state(r"packed|ready to ship|已打包|待发货|待出库", "It is packed.", "已打包，待发货。"),
    _state(r"processing|in progress|处理中|备货中", "It is being prepared.", "正在备货。"),
    _state(r"paid|已付款|已支付", "It is paid.", "已付款。"),
    _state(r"pending|unpaid|awaiting payment|pending payment|待付款|未付款", "It waits for payment.", "等待付款。"),
    _state(r"delayed|延迟|延误", "It is delayed.", "已延误。"),
    _state(r"on hold|held|已?暂停", "It is on hold.", "已暂停处理。"),
    _state(r"(?:delivery )?failed|派送失败|配送失败", "It could not be delivered.", "派送失败。"),
)


def order_source(order: Order) -> Source:
    """The record of an order as a text."""
    order = _as_data(order)
    lines = ", ".join(_line(one) for one in order.lines)
    state, delivery = _state_of(order.status), order.delivery
    parts = [f"Order {order.order_id}" + (f" of {order.bought:%Y-%m-%d}: {lines}" if lines else "")]
    if order.status:
        known = f" ({state.english.rstrip('.')}; {state.chinese.rstrip('。')})" if state is not None else ""
        parts.append(f"status {order.status}{known}" + (f" since {order.since:%Y-%m-%d}" if order.since else ""))
    if delivery.carrier:
        parts.append(f"carrier {delivery.carrier}")
    if delivery.tracking:
        parts.append(f"tracking number {delivery.tracking}")
    if delivery.link:
        parts.append(f"tracking page {delivery.link}")
    if delivery.expected and not (state is not None and state.over):
        parts.append(f"expected {delivery.expected}")
    if order.refunded:
        parts.append("refunded" + ("" if _wholly(order) else f" {', '.join(_line(one) for one in order.refunded)}"))
    return Source(f"order:{order.order_id}", "order", f"Order {order.order_id}", "; ".join(parts), order.order_id)


def order_facts(order: Order, language: str) -> list[Sentence]:
    """What is known of an order."""
    order = _as_data(order)
    source = (f"order:{order.order_id}",)
    zh = language == "zh"
    what = _listed(order.lines, zh=zh)
    day = f"{order.bought:%Y-%m-%d}"
    if not what:
        first = f"订单 {order.order_id}：" if zh else f"Order {order.order_id}:"
    else:
        first = f"订单 {order.order_id}（{day}）：{what}。" if zh else f"Order {order.order_id} of {day}: {what}."
    said = [first, *_became(order, zh=zh)]
    return [Sentence(one, source, "\n" if place == 0 else "" if zh else " ") for place, one in enumerate(said)]


def _became(order: Order, *, zh: bool) -> Iterator[str]:
    state = _state_of(order.status)
    since = f"{order.since:%Y-%m-%d}" if order.since else ""
    if state is not None and zh:
        yield f"{state.chinese.rstrip('。')}（{since}）。" if since else state.chinese
    elif state is not None:
        yield f"{state.english.rstrip('.')} (told on {since})." if since else state.english
    elif order.status and zh:
        yield f"状态：{order.status}" + (f"（{since}）。" if since else "。")
    elif order.status:
        yield f"Its status is: {order.status}" + (f" (told on {since})." if since else ".")
    yield from _on_its_way(
        order.delivery, over=state.over if state is not None else _LOST.search(order.status) is not None, zh=zh
    )
    if order.refunded and _wholly(order):
        if state is None or "refunded" not in state.english:
            yield "已退款。" if zh else "It was refunded."
    elif order.refunded:
        listed = _listed(order.refunded, zh=zh)
        yield f"其中已退款：{listed}。" if zh else f"Refunded of it: {listed}."


def _on_its_way(delivery: Delivery, *, over: bool, zh: bool) -> Iterator[str]:
    number = " ".join(one for one in (delivery.carrier, delivery.tracking) if one)
    if delivery.tracking:
        yield f"运单号：{number}。" if zh else f"Tracking number: {number}."
    elif delivery.carrier:
        yield f"承运商：{number}。" if zh else f"Carrier: {number}."
    if delivery.link:
        yield f"物流查询：{delivery.link} 。" if zh else f"Follow it here: {delivery.link} ."
    if delivery.expected and not over:
        yield f"预计送达：{delivery.expected}。" if zh else f"It is expected on {delivery.expected}."


def _state_of(status: str) -> _State | None:
    plain = re.sub(r"[\s_-]+", " ", status).strip(" .。")
    return next((one for one in _STATES if one.called.match(plain)), None)


def _wholly(order: Order) -> bool:
    """Whether all of it was refunded."""
    back = {one.item_id: one.quantity for one in order.refunded}
    return bool(order.lines) and all(back.get(one.item_id, 0.0) >= one.quantity for one in order.lines)


def _listed(lines: Sequence[OrderLine], *, zh: bool) -> str:
    more = len(lines) - MOST_LINES
    return ("、" if zh else ", ").join(_line(one) for one in lines[:MOST_LINES]) + (f" + {more}" if more > 0 else "")


def _line(line: OrderLine) -> str:
    return f"{line.quantity:g} × {line.title}"


def _as_data(order: Order) -> Order:
    def safe(lines: Sequence[OrderLine]) -> tuple[OrderLine, ...]:
        return tuple(replace(one, title=data_of(one.title) or one.item_id) for one in lines)

    told = order.delivery
    return replace(
        order,
        lines=safe(order.lines),
        refunded=safe(order.refunded),
        status=data_of(order.status),
        delivery=Delivery(
            carrier=data_of(told.carrier),
            tracking=data_of(told.tracking),
            link=told.link if data_of(told.link.replace("-", " ")) == told.link.replace("-", " ") else "",
            expected=data_of(told.expected),
        ),
    )
