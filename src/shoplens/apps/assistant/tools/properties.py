"""Properties that customers and suppliers call by different words, English and Chinese: "waterproof?" asks what a
record says of "water resistant". The record's own words are quoted, so that nearly the same is not told as the same."""

from __future__ import annotations

import re
from collections.abc import Iterable

_I = re.IGNORECASE
_PROPERTIES = tuple(
    re.compile(said, _I)
    for said in (
        r"\bwater[- ]?(?:proof|resistan\w+|repellen\w+|tight)\b|\bsplash[- ]?proof\b|\bIPX?\d\d?\b|\bget wet\b|"
        r"防水|防泼水|防雨|防溅",
        r"\bdust[- ]?(?:proof|resistan\w+)\b|\bIP\d\d\b|防尘",
        r"\b(?:wireless|cordless|bluetooth)\b|无线|蓝牙",
        r"\brecharg\w+|\bbatter(?:y|ies)\b|充电|电池|续航",
        r"\bdishwashers?\b|洗碗机",
        r"\b(?:machine[- ]wash\w*|washable|wash(?:ed|ing)?)\b|机洗|可洗|水洗|手洗",
        r"\bmicrowav\w+|微波炉",
        r"\boven[- ]?(?:proof|safe)\b|\bovens?\b|烤箱",
        r"\b(?:vegan|plant[- ]based)\b|纯素|素食",
        r"\b(?:gluten|lactose|sugar)[- ]free\b|无麸质|无乳糖|无糖",
        r"\b(?:breathab\w+|ventilat\w+)\b|透气",
        r"\b(?:non[- ]?slip|anti[- ]?slip|slip[- ]?resistan\w+)\b|防滑",
        r"\b(?:scratch[- ]?(?:proof|resistan\w+))\b|防刮|耐刮|耐磨",
        r"\b(?:shatter|break|shock)[- ]?(?:proof|resistan\w+)\b|\bunbreakable\b|防摔|抗摔|防震",
        r"\bstretch\w*|\belastic\w*|弹力|有弹性",
        r"\b(?:foldable|folding|collapsible|folds?)\b|折叠",
        r"\bnois[ey]\w*|\bquiet\w*|\bsilent\b|静音|噪音|吵",
        r"\bwarrant\w+|\bguarantee\w*|质保|保修",
    )
)


def without_properties(asked: str) -> str:
    """A question without the words of the properties that it asks for; itself where it asks for none."""
    for one in _PROPERTIES:
        asked = one.sub(" ", asked)
    return asked


def same_property(asked: str, texts: Iterable[str]) -> list[str]:
    """Of these texts, those that speak of a property that a question asks for, in their order."""
    wanted = [one for one in _PROPERTIES if one.search(asked)]
    return [text for text in texts if any(one.search(text) for one in wanted)]
