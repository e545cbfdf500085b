"""What is never inferred about a person, whatever a setting says: the special categories of GDPR, article 9, criminal
records (article 10), and what gives them away.

Two questions: whether a field must not be inferred or told of, by its name (`religion`, `Religious_Affiliation`,
`宗教信仰`), and whether what stands on a product, a value or a category, gives its buyers away (`maternity`, `halal`,
`糖尿病`). The lists (`sensitive_words`) are fixed on purpose. English is matched by whole words: `essex` and `unisex`
are harmless.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from shoplens.domain.sensitive_words import (
    NAME_PARTS,
    NAME_STEMS,
    NAME_WORDS,
    ORDINARY,
    ORDINARY_PARTS,
    TEXT_PARTS,
    TEXT_WORDS,
)

CHINESE = "\u3400-\u9fff"


@lru_cache(maxsize=10_000)  # a shop has few names and asks of each product
def is_sensitive(name: str) -> bool:
    """Whether a field of this name must never be inferred or told of."""
    words = _plain(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name))
    return _speaks(words) or _IN_NAMES.search(words) is not None or any(part in words for part in NAME_PARTS)


@lru_cache(maxsize=100_000)  # values and categories of a shop
def gives_away(text: str) -> bool:
    """Whether a value, category or brand says something of its buyers that must never be inferred or told."""
    return _speaks(_plain(text))


def _speaks(words: str) -> bool:
    meant = _ORDINARY.sub(" _ ", words)
    return _ANYWHERE.search(meant) is not None or any(part in meant for part in TEXT_PARTS)


def _plain(text: str) -> str:
    """Lower case, without accents, words parted by single spaces: "Café_Bar" → "cafe bar"."""
    folded = unicodedata.normalize("NFKD", text).casefold().replace("\u2019", "'")
    kept = "".join(letter for letter in folded if not unicodedata.combining(letter))
    return re.sub(rf"[^0-9a-z{CHINESE}]+", " ", kept.replace("'", "")).strip()


def _whole(words: Iterable[str]) -> str:
    """A pattern of any of them as whole words, with or without a plural s; digits do not go on a word."""
    longest_first = sorted({_plain(word) for word in words}, key=len, reverse=True)
    return rf"(?<![a-z])(?:{'|'.join(map(re.escape, longest_first))})(?:e?s)?(?![a-z])"


_ANYWHERE = re.compile(_whole(word for words in TEXT_WORDS.values() for word in words))
_IN_NAMES = re.compile(rf"(?<![a-z])(?:{'|'.join(_plain(stem) for stem in NAME_STEMS)})|{_whole(NAME_WORDS)}")
_ORDINARY = re.compile(f"{_whole(ORDINARY)}|{'|'.join(ORDINARY_PARTS)}")
