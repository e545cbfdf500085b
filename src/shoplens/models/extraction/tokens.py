"""Texts cut into tokens: words, numbers, single signs, single Chinese characters; and what tokens look like."""

from __future__ import annotations

import re
from functools import lru_cache

_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+|[^\w\s]|_")
_DIGITS = re.compile(r"\d+")
_CAPITALS = re.compile(r"[A-Z]{2,}")
_SMALL = re.compile(r"[a-z]{4,}")
_NAME = re.compile(r"(?<![A-Za-z0-9])[A-Z][a-z]+")
_CHINESE = re.compile(rf"[{_CJK}]{{2,}}")


class Tokens:
    """A text with its tokens; places count letters."""

    __slots__ = ("ends", "folded", "starts", "text", "words")

    def __init__(self, text: str) -> None:
        self.text = text
        lowered = text.lower()
        self.folded = lowered if len(lowered) == len(text) else text  # "İ" becomes two letters: places must stay
        found = [match.span() for match in _TOKEN.finditer(text)]
        self.starts = [start for start, _ in found]
        self.ends = [end for _, end in found]
        self.words = [self.folded[start:end] for start, end in found]

    def __len__(self) -> int:
        return len(self.words)

    def covering(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last token that the letters from `start` to before `end` touch; None: there is none."""
        touched = [
            place for place, (a, b) in enumerate(zip(self.starts, self.ends, strict=True)) if a < end and b > start
        ]
        return (touched[0], touched[-1]) if touched else None


@lru_cache(maxsize=200_000)
def shape_of(text: str) -> str:
    """What a text looks like: "40mm" and "55mm" are "9mm", "YA24a" is "AA9a", "Nike" and "Adidas" are "Aaa"."""
    shape = _NAME.sub("Aaa", text)
    shape = _DIGITS.sub("9", shape)
    shape = _CAPITALS.sub("AA", shape)
    shape = _SMALL.sub("aa", shape)
    return _CHINESE.sub("字字", shape)
