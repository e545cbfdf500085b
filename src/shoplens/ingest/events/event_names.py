"""How other systems call the things that people do, and what we call them: the one table."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from shoplens.domain.events import EventType
from shoplens.errors import ConfigurationError

#: Our event type → names for it in other systems. Case, spaces and punctuation do not matter (see `squash`).
SYNONYMS: dict[EventType, tuple[str, ...]] = {
    EventType.VIEW: (
        "view", "view_item", "Product Viewed", "Viewed Product", "product_view", "item_view", "detail_view",
        "page_detail",
        "ViewContent", "content_view", "detail-page-view", "watch", "play", "read", "pv", "浏览", "查看",
    ),
    EventType.CLICK: (
        "click", "select_item", "Product Clicked", "Clicked Product", "product_click", "item_click", "select_content",
        "click_item", "点击",
    ),
    EventType.IMPRESSION: (
        "impression", "view_item_list", "Product List Viewed", "Viewed Product List", "product_impression",
        "item_impression",
        "exposure", "shown", "曝光",
    ),
    EventType.SEARCH: (
        "search", "view_search_results", "Products Searched", "Searched Products", "Product Searched",
        "site_search", "query",
        "搜索",
    ),
    EventType.CART: (
        "cart", "add_to_cart", "AddToCart", "Product Added", "Added Product", "cart_add", "add_cart", "basket",
        "add_to_basket",
        "add_to_bag", "加购", "加入购物车", "加购物车",
    ),
    EventType.REMOVE_FROM_CART: (
        "remove_from_cart", "Product Removed", "Removed Product", "cart_remove", "remove_cart", "delete_from_cart",
        "remove_from_basket", "移出购物车",
    ),
    EventType.CHECKOUT: (
        "checkout", "begin_checkout", "Checkout Started", "Started Checkout", "initiate_checkout",
        "checkout_start", "结算",
    ),
    EventType.PURCHASE: (
        "purchase", "Order Completed", "Completed Order", "purchase_complete", "buy", "bought", "order",
        "ordered", "transaction",
        "sale", "in_app_purchase", "ecommerce_purchase", "购买", "下单",
    ),
    EventType.REFUND: (
        "refund", "Order Refunded", "Refunded Order", "return", "returned", "product_returned", "退款", "退货",
    ),
    EventType.RATING: ("rating", "rate", "rated", "stars", "评分"),
    EventType.COMMENT: ("comment", "review", "Product Reviewed", "reviewed", "product_review", "评论", "评价"),
    EventType.SHARE: ("share", "Product Shared", "Shared Product", "shared", "forward", "分享", "转发"),
    EventType.WISHLIST: (
        "wishlist", "add_to_wishlist", "Product Added to Wishlist", "wishlist_add", "favorite", "favourite",
        "fav", "like",
        "liked", "bookmark", "save_for_later", "收藏",
    ),
    EventType.ORDER_STATUS: ("order_status", "order_status_changed", "shipment_status", "订单状态", "物流状态"),
}  # fmt: skip

#: Events that every analytics log is full of and that say nothing about a product: left out and counted, not refused.
OTHER_EVENTS: tuple[str, ...] = (
    "page_view", "session_start", "first_visit", "first_open", "user_engagement", "scroll", "screen_view",
    "form_start",
    "form_submit", "file_download", "video_start", "video_progress", "video_complete", "view_cart",
    "Cart Viewed", "view_promotion",
    "select_promotion", "add_payment_info", "add_shipping_info", "login", "sign_up", "app_remove",
    "app_update", "Cart Shared",
    "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered", "Order Updated", "Order Cancelled",
    "Promotion Viewed", "Promotion Clicked", "Coupon Entered", "Coupon Applied", "Coupon Denied", "Coupon Removed",
    "Product List Filtered", "Product Removed from Wishlist", "Wishlist Product Added to Cart",
)  # fmt: skip


def squash(name: str) -> str:
    """A name without case, spaces and punctuation: 'Add-To cart' and 'AddToCart' are the same."""
    return re.sub(r"[\W_]+", "", name).casefold()


_KNOWN = {squash(name): kind for kind, names in SYNONYMS.items() for name in names}
_OTHER = frozenset(map(squash, OTHER_EVENTS))


def parse_event_names(pairs: Iterable[str]) -> dict[str, EventType]:
    """ "purchase=gekauft" and so on: a shop's own names, squashed → what they are. Several names may be one type.

    ConfigurationError names the pair that is wrong and what fits.
    """
    own: dict[str, EventType] = {}
    for pair in pairs:
        ours, _, theirs = (part.strip() for part in pair.partition("="))
        name = squash(theirs)
        if not ours or not name:
            raise ConfigurationError(f"--event {pair!r}: write it as ours=theirs, for example purchase=gekauft")
        if ours not in list(EventType):
            raise ConfigurationError(f"--event {pair}: there is no event type {ours!r}; known: {', '.join(EventType)}")
        if own.setdefault(name, EventType(ours)) != ours:
            raise ConfigurationError(f"--event: {theirs!r} cannot be both {own[name]} and {ours}")
    return own


@lru_cache(maxsize=4096)
def event_type_of(name: str) -> EventType | None:
    """Our type for another system's name; None when it is not known."""
    return _KNOWN.get(squash(name))


@lru_cache(maxsize=4096)
def says_nothing(name: str) -> bool:
    """Whether this is a known event that is not about a product or a search."""
    return squash(name) in _OTHER
