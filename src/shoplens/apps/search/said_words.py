"""What a shopper typed, in one form, and its words: the same cutting for queries and for the values of a catalogue."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from shoplens.features.align.lexicon import singular
from shoplens.ingest.units import normalise_measure

HIDDEN = "\0"  # stands where a part of the text has been read already
_CONTROL = re.compile(r"[\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2060\ufeff]")
_HAN = r"[\u3400-\u9fff\U00020000-\U0003ffff]"
_TOKEN = re.compile(rf"(?P<han>{_HAN})|\d+(?:[.,]\d+)?|(?:(?!{_HAN})[^\W\d_])+(?:'(?:(?!{_HAN})[^\W\d_])+)?")
_JOINT = re.compile(r"[\s\-/'’.·]*")  # what may stand between two words of one name
_QUOTED = re.compile(r"\"[^\"]*\"?|“[^”]*”?|「[^」]*」?")


@dataclass(frozen=True, slots=True)
class Token:
    """One word (Chinese: one character) at its place in the text: small letters, singular, measures in one spelling."""

    text: str
    start: int
    end: int
    han: bool = False


def plain(text: str) -> str:
    """NFKC, simplified Chinese, no control characters, single blanks; letter case stays."""
    text = text.encode("utf-8", "replace").decode()  # half a surrogate pair is no letter
    text = _CONTROL.sub(" ", unicodedata.normalize("NFKC", text)).replace("’", "'").replace("‘", "'")
    if not text.isascii():
        simple = _simplifier().convert(text)
        text = simple if isinstance(simple, str) else text
    return " ".join(text.split())


def without_quotes(text: str) -> str:
    """The text with phrases in quotes hidden: they are meant literally."""
    return _QUOTED.sub(lambda match: HIDDEN * len(match[0]), text)


def hide(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with these parts hidden; all places stay."""
    for start, end in spans:
        text = f"{text[:start]}{HIDDEN * (end - start)}{text[end:]}"
    return text


def cut(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text without these parts."""
    return " ".join(hide(text, spans).replace(HIDDEN, " ").split())


def tokens(text: str) -> list[Token]:
    """Words of a text in `plain` form; a number and the unit behind it are one word ("500ml" → "500 ml")."""
    found = [
        Token(_form(match[0]), match.start(), match.end(), match["han"] is not None) for match in _TOKEN.finditer(text)
    ]
    joined: list[Token] = []
    place = 0
    while place < len(found):
        one = found[place]
        measured = _measure(text, found, place) if one.text[0].isdigit() else None
        joined.append(measured[0] if measured is not None else one)
        place += measured[1] if measured is not None else 1
    return joined


def key(words: Sequence[Token]) -> str:
    """Words as one name to look up."""
    return " ".join(word.text for word in words)


def key_of(value: str) -> str:
    """A catalogue's value as the name that a shopper's words are compared with; "" when it has no letter or digit."""
    return key(tokens(plain(value)))


def adjoining(text: str, one: Token, other: Token) -> bool:
    """Whether nothing but blanks, hyphens and the like stands between two words."""
    return _JOINT.fullmatch(text, one.end, other.start) is not None


def _form(word: str) -> str:
    small = word.casefold().replace("'", "")
    return singular(small) if small.isascii() else small


def _measure(text: str, found: list[Token], place: int) -> tuple[Token, int] | None:
    """A number with the one or two words behind it that are its unit, and how many words that were."""
    for many in (3, 2):
        some = found[place : place + many]
        if len(some) < many or text[some[0].end : some[1].start].strip():
            continue
        said = "".join(text[some[0].start : some[-1].end].split())
        spelled = normalise_measure(said)  # a unit that it knows is set apart, so that the text changes
        if spelled != said:
            return Token(spelled.casefold(), some[0].start, some[-1].end), many
    return None


@cache
def _simplifier() -> Any:
    """OpenCC from traditional to simplified Chinese; a tenth of a second to load."""
    from opencc import OpenCC

    return OpenCC("t2s")
