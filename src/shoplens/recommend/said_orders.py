"""An order that a query asks for: "cheapest headphones", "最贵的耳机", "newest lamps", "best-selling mugs"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shoplens.recommend.asking import Sort

_I = re.IGNORECASE
_SAID: tuple[tuple[Sort, re.Pattern[str]], ...] = (
    (
        Sort("price", descending=False),
        re.compile(
            r"\b(?:the )?(?:(?:most )?cheapest|least expensive|lowest[- ]priced?|most affordable)\b|"
            r"(?:价格)?最(?:便宜|低价|实惠)的?|价格最低的?",
            _I,
        ),
    ),
    (
        Sort("price", descending=True),
        re.compile(
            r"\b(?:the )?(?:most expensive|priciest|dearest|highest[- ]priced?)\b|(?:价格)?最贵的?|价格最高的?", _I
        ),
    ),
    (Sort("created_at", descending=True), re.compile(r"\b(?:the )?(?:newest|most recent)\b|最新(?:款|上架)?的?", _I)),
    (
        Sort("popularity", descending=True),
        re.compile(
            r"\b(?:the )?(?:most popular|best[- ]?selling|top[- ]?selling)\b|"
            r"最(?:热门|热销|畅销|受欢迎)的?|卖得最[好多]的?|销量最[高好]的?",
            _I,
        ),
    ),
)


_NOT = re.compile(
    r"(?:\b(?:not|no|never|without|avoid|except)\b|n['’]t\b)(?:\W+\w+){0,3}\W*$|"
    r"(?:不要|不是|不想|别|勿|不用|除了).{0,3}$|不(?:太|够|算)?$",
    _I,
)


@dataclass(frozen=True, slots=True)
class SaidOrder:
    """An order, the words that ask for it, and the text without them."""

    sort: Sort
    said: str
    rest: str


def denied(text: str, start: int) -> bool:
    """Whether what stands from `start` on is what somebody does not want: "not the cheapest", 不便宜."""
    return _NOT.search(text[:start]) is not None


def said_order(text: str) -> SaidOrder | None:
    """The order that a text asks for; None where it asks for none, or for two."""
    found = [(sort, match) for sort, pattern in _SAID for match in pattern.finditer(text)]
    if len(found) != 1:
        return None
    sort, match = found[0]
    if denied(text, match.start()):
        return None
    return SaidOrder(sort, match[0], " ".join(f"{text[: match.start()]} {text[match.end() :]}".split()))
