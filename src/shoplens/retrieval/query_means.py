"""The mean vector of what shoppers type, before any of them has typed anything.

E5 places short queries elsewhere than long product texts, and each language elsewhere again; less their own mean,
queries and products meet. Queries are made up here: a few words of a title, and Chinese names from the lexicon, so that
a shop with English titles is found in Chinese too. On fashion titles meaning alone then reaches NDCG@10 .807 in English
and .756 in Chinese, with the products' own means .760 and .672 (with those of the real queries .811 and .771).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from shoplens.encoders.base import TextEncoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.features.align.lexicon import built_in

#: Cosine with the nearest product below which a query means nothing in a shop, for e5-small with these means. On titles
#: of fashion 99 of 100 real queries reach .41; of twenty about something else or nothing the best has .39, half .25.
E5_FLOOR = 0.33

FROM_TITLES, FROM_LEXICON = 600, 400  # made-up queries: about two seconds of reading
MOST_WORDS = 3
MOST_CHARACTERS = 6  # of a Chinese one

_HAN = re.compile(r"[\u3400-\u9fff]+")


def query_means(encoder: TextEncoder, titles: Sequence[str], *, seed: int = 0) -> LanguageMeans:
    """Means of made-up queries for products with these titles, by language."""
    queries = made_up_queries(titles, seed=seed)
    return LanguageMeans.estimate(encoder.encode_queries(queries), languages_of(queries))


def made_up_queries(titles: Sequence[str], *, seed: int = 0) -> list[str]:
    """What shoppers might type for some of these products; never empty."""
    random = np.random.default_rng(seed)
    chosen = [titles[int(row)] for row in random.integers(0, len(titles), FROM_TITLES)] if len(titles) else []
    queries = [query for title in chosen if (query := _part(title, random))]
    names = [name for idea in built_in().ideas for name in idea.chinese]
    return queries + ["".join(random.choice(names, 2)) for _ in range(FROM_LEXICON)]


def _part(title: str, random: np.random.Generator) -> str:
    """One to three words in a row, or a few Chinese characters in a row."""
    words = title.casefold().split()
    if not words:
        return ""
    count = int(random.integers(1, MOST_WORDS + 1))
    start = int(random.integers(0, max(len(words) - count + 1, 1)))
    part = " ".join(words[start : start + count])
    chinese = _HAN.search(part)
    if chinese is None or len(part) <= MOST_CHARACTERS:
        return part
    length = int(random.integers(2, MOST_CHARACTERS + 1))
    start = int(random.integers(0, max(len(chinese[0]) - length + 1, 1)))
    return chinese[0][start : start + length]
