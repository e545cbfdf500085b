"""What is said to shoppers, in English and in Chinese."""

from __future__ import annotations

from collections.abc import Sequence

SENTENCES: dict[str, dict[str, str]] = {
    "en": {
        "found": "{many} for {what}.",
        "found_one": "1 product for {what}.",
        "products": "{total} products",
        "nothing": "Nothing was found for {what}; take a wish back, or say it in other words.",
        "no_products": "This shop has no products yet.",
        "everything": "everything",
        "photo": "what looks like the photo",
        "photos": "what looks like the photos",
        "video": "what is in the video",
        "sound": "what sounds like this",
        "product": "what is like “{title}”",
        "picked": "This is what you mean: {what}.",
        "reset": "Everything is forgotten; what are you looking for?",
        "undo": "Back to {what}.",
        "nothing_to_undo": "There is nothing to go back to.",
        "end": "That is all for {what}.",
        "others": "Others: ",
        "no_cheaper": "Nothing cheaper was found; the cheapest come first.",
        "no_dearer": "Nothing more expensive was found; the most expensive come first.",
        "no_prices": "Their prices are not known.",
        "relaxed": "Nothing fits exactly; these come close: ",
        "no_such": "Only {shown} products were shown; which one do you mean?",
        "no_such_one": "Only 1 product was shown; which one do you mean?",
        "none_shown": "No product has been shown yet that you could mean.",
        "no_field": "This shop does not say the {field} of these products.",
        "which_product": "Which product do you mean?",
        "which_brand": "Which brand should be left out?",
        "which_category": "Do you mean {values}?",
        "which": "Which {field} should it be?",
        "or": " or ",
        "and": ", ",
        "place": "number {place}: {title}",
        "not": "not {value}",
        "under": "under {price}",
        "over": "over {price}",
        "between": "{low} to {high}",
        "exists": "with {field}",
        "some_filter": "filter",
    },
    "zh": {
        "found": "为您找到{many}：{what}。",
        "found_one": "为您找到1件商品：{what}。",
        "products": "{total}件商品",
        "nothing": "没有找到商品：{what}。可以去掉一个条件，或者换个说法。",
        "no_products": "本店还没有商品。",
        "everything": "全部商品",
        "photo": "与照片相似",
        "photos": "与这些照片相似",
        "video": "视频里的商品",
        "sound": "与这段声音相近",
        "product": "与“{title}”相似",
        "picked": "您说的是：{what}。",
        "reset": "已经重新开始，您想找什么？",
        "undo": "已回到：{what}。",
        "nothing_to_undo": "没有可以返回的步骤了。",
        "end": "{what}：已经全部显示了。",
        "others": "换一批：",
        "no_cheaper": "没有更便宜的了，已按价格从低到高排列。",
        "no_dearer": "没有更贵的了，已按价格从高到低排列。",
        "no_prices": "这些商品没有标价。",
        "relaxed": "没有完全符合的，这些比较接近：",
        "no_such": "只显示了{shown}件商品，您说的是哪一件？",
        "no_such_one": "只显示了1件商品，您说的是哪一件？",
        "none_shown": "还没有显示过商品，不知道您指的是哪一件。",
        "no_field": "本店没有标明这些商品的{field}。",
        "which_product": "您说的是哪一件？",
        "which_brand": "不要哪个品牌？",
        "which_category": "您要找的是{values}？",
        "which": "想要什么{field}？",
        "or": "还是",
        "and": "、",
        "place": "第{place}件：{title}",
        "not": "不要{value}",
        "under": "低于{price}",
        "over": "高于{price}",
        "between": "{low}到{high}",
        "exists": "有{field}",
        "some_filter": "筛选条件",
    },
}

#: Names of kinds of fields in Chinese; an attribute of the catalogue is called what the catalogue calls it.
FIELD_ZH = {
    "brand": "品牌", "price": "价格", "colour": "颜色", "size": "尺码", "material": "材质", "pattern": "图案",
    "category": "种类", "style": "款式", "availability": "库存状态",
}  # fmt: skip


def say(language: str, key: str, **words: object) -> str:
    """The sentence in this language; English when the language is not known."""
    return SENTENCES.get(language, SENTENCES["en"])[key].format(**words)


def field_name(kind: str, language: str) -> str:
    """What people call a field: "colour", "颜色"."""
    said = kind.replace("_", " ")
    return FIELD_ZH.get(kind, said) if language == "zh" else said


def listed(parts: Sequence[str], language: str, *, either: bool = False) -> str:
    """ "a, b or c"."""
    if either and len(parts) > 1:
        return say(language, "and").join(parts[:-1]) + say(language, "or") + parts[-1]
    return say(language, "and").join(parts)


def number(value: float) -> str:
    """A price as people write it: 30, 29.99."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
