"""What changed: words and aspects that a surge speaks of more than people did before, and posts that show it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from math import log, log1p, sqrt

from shoplens.store.opinions import PostRecord

MOST_WORDS, MOST_POSTS, MOST_ASPECTS = 8, 5, 5
PRIOR = 0.05  # posts in which every word is taken to have stood before it was seen
LEAST = 2  # posts that a word must stand in
_WORD = re.compile(r"[a-z][a-z'-]{2,}")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_COMMON_WORDS = """
the and for with this that was were are have has had but not you your they them their its it's from when what which
will would can could all any been being into than then there these those our out about after before just very said who
how one did does also only more most some such other over she him her his because while where got get
这个 那个 一个 没有 我们 你们 他们 就是 还是 但是 因为 所以 可以 已经 自己 什么 怎么 这样 那样 东西 感觉 真的 非常
"""
_COMMON = frozenset(_COMMON_WORDS.split())


def changed_words(during: Sequence[str], before: Sequence[str], *, most: int = MOST_WORDS) -> list[str]:
    """Words that stand in more of the texts than before (or elsewhere), the most surprising first.

    Log-odds with a prior, in standard deviations (Monroe, Colaresi and Quinn 2008, "Fightin' words").
    """
    now, earlier = _counted(during), _counted(before)
    scored = []
    for word, count in now.items():
        if count < LEAST:
            continue
        there, then = count + PRIOR, earlier[word] + PRIOR
        odds = log(there / (len(during) - count + 1.0)) - log(then / (len(before) - earlier[word] + 1.0))
        scored.append((odds / sqrt(1.0 / there + 1.0 / then), word))
    ordered = sorted(scored, key=lambda one: (-one[0], one[1]))
    return [word for value, word in ordered if value > 0][:most]


def changed_aspects(during: Sequence[PostRecord], before: Sequence[PostRecord]) -> list[tuple[str, float, float]]:
    """(aspect, share of the posts that name it before, share during), by the difference."""
    now = Counter(name for one in during for name in one.aspects)
    earlier = Counter(name for one in before for name in one.aspects)
    shares = [(name, earlier[name] / max(len(before), 1), count / len(during)) for name, count in now.items()]
    risen = sorted((one for one in shares if one[2] > one[1]), key=lambda one: (one[1] - one[2], one[0]))
    return [(name, round(then, 4), round(there, 4)) for name, then, there in risen[:MOST_ASPECTS]]


def telling(posts: Iterable[PostRecord], *, negative: bool) -> list[int]:
    """Sequences of the posts that show a surge best: the clearest, and of those that many people saw."""

    def weight(one: PostRecord) -> tuple[float, int]:
        clear = one.tones[2] if negative else 1.0
        return clear * (1.0 + log1p(max(one.reach, 0))), -one.sequence

    return [one.sequence for one in sorted(posts, key=weight, reverse=True)[:MOST_POSTS]]


def _counted(texts: Iterable[str]) -> Counter[str]:
    """Word → texts that it stands in."""
    counts: Counter[str] = Counter()
    for text in texts:
        folded = text.casefold()
        words = {word for word in _WORD.findall(folded) if word not in _COMMON}
        for run in _HAN.findall(folded):
            words.update(_chinese(run))
        counts.update(words)
    return counts


def _chinese(run: str) -> Iterable[str]:
    import rjieba

    return (word for word in rjieba.cut(run) if len(word) > 1 and word not in _COMMON)
