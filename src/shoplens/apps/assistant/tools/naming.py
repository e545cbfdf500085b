"""Which products a question names: "are the leather boots waterproof?" names boots, and asks whether they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shoplens.apps.assistant.grounding.claims import words_of
from shoplens.domain.catalogue import Product
from shoplens.retrieval.lexical.heads import THINGS

_BEFORE = re.compile(r"^.*?(?=(?<!\s)\s+(?:for|with|without|in|of|from)\s|[,(（，]|\s\d)|^.*$", re.IGNORECASE)
_WORD = re.compile(r"[^\s,.;:!?]+")
_ARTICLES = frozenset({"the", "a", "an", "this", "that", "these", "those", "your", "my"})
_INSIDE = frozenset({"in", "into", "inside"})  # "can it go in the oven?" asks for one
_FIRST_HAN = re.compile(r"(?:请问|你们的?|这[个款双件台]?|那[个款双件台]?)*(?P<run>[\u3400-\u9fff]+)")
_ENDS = re.compile(r"的?[吗么嘛呢]|\W*$")
_LAST_HAN = re.compile(r"[\u3400-\u9fff]+(?=[^\u3400-\u9fff]*$)")


@dataclass(frozen=True, slots=True)
class Named:
    """Products that fit a question alike, and the words of it that say which."""

    products: tuple[Product, ...]
    words: frozenset[str]


def naming_words(text: str) -> frozenset[str]:
    """Words of a text that can name something: no single Chinese characters but those that are things (壶, 灯)."""
    return frozenset(one for one in words_of(text) if len(one) > 1 or one.isascii() or one in THINGS)


def kinds_of(product: Product) -> frozenset[str]:
    """Words for the kind of thing that a product is: the last of its title, and those that its category has too."""
    leaf = naming_words(product.category[-1]) if product.category else frozenset()
    found = _BEFORE.match(product.title)
    begin = found[0] if found is not None else product.title
    run = _LAST_HAN.search(begin)
    if run is not None:
        last = frozenset(one for one in naming_words(run[0]) if run[0].endswith(one))
    else:
        words = [one for one in begin.split() if any(letter.isalpha() for letter in one)]
        last = naming_words(words[-1]) if words else frozenset()
    return last | (naming_words(product.title) & leaf)


def beyond_name(asked: str, product: Product) -> str:
    """A question with "it" for the words that name this product: "does the oven have a light?" asks for no oven.

    A word is part of the name where the title or category has it and it stands after an article or by another one of
    the name; in Chinese where the question begins with it and goes on.
    """
    own, title = words_of(" ".join([product.title, *product.category[-1:]])), product.title.casefold()
    left: list[str] = []
    words = _WORD.findall(asked)
    named = [bool(found := words_of(word)) and word.isascii() and found <= own for word in words]
    before, dropped = "", False  # the last word that is no article
    for place, word in enumerate(words):
        follows = named[place + 1 : place + 2] == [True]
        after = place > 0 and words[place - 1].casefold() in _ARTICLES
        goes_on = dropped and f"{words[place - 1]} {word}".casefold() in title  # "is the mouse wireless?" asks it
        dropped = named[place] and before not in _INSIDE and (follows or goes_on or after)
        if dropped and after:
            left[-1] = "it"
        elif not dropped:
            left.append(word)
        elif not goes_on:
            left.append("it")
        before = before if word.casefold() in _ARTICLES else word.casefold()
    told = " ".join(left)
    run = _FIRST_HAN.match(told)
    most = max((end for end in range(2, len(run["run"])) if run["run"][:end] in product.title), default=0) if run else 0
    if run is None or not most or _ENDS.match(told, run.start("run") + most):
        return told
    return told[run.start("run") + most :]


def named_by(wanted: frozenset[str], found: Sequence[Product], most: int) -> Named | None:
    """Of what a search found, the products whose kind is named, and which have the most words of the question."""
    best: list[Product] = []
    shared: frozenset[str] = frozenset()
    for one in found:
        if not kinds_of(one) & wanted:
            continue
        leaf = " ".join(one.category[-1:])
        common = wanted & naming_words(f"{one.title} {leaf}")
        if len(common) > len(shared):
            best, shared = [one], common
        elif len(common) == len(shared):
            best.append(one)
    return Named(tuple(best[:most]), shared) if best else None
