"""The thing that a message is about: its words without those that only ask."""

from __future__ import annotations

import re

_ASKING_EN = re.compile(
    r"\b(?:ok|okay|hi|hello|hey|please|pls|thanks?|thank you|can|could|would|will|do|does|did|"
    r"is|are|was|were|be|am|have|has|had|got|get|give|"
    r"i|i'd|i'm|me|my|we|you|your|it|its|this|that|these|those|they|them|the|a|an|some|"
    r"any|and|or|so|also|of|on|in|at|to|for|with|from|about|by|"
    r"what|what's|which|where|when|who|how|why|much|many|tell|know|want|need|like|looking|"
    r"look|search|searching|show|find|sell|carry|buy|"
    r"order|there|still|left|stock|stocked|available|availability|sold|out|back|price|"
    r"prices|priced|cost|costs|expensive|cheap|"
    r"recommend|suggest|something|anything|more|details?|describe|features?|made|kind|"
    r"kinds|type|types|one|ones|right|now|today|"
    r"size|sizes|colou?rs?|material|brand|weight|flavou?rs?|ingredients?|dimensions?|"
    r"capacity|compatible|fits?|works?|goes|suitable|usable)\b",
    re.IGNORECASE,
)
_ASKING_ZH = re.compile(
    r"什么时候|看看|看一?下|还|那|请问|麻烦|谢谢|你们|您们|我们|你好|您好|多少钱|价格|价钱|怎么卖|售价|什么价|几块|"
    r"贵不贵|是多少|多少|有没有|有卖|卖不卖|有货|现货|库存|缺货|"
    r"卖完|补货|还有|什么|哪些|哪一?[个款种]|颜色|材质|牌子|品牌|尺码|尺寸|大小|口味|成分|材料|"
    r"什么时候|时候|多大|多重|介绍一下|介绍|详情|详细信息|兼容|适配|适用于|适合|"
    r"想要|想买|我要买|我想|给我|找一?[个下款件双]?|推荐|可以|一下|这个|那个|这款|那款|"
    r"吗|呢|啊|吧|呀|的|了|是|有|卖|买|我|你|您|它"
)
_LEFT = re.compile(r"[^\w\s%.\-'’]+")


def subject_of(text: str) -> str:
    """What is left when the asking is taken away; "" when nothing is."""
    bare = _LEFT.sub(" ", _ASKING_ZH.sub(" ", _ASKING_EN.sub(" ", text)))
    return " ".join(word for word in bare.split() if any(letter.isalnum() for letter in word))


#: "How much is it?", "这个多少钱": what was spoken of last.
_POINTING = re.compile(
    r"\b(?:it|its|this|that|this one|that one|the same|these|those|they|them)\b|这个|那个|它|这款|那款|该商品",
    re.IGNORECASE,
)
_ORDINAL = re.compile(
    r"\b(?:the )?(first|second|third|fourth|fifth|1st|2nd|3rd|4th|5th|last)(?: one|"
    r" product| item)?\b|第([一二三四五])(?:个|款|件)?|最后一?[个款件]",
    re.IGNORECASE,
)
_PLACES = {
    "first": 0,
    "1st": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
    "fifth": 4,
    "5th": 4,
}
_CHINESE = "一二三四五"


def ordinal(text: str) -> bool:
    """Whether a message names a place in what was shown: "the second one"."""
    return _ORDINAL.search(text) is not None


def pointed_at(text: str, shown: tuple[str, ...]) -> str | None:
    """The product that words such as "it" or "the second one" mean, of those that were spoken of last."""
    if not shown:
        return None
    found = _ORDINAL.search(text)
    if found is not None:
        said = (found[1] or "").lower()
        place = _PLACES.get(said, _CHINESE.index(found[2]) if found[2] else len(shown) - 1)
        return shown[place] if place < len(shown) else None
    return shown[0] if _POINTING.search(text) or not subject_of(text) else None
