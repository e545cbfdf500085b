"""What shoppers read, in the languages that the `language` setting knows."""

from __future__ import annotations

from shoplens.domain.events import EventType

MESSAGES: dict[str, dict[str, str]] = {
    "en": {
        "bought": "because you bought {title}",
        "viewed": "because you looked at {title}",
        "cart": "because {title} is in your cart",
        "liked": "because you liked {title}",
        "brand": "same brand as {title}",
        "popular": "popular now",
        "new": "new here",
        "similar": "similar to {title}",
        "cold_start": "Nothing is known about this person yet: popular and new products.",
        "no_bundle": "No model has been trained yet: popular and new products.",
        "nothing_fits": "No product fits the filter.",
    },
    "zh": {
        "bought": "因为您买过{title}",
        "viewed": "因为您看过{title}",
        "cart": "因为{title}在您的购物车里",
        "liked": "因为您喜欢{title}",
        "brand": "与{title}同一品牌",
        "popular": "正在热销",
        "new": "新品上架",
        "similar": "与{title}相似",
        "cold_start": "暂时还不了解这位顾客：为您展示热门商品和新品。",
        "no_bundle": "模型尚未训练：为您展示热门商品和新品。",
        "nothing_fits": "没有符合筛选条件的商品。",
    },
}

#: Which sentence an event of the past leads to.
BECAUSE: dict[EventType, str] = {
    EventType.PURCHASE: "bought",
    EventType.VIEW: "viewed",
    EventType.CLICK: "viewed",
    EventType.CART: "cart",
    EventType.RATING: "liked",
    EventType.WISHLIST: "liked",
    EventType.SHARE: "liked",
    EventType.COMMENT: "liked",
}


def say(language: str, key: str, **words: str) -> str:
    """The sentence in this language; English when the language is not known."""
    return MESSAGES.get(language, MESSAGES["en"])[key].format(**words)
