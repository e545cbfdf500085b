"""Which products a question names: "are the leather boots waterproof?" names boots, and asks whether they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shoplens.apps.assistant.grounding.claims import words_of
from shoplens.domain.catalogue import Product
from shoplens.retrieval.lexical.heads import THINGS

_BEFORE = re.compile(r"^.*?(?=\s+(?:for|with|without|in|of|from)\s|[,(（，]|\s\d)|^.*$", re.IGNORECASE)
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
