"""What kinds of things words name: a new one begins a new search, the same one refines the old.

Nouns come from the lexicon ("trainers" and "sneakers" are one), from the catalogue's categories, and from what titles
end with in English ("… Backpack") and in Chinese.
"""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable

from shoplens.features.align.lexicon import LONGEST, Idea, Lexicon, built_in, plain
from shoplens.recommend.facts import CatalogueFacts

#: Kinds of the lexicon that say how a thing is or whom it is for.
HOW = frozenset({"colour", "pattern", "material", "gender", "season", "use", "style", "shop"})
FRESH = 300.0  # seconds until the catalogue is read again
LEAST_TITLES = 3  # that end with a word before it is a noun
MOST_TITLES = 20_000  # that are read, spread over the catalogue
ZH_LENGTHS = (2, 3, 4)  # characters of a Chinese noun at the end of a title

_HAN = re.compile(r"[\u3400-\u9fff]+")
_WORD = re.compile(r"[^\W\d_]{3,}", re.UNICODE)


class Nouns:
    """See the top of this file. Safe to share between threads."""

    def __init__(
        self,
        facts: CatalogueFacts,
        *,
        lexicon: Lexicon | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._facts = facts
        self._lexicon = lexicon or built_in()
        self._clock = clock
        self._lock = threading.Lock()
        self._known: frozenset[str] = frozenset()  # the catalogue's own
        self._due = -1.0
        self._version = -1

    def of(self, text: str) -> frozenset[str]:
        """The kinds of things that a text in one form (`refinement.plain`) names, each by its usual name."""
        known = self._catalogue()
        return frozenset(self._english(text, known)) | frozenset(self._chinese(text, known))

    def _english(self, text: str, known: frozenset[str]) -> Iterable[str]:
        words = plain(text).split()
        start = 0
        while start < len(words):
            for end in range(min(len(words), start + LONGEST), start, -1):
                name = " ".join(words[start:end])
                idea = self._lexicon.by_english.get(name)
                if idea is not None or name in known:
                    if idea is None or idea.kind not in HOW:
                        yield _key(idea, name)
                    start = end
                    break
            else:
                start += 1

    def _chinese(self, text: str, known: frozenset[str]) -> Iterable[str]:
        for run in _HAN.findall(text):
            start = 0
            while start < len(run):
                for end in range(min(len(run), start + 8), start, -1):
                    name = run[start:end]
                    idea = self._lexicon.by_chinese.get(name)
                    if idea is not None or name in known:
                        if idea is None or idea.kind not in HOW:
                            yield _key(idea, name)
                        start = end
                        break
                else:
                    start += 1

    def _catalogue(self) -> frozenset[str]:
        """Names of categories, and what many titles end with; read again beside when the catalogue changed, not too
        often. Only the first turn waits for it."""
        if self._version == self._facts.version or self._clock() < self._due:
            return self._known
        if self._lock.acquire(blocking=self._version < 0):
            if self._version < 0:
                self._refresh()
            else:
                threading.Thread(target=self._refresh, name="shoplens-nouns", daemon=True).start()
        return self._known

    def _refresh(self) -> None:
        """With the lock held, which it releases."""
        try:
            version = self._facts.version
            self._known = self._read()
            self._version, self._due = version, self._clock() + FRESH
        finally:
            self._lock.release()

    def _read(self) -> frozenset[str]:
        titles = self._facts.titles
        heads: Counter[str] = Counter()
        for row in range(1, len(self._facts), max(len(self._facts) // MOST_TITLES, 1)):
            heads.update(_heads(titles[row]))
        found = {head for head, many in heads.items() if many >= LEAST_TITLES}
        for path in self._facts.values_of("category").values():
            for name in path.split(">"):
                found.update(one for one in (plain(name), *_HAN.findall(name)) if len(one) > 1)
        return frozenset(name for name in found if not self._tells_how(name))

    def _tells_how(self, name: str) -> bool:
        idea = self._lexicon.by_english.get(name) or self._lexicon.by_chinese.get(name)
        return idea is not None and idea.kind in HOW


def _key(idea: Idea | None, name: str) -> str:
    return name if idea is None else (idea.english or idea.chinese)[0]


def _heads(title: str) -> list[str]:
    """What a title may be called by: its last English word, and what its last Chinese words end with."""
    chinese = _HAN.findall(title)
    if chinese:
        return [chinese[-1][-length:] for length in ZH_LENGTHS if len(chinese[-1]) >= length]
    words = _WORD.findall(title)
    return [plain(words[-1])] if words else []
