"""Which word of a query names the thing that is wanted: milk in "organic milk", dress in "red dress with pockets".

In English and in Chinese alike the thing comes last, unless something is said about it afterwards: after a preposition
("for men"), or as a colour, a size or the like ("shirt black"). What the built-in lexicon calls a thing's quality is
none; where all words are qualities ("red wine", wine being a colour too), the last one is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

from shoplens.features.align.lexicon import built_in, plain
from shoplens.ingest.units import measured
from shoplens.retrieval.lexical.query import Query, Word

QUALITIES = frozenset({"colour", "pattern", "material", "gender", "season", "use", "style"})  # kinds of the lexicon
#: What the thing weighs beside what is said about it: who asks for organic milk can do with other milk.
HEAD = 1.5

#: Which size and how many.
_COUNTED = frozenset(
    {"ct", "count", "pk", "pack", "pc", "pcs", "piece", "size", "set", "pair", "dozen", "xs", "xl", "xxl",
     "码", "号", "尺码", "大码", "中码", "小码", "大号", "中号", "小号", "套", "件", "双", "只", "包", "装"}
)  # fmt: skip

#: Characters that are the name of a thing, and end the names of its kinds.
THINGS = frozenset(
    "鞋靴裤裙帽袜衫袄伞笔灯锅杯壶碗盘碟勺筷叉瓶盆罐桶刀剪椅桌柜床垫毯枕被席帘镜梳刷琴鼓棋茶酒油醋糖盐酱糕饼粥粽饺虾蟹橘桃梨枣霜膏膜皂巾"
)

_AFTERWARDS = re.compile(r"(?<![^\s,])(?:for|with|without|in|of|from|by|on|at|to|under|over)(?![^\s,])", re.IGNORECASE)


def head_of(query: Query) -> int | None:
    """The place of that word in `query.words`; None where there are not two of them to compare."""
    words = query.words
    if len(words) < 2:
        return None
    said = _AFTERWARDS.search(query.text, words[0].end)
    stop = said.start() if said is not None else len(query.text)
    before = [place for place, word in enumerate(words) if word.end <= stop] or list(range(len(words)))
    named = [place for place in before if _names_a_thing(words[place])]
    return max(named or before, key=lambda place: words[place].end)


def things_in(word: str, within: Iterable[tuple[str, int, int]]) -> Iterator[str]:
    """What a Chinese word names, the nearest first; `within`: words inside it, with their places.

    Its last word (风扇 of 电风扇), its last character (伞 of 雨伞), or the one before 子 (袜 of 袜子).
    """
    last = (inner for inner, start, end in within if end == len(word) and 1 < end - start < len(word))
    yield from sorted(last, key=len, reverse=True)
    if word[-1] in THINGS:
        yield word[-1]
    if len(word) == 2 and word[-1] == "子" and word[0] in THINGS:
        yield word[0]


def _names_a_thing(word: Word) -> bool:
    if any(letter.isdigit() for letter in word.text) or (not word.han and len(word.text) == 1):
        return False
    name = word.text.casefold() if word.han else plain(word.text)
    return name not in _qualities() and name not in _COUNTED and not _measures(name)


@lru_cache(maxsize=10_000)  # of what people type
def _measures(name: str) -> bool:
    """Whether it is a unit."""
    return measured(f"1 {name}") is not None


@cache
def _qualities() -> frozenset[str]:
    lexicon = built_in()
    names = {**lexicon.by_english, **lexicon.by_chinese}
    return frozenset(name for name, idea in names.items() if idea.kind in QUALITIES)
