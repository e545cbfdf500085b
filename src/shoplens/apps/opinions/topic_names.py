"""What posts to a shop are usually about: topics until it names its own, each in a few phrases of both languages."""

from __future__ import annotations

import re

TOPICS: dict[str, tuple[str, ...]] = {
    "delivery": ("The parcel arrived late, delivery and shipping", "快递送货太慢，物流发货"),
    "quality": ("The product broke, poor quality of material and workmanship", "质量做工材质，用几天就坏了"),
    "price": ("The price is too high, expensive or good value for money", "价格贵不贵，性价比，降价"),
    "service": ("Customer service and staff, friendly or rude", "客服和店员的服务态度"),
    "returns": ("I want a refund, return or exchange, warranty claim", "退货退款换货，售后保修"),
    "packaging": ("The packaging and the box were damaged or nice", "包装盒子破损"),
    "fit": ("The size does not fit, too small or too large", "尺码大小不合适，偏小偏大"),
    "freshness": ("The food tastes fresh or stale, flavour", "水果食品新鲜，口感味道好吃"),
    "performance": ("The device is slow, the battery, screen and software", "手机电脑运行速度，电池屏幕系统"),
    "safety": ("Dangerous, it caught fire or made me ill, allergic", "不安全，起火漏电，过敏中毒"),
    "authenticity": ("This is a fake, counterfeit and not genuine", "假货，不是正品，盗版"),
    "availability": (
        "Is it available in another colour, version or model, and in stock?",
        "有没有别的颜色款式，有货吗",
    ),
    "payment": ("How to pay, card declined, charged twice, invoice and account", "付款支付方式，扣款，发票，账户"),
    "business": ("Net sales, profit and forecast of the company for the quarter", "公司季度净利润、销售额和业绩预测"),
}

#: Praise, complaint and greetings about nothing in particular; a post that says no more than this has no topic.
GENERAL = (
    "Terrible, do not buy",
    "I love it, a great product, very happy",
    "Hello, good morning and thank you",
    "What a nice day today",
    "非常好，很喜欢，满意",
    "太差了，垃圾，千万别买",
    "你好，谢谢",
    "今天天气不错",
)

#: How people speak of something that has a bare name, in English and Chinese.
WAYS = {
    False: ("{}", "a question about {}", "I have a problem with {}", "They are talking about {}."),
    True: ("{}", "关于{}", "{}的问题", "这是关于{}的评价"),
}
LONGEST_NAME = 6  # words; two Han characters count as one. Longer ones, and what has punctuation, are sentences
_WORD = re.compile(r"[\u3400-\u9fff]{1,2}|[^\W_]+")
_PUNCTUATION = re.compile(r"[,;:.?!，；：。？！、]")


def phrasings(phrase: str) -> tuple[str, ...]:
    """A bare name ("card_arrival", "热水器") in several ways to speak of it; a description as it is."""
    if _PUNCTUATION.search(phrase):
        return (phrase,)
    name = " ".join(phrase.replace("_", " ").split())
    if not 0 < len(_WORD.findall(name)) <= LONGEST_NAME:
        return (phrase,)
    chinese = re.search(r"[\u3400-\u9fff]", name) is not None
    return tuple(way.format(name) for way in WAYS[chinese])
