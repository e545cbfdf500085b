"""Words that titles share: beside facets, a photo network learns which of them go with a photo.

Nothing asks for these answers. They make the layer below see what facets don't say ("striped", "printed", "strap"),
and what a shop files wrongly in a facet its title often says rightly: multi-task learning (Caruana 1997, Machine
Learning 28).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

LEAST_TITLES = 20  # with a word before it is worth learning
MOST_TITLES = 0.4  # share of titles with a word; more frequent ones tell nothing
MOST_WORDS = 400  # the most frequent ones

TitleWords = npt.NDArray[np.bool_]  # [products, words]

_WORD = re.compile(r"[^\W\d_]{2,}")
_CHINESE = re.compile(r"[\u4e00-\u9fff]+")


def title_words(titles: Sequence[str]) -> TitleWords:
    """Which of the words that many titles share each title has; no columns where titles share none.

    Chinese, which has no spaces, counts by pairs of neighbouring characters.
    """
    found = [_words(title) for title in titles]
    counts = Counter(word for words in found for word in words)
    most = MOST_TITLES * sum(map(bool, found))
    shared = [word for word, count in counts.most_common() if LEAST_TITLES <= count <= most][:MOST_WORDS]
    place = {word: column for column, word in enumerate(shared)}
    table = np.zeros((len(titles), len(shared)), np.bool_)
    for row, words in enumerate(found):
        table[row, [place[word] for word in words if word in place]] = True
    return table


def _words(title: str) -> list[str]:
    """Different ones, in the order in which they are said."""
    words: list[str] = []
    for run in _WORD.findall(title.casefold()):
        words.extend(_CHINESE.sub(" ", run).split())
        for chinese in _CHINESE.findall(run):
            words.extend(map("".join, pairwise(chinese)))
    return list(dict.fromkeys(words))
