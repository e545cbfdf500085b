"""The languages that the assistant speaks, and which of them a text is in."""

from __future__ import annotations

import re

from shoplens.encoders.centring import LANGUAGES, language_of

SPOKEN = ("en", "zh")
_NAME = re.compile(r"\d|[A-Za-z][A-Z]")
_LATIN_WORD = re.compile(r"[A-Za-z][\w'’-]*")


def spoken_in(text: str, otherwise: str) -> str:
    """The language to answer in: that of the text where it has letters and we speak it."""
    if not any(letter.isalpha() for letter in text):
        return otherwise
    if otherwise == "zh":
        han = sum("\u3400" <= letter <= "\u9fff" for letter in text)
        words = len(_LATIN_WORD.findall(text))
        if han >= words or (words == 1 and _NAME.search(text)):
            return "zh"  # "iPad呢", "iPhone 15": names are spelt so in Chinese, too
    told = LANGUAGES[language_of(text)]
    return told if told in SPOKEN else otherwise
