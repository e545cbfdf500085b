"""The questions of a message, and messages that only go on with what was asked before."""

from __future__ import annotations

import re

from shoplens.apps.assistant.understanding.subject import subject_of

MOST_PARTS = 3  # questions of one message that are answered, each by itself
SHORTEST = 3  # letters or characters of a part that may be a question of its own

_I = re.IGNORECASE
_ASKS = re.compile(
    r"\b(?:what|where|when|who|whom|whose|which|why|how|do|does|did|can|could|will|would|is|are|was|were|may|should|"
    r"have|has|any|i (?:want|need|would like)|i'd like)\b|我[想要]|[?？吗么呢几]|多少|多久|多长|多大|"
    r"多重|什么|怎么|怎样|哪|谁|为什么|如何|是否|能不能|可不可以|有没有|是不是",
    _I,
)
_BETWEEN = re.compile(
    r"(?<=[?？!！。])\s*(?=\S)|(?<=[a-z0-9][.!])\s+(?=[A-Z])|\n+|[,，;；]\s*(?:另外|还有|然后|以及|顺便问?一?下?)\s*|"
    r"(?:[,，;；]|(?<!\s))\s+(?:and|also|plus|but)\s+(?:also\s+)?(?=(?:what|where|when|who|which|why|how|do|does|did|can|could|"
    r"will|would|is|are|should|may|have you)\b)|[，;；]",
    _I,
)
_FOLLOWS = re.compile(r"^\W*(?:(?:and|or|but|also|what about|how about)\b|那么?|还有)\s*(?P<en>.*)$", _I | re.DOTALL)
_FOLLOWS_ZH = re.compile(r"^\W*(?:那么?|还有)?.{1,14}呢\W*$")
_FULL = re.compile(
    r"\b(?:what|where|when|who|which|why|how|do|does|did|can|could|will|would|is|are|should|may|i|we|you)\b", _I
)
_COUNT = re.compile(r"[\W\d]*")  # "2 red ones": how many
_WORD = re.compile(r"\w[\w'.\-]*")
MOST_WORDS = 4  # of the name of something


def parts_of(text: str) -> list[str]:
    """Two or three questions of one message, each with what is told before it; the message alone where it asks one."""
    parts: list[str] = []
    told = ""
    for piece in filter(None, map(str.strip, _BETWEEN.split(text))):
        told = f"{told} {piece}".strip()
        if len(piece) >= SHORTEST and _ASKS.search(piece) and subject_of(piece):
            parts.append(told)
            told = ""
    if told and parts:
        parts[-1] = f"{parts[-1]} {told}"
    return parts if 2 <= len(parts) <= MOST_PARTS else [text]


def follows(text: str) -> bool:
    """ "And in blue?", "what about the lamp?", "台灯呢": half a question, whose other half was asked before."""
    if len(text) > 60:
        return False
    if _FOLLOWS_ZH.match(text):
        return True
    found = _FOLLOWS.match(text)
    return found is not None and _FULL.search(found["en"]) is None


def terse(text: str) -> bool:
    """Whether a message is but the name or quality of something: "dress", "red one", "红色的"."""
    if "?" in text.strip()[:-1] or "，" in text:
        return False
    han = sum("\u3400" <= letter <= "\u9fff" for letter in text)
    if han:
        return han <= 8 and len(text) <= 16
    return 1 <= len(_WORD.findall(_COUNT.sub("", text, count=1) or text)) <= MOST_WORDS and _FULL.search(text) is None


def names_only(text: str) -> bool:
    """Whether a message is terse and asks nothing: 皮靴, but not 皮靴是真皮的吗."""
    return terse(text) and re.search("[吗么哪几]|多少|怎", text) is None
