"""The languages that the assistant speaks, and which of them a text is in."""

from __future__ import annotations

from shoplens.encoders.centring import LANGUAGES, language_of

SPOKEN = ("en", "zh")


def spoken_in(text: str, otherwise: str) -> str:
    """The language to answer in: that of the text where it has letters and we speak it."""
    if not any(letter.isalpha() for letter in text):
        return otherwise
    told = LANGUAGES[language_of(text)]
    return told if told in SPOKEN else otherwise
