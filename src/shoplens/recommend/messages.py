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
        "no_bundle": "No trained model answers yet: popular and new products.",
        "nothing_fits": "No product fits the filter.",
        "filled": "Too few candidates: popular and new products fill the list.",
        "shown_again": "Everything else has been shown lately: some products come again.",
        "model_failed": "The model could not answer: popular and new products.",
        "together": "often bought with {title}",
        "baskets": "in baskets like this one",
        "kinds": "goes with {title}",
        "rhythm": "you buy this about every {days} days",
        "daily": "you buy this about every day",
        "times": "you bought this {times} times",
        "once": "you bought this before",
        "taste": "goes with what you often buy",
        "no_cart": "Nothing is known about what goes with this cart: the shop's recommendations.",
        "no_cart_model": "No baskets have been learnt from yet: the shop's recommendations.",
        "unknown": "Not in the catalogue and left out: {items} ({count}).",
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
        "no_bundle": "暂无可用的模型：为您展示热门商品和新品。",
        "nothing_fits": "没有符合筛选条件的商品。",
        "filled": "候选商品不足：以热门商品和新品补足。",
        "shown_again": "其他商品最近都展示过：部分商品再次出现。",
        "model_failed": "模型暂时无法作答：为您展示热门商品和新品。",
        "together": "常与{title}一起购买",
        "baskets": "与这个购物车相似的订单里常有",
        "kinds": "与{title}搭配",
        "rhythm": "您大约每{days}天买一次",
        "daily": "您几乎每天都买",
        "times": "您买过{times}次",
        "once": "您以前买过",
        "taste": "与您常买的商品搭配",
        "no_cart": "暂时不知道什么适合这个购物车：为您展示本店推荐。",
        "no_cart_model": "尚未从订单中学习：为您展示本店推荐。",
        "unknown": "目录中没有、未予考虑的商品：{items}（共{count}件）。",
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
