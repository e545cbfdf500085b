"""Whether a value that stands in a text is said of the product: "not red" and "also available in red" are not, nor is
"Indigo" of "Indigo Nation"."""

from __future__ import annotations

import re

REACH = 60  # letters before a value in which a word may turn its meaning
BEHIND = 16  # and after it

#: Ends what stood before: a new sentence, a contrast.
_BREAK = re.compile(r"[.!?;。！？；\n|](?:\s|$)|[。！？；\n|]|\bbut\b|但是?|而是", re.IGNORECASE)
#: Turns the word that follows, or one of two: "not red", "no real leather", "without a wool lining". The short words of
#: Chinese turn only what they touch: 无袖红色 is red, without sleeves.
_DENIED = re.compile(
    r"(?:\b(?:not|isn['’]t|never|no|non|without|instead of|rather than|unlike|except|free (?:of|from))"
    r"[\s-]+(?:(?:a|an|any|the|in|of|made|real|genuine)\s+){0,3}(?:[\w'’-]+\s+(?:or|nor)\s+)?)$"
    r"|(?:不含|不是|并非|没有|不带|未含)[^\s,，、]{0,2}$|(?:無|无|非)$",
    re.IGNORECASE,
)
#: What follows in the sentence is of others, or of some that one may choose: lists may be long.
_ELSEWHERE = re.compile(
    r"\b(?:also|alternatively)\s+(?:available|comes?|sold|offered|made|in)\b"
    r"|\b(?:available|comes?|offered|sold|choose|choice|select)\s+(?:\w+\s+){0,2}(?:in|from|of|between)\b"
    r"|\b(?:other|more|further)\s+(?:colou?rs?|sizes?|options|variants|versions|materials)\b"
    r"|也有|还有|還有|另有|另售|可选|可選|其他颜色|其他顏色|其它颜色|多种颜色",
    re.IGNORECASE,
)
#: What follows at once is of something else: "goes well with a red belt, in black" says black.
_BESIDE = re.compile(
    r"\b(?:(?:goes|go|pairs?|wear|worn|match(?:es)?|combines?|works|looks)\s+(?:\w+\s+){0,2}with|compatible with|"
    r"similar to)\s+(?:[\w'’-]+\s+){0,2}$|(?:搭配|适配|適配|类似)[^\s,，、]{0,4}$",
    re.IGNORECASE,
)
#: Right behind a value: "leather-free", "red also available", "red not included"; not "red free size".
_TURNED = re.compile(
    r"^(?:-free\b|\s+free(?=\s*(?:$|[,.;)]))|\s+(?:is|are)?\s*(?:also|not|n['’]t)\s+(?:available|included|sold)"
    r"|\s*(?:另售|可选|可選))",
    re.IGNORECASE,
)


def asserted(text: str, start: int, end: int) -> bool:
    """Whether letters `start` to `end` are said of the product, rather than denied or said of others.

    A reading by a few words, as far as the sentence goes. "Not only red" says red.
    """
    before = text[max(0, start - REACH) : start]
    breaks = list(_BREAK.finditer(before))
    clause = before[breaks[-1].end() :] if breaks else before
    if re.search(r"(?:\bnot (?:only|just)\s+(?:in\s+)?|(?:不仅|不只)[有是]?)$", clause, re.IGNORECASE):
        return True
    turned = any(pattern.search(clause) for pattern in (_DENIED, _ELSEWHERE, _BESIDE))
    return not (turned or _TURNED.match(text[end : end + BEHIND]))


def of_brand(text: str, start: int, end: int, brand: str | None) -> bool:
    """Whether letters `start` to `end` are part of the brand's name where the text has it, or all of it where the text
    begins so: the first of "Orange orange phone case" is who made it, the second its colour."""
    name = (brand or "").strip().lower()
    said, small = text[start:end].lower(), text.lower()
    if said not in name or len(small) != len(text):
        return False
    if said == name:
        return not text[:start].strip()
    begins = (start - at for at in range(len(name)) if name.startswith(said, at))
    return any(first >= 0 and small.startswith(name, first) for first in begins)
