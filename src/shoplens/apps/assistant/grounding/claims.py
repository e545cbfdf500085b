"""What a sentence states that can be wrong: numbers, names, promises, denials, and its words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from shoplens.retrieval.lexical.analyser import Analyser
from shoplens.retrieval.lexical.folding import fold

_ANALYSER = Analyser()
WORDS_EN = {
    "zero": 0,
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "eleven": 11,
    "twelve": 12,
    "thirteen": 13,
    "fourteen": 14,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "ninety": 90,
    "hundred": 100,
    "thousand": 1000,
    "dozen": 12,
    "half": 0.5,
}
_DIGITS_ZH = {character: value for value, character in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NUMBER_ZH = re.compile(r"[零〇一二两三四五六七八九十百千]+(?=[天日周月年个件元块小时分钟%折次倍])")
_NAME = re.compile(r"\b[A-Z][\w&'’-]*(?:\s+(?:of|de|and|&|[A-Z0-9][\w&'’-]*))*\b")
_EXACT = re.compile(
    r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.]+|\b(?=\w*\d)(?=\w*[A-Za-z])\w[\w-]{2,}\b|"
    r"[“\"「『][^”\"」』]{2,60}[”\"」』]"
)
_NOT = re.compile(
    r"\b(?:not|no|never|none|nothing|neither|nor|cannot|can't|won't|don't|doesn't|isn't|"
    r"aren't|without|except|unless|excluded?)\b|n't\b|"
    r"不|没|无(?!论)|未(?!使用|开封|拆)|非(?!常)|勿|别(?!的)|除外|禁止",
    re.IGNORECASE,
)
#: Words that promise: a sentence may use one only where its source does.
_PROMISES = re.compile(
    r"\b(?:free|guarantee[ds]?|always|full(?:y)? refund\w*|refund\w*|return\w*|exchange\w*|"
    r"compensat\w+|discount\w*|warrant\w+|lifetime|"
    r"unlimited|immediately|same[- ]day|next[- ]day|overnight|approved|eligible|entitled|"
    r"confirmed|cancel\w*|waive\w*|voucher\w*|coupon\w*|credit\w*)\b|"
    r"免费|保证|全额|退款|退货|换货|赔偿|折扣|保修|终身|无限|立即|当日|次日|批准|已确认|取消|优惠券|代金券|返现",
    re.IGNORECASE,
)
_STOP = frozenset(
    [
        "a",
        "an",
        "the",
        "of",
        "to",
        "in",
        "on",
        "at",
        "for",
        "with",
        "by",
        "from",
        "and",
        "or",
        "is",
        "are",
        "was",
        "were",
        "be",
        "been",
        "it",
        "its",
        "this",
        "that",
        "these",
        "those",
        "you",
        "your",
        "we",
        "our",
        "us",
        "i",
        "my",
        "me",
        "can",
        "may",
        "will",
        "would",
        "could",
        "should",
        "do",
        "does",
        "did",
        "have",
        "has",
        "had",
        "if",
        "as",
        "so",
        "then",
        "than",
        "there",
        "here",
        "please",
        "also",
        "any",
        "all",
        "more",
    ]
)


@dataclass(frozen=True, slots=True)
class Claims:
    """What can be checked of one sentence."""

    numbers: frozenset[float]
    names: frozenset[str]  # folded
    promises: frozenset[str]
    denies: bool
    words: frozenset[str]  # terms that mean something


@lru_cache(maxsize=20_000)
def claims_of(text: str) -> Claims:
    """See `Claims`."""
    return Claims(
        numbers_of(text),
        frozenset(fold(name.strip('“”"「」『』 .,')).text for name in (*_names(text), *_EXACT.findall(text))),
        frozenset(_stem(one) for one in _PROMISES.findall(text)),
        _NOT.search(text) is not None,
        words_of(text),
    )


def numbers_of(text: str) -> frozenset[float]:
    """Every number, in digits or words: "30", "1,000.50", "thirty", "三十天"."""
    found = {float(one.replace(",", "")) for one in _NUMBER.findall(text)}
    found |= {
        float(WORDS_EN[word]) for word in re.findall(r"[a-z]+", text.lower()) if word in WORDS_EN and word != "one"
    }
    found |= {float(chinese_number(one)) for one in _NUMBER_ZH.findall(text)}
    return frozenset(found)


@lru_cache(maxsize=20_000)
def words_of(text: str) -> frozenset[str]:
    """Terms of a text, in the singular, Chinese in words and characters, without those that say nothing alone."""
    return frozenset(term.text for term in _ANALYSER.terms(text) if term.text not in _STOP)


def _names(text: str) -> list[str]:
    """Capitalised words, except the first of a sentence where it stands alone."""
    found = []
    for match in _NAME.finditer(text):
        name = match[0]
        first = not text[: match.start()].strip(" \"“'(*-0123456789.")
        if first and " " not in name and not name.isupper():
            continue
        if first and " " in name:
            name = name.split(" ", 1)[1]
        if name not in ("I", "We", "You") and len(name) > 1:
            found.append(name)
    return found


def _stem(promise: str) -> str:
    word = promise.lower()
    for end in ("ation", "ments", "ment", "able", "ling", "led", "ing", "ed", "s"):
        if word.endswith(end) and len(word) - len(end) >= 4:
            return word.removesuffix(end)
    return word


def chinese_number(text: str) -> int:
    """三十五 → 35, 一百二十 → 120."""
    total = digit = 0
    for character in text:
        if character in _DIGITS_ZH:
            digit = _DIGITS_ZH[character]
        else:
            total += (digit or 1) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = 0
    return total + digit
