"""Texts in one spelling, with a way back to the original: width, case, accents, dashes, quotes, traditional Chinese.

Traditional characters become simplified ones through OpenCC (https://github.com/BYVoid/OpenCC, Apache-2.0), not through
the table that `features.align.glosses` counts out of CC-CEDICT: OpenCC reads phrases (乾隆 stays, 乾燥 becomes 干燥),
knows the variants that the dictionary lacks (裡, 裏), and needs no dictionary of 120,000 lines in a serving process.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from opencc import OpenCC

#: Characters that Chinese is written with, for use inside a character class.
HAN = "\u2e80-\u2fdf\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"

_SAME = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe63\uff0d", "-"),
    **dict.fromkeys("\u2018\u2019\u201b\u02bc\u00b4\u0060", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d\u300e\u300f\u2033\u301d\u301e", '"'),
    # Letters that no decomposition takes apart.
    "ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "ð": "d", "þ": "th",
}  # fmt: skip
_SILENT_KINDS = frozenset(("Mn", "Me", "Cf"))  # accents of their own, soft hyphens, joiners


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text; `places[i]` is where its i-th character came from, None when nothing moved."""

    text: str
    places: Sequence[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """A span of the folded text, in the original one."""
        if self.places is None:
            return start, end
        return self.places[start], (self.places[end - 1] + 1 if end > start else self.places[start])


class _Table(dict[int, str]):
    """For `str.translate`: each character's folded form, worked out when it is first met."""

    def __init__(self) -> None:
        super().__init__()
        self.moving: set[str] = set()  # characters that do not become exactly one

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        # Twice: compatibility forms (Å, the unit) may stand for letters that fold themselves.
        folded = "".join(_fold_letter(one) for one in _fold_letter(letter))
        if len(folded) != 1:
            self.moving.add(letter)
        self[code] = folded
        return folded


def fold(text: str) -> Folded:
    """The one spelling of a text. Takes any string, half surrogates too."""
    if text.isascii():
        return Folded(text.lower())
    folded = text.translate(_TABLE)
    places: list[int] | None = None
    if not _TABLE.moving.isdisjoint(text):
        places = [place for place, letter in enumerate(text) for _ in _TABLE[ord(letter)]]
    if not folded.isascii():
        folded = _simplified(folded)
    return Folded(folded, places)


def _simplified(text: str) -> str:
    """Traditional → simplified, never changing where a character stands."""
    simple: str = _opencc().convert(text)
    if len(simple) == len(text):
        return simple
    letters = (_opencc().convert(letter) for letter in text)
    return "".join(new if len(new) == 1 else old for old, new in zip(text, letters, strict=True))


@cache
def _opencc() -> Any:
    return OpenCC("t2s")


def _fold_letter(letter: str) -> str:
    if letter in _SAME:
        return _SAME[letter]
    if unicodedata.category(letter) == "Cs":
        return " "
    if "LATIN" in unicodedata.name(letter, ""):
        plain = unicodedata.normalize("NFKD", letter).casefold()
    else:
        plain = unicodedata.normalize("NFKC", letter).casefold()
    return "".join(_SAME.get(one, one) for one in plain if unicodedata.category(one) not in _SILENT_KINDS)


_TABLE = _Table()
