"""Near-duplicates among the latest posts: reposts, quotes and copies count once.

MinHash over pieces of the text (Broder 1997), looked up by locality-sensitive hashing (datasketch). A text is a copy
when about three quarters of its pieces are those of an earlier one. "Very good!" by two customers is two opinions, so
texts that are alike by chance, because they are short, have no sketch and are nobody's copy.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np
from datasketch import MinHash, MinHashLSH

PERMUTATIONS = 64
ALIKE = 0.7  # estimated share of common pieces (Jaccard); its standard error with 64 permutations is about .05
SHORTEST = {"zh": 12, "other": 24}  # letters; shorter texts are alike by chance
PIECE = {"zh": 3, "other": 6}  # letters
_NOISE = re.compile(r"https?://\S+|[@#]\S+|\brt\b", re.IGNORECASE)
# Sketches are kept, so seed and scheme of the permutations never change.
_SEED, _SCHEME = 1, "affine32"
_EMPTY = MinHash(num_perm=PERMUTATIONS, seed=_SEED, scheme=_SCHEME)


def sketches(texts: Sequence[str], languages: Sequence[str]) -> list[bytes]:
    """A sketch of each text; empty where it is too short."""
    pieces = [_pieces(text, language) for text, language in zip(texts, languages, strict=True)]
    found = [b""] * len(texts)
    places = [place for place, some in enumerate(pieces) if some]
    made = MinHash.bulk([pieces[place] for place in places], num_perm=PERMUTATIONS, seed=_SEED, scheme=_SCHEME)
    for place, one in zip(places, made, strict=True):
        found[place] = one.hashvalues.astype("<u4").tobytes()
    return found


class Copies:
    """The latest posts by their sketches: at most `most`, none older than `horizon` microseconds before the post that
    is compared. What was found depends on the order of arrival alone."""

    def __init__(self, *, most: int = 50_000, horizon: int = 7 * 86_400_000_000) -> None:
        self._most = most
        self._horizon = horizon
        self._index = MinHashLSH(threshold=ALIKE, num_perm=PERMUTATIONS)
        self._kept: dict[int, tuple[int, MinHash]] = {}  # sequence → time, sketch
        self._order: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, sketch: bytes, timestamp: int) -> int | None:
        """Sequence of the post that this one repeats: the most similar, of equal ones the first."""
        if not sketch:
            return None
        asked = _opened(sketch)
        best: tuple[float, int] | None = None
        for sequence in self._index.query(asked):
            time, known = self._kept[sequence]
            likeness = float(asked.jaccard(known))
            if likeness >= ALIKE and abs(timestamp - time) <= self._horizon:
                best = max(best or (0.0, 0), (likeness, -sequence))
        return None if best is None else -best[1]

    def add(self, sequence: int, timestamp: int, sketch: bytes) -> None:
        """An original. The oldest is forgotten when there are too many."""
        if not sketch:
            return
        opened = _opened(sketch)
        self._index.insert(sequence, opened, check_duplication=False)
        self._kept[sequence] = (timestamp, opened)
        self._order.append(sequence)
        if len(self._order) > self._most:
            oldest = self._order.popleft()
            self._index.remove(oldest)
            del self._kept[oldest]

    def extend(self, posts: Iterable[tuple[int, int, bytes]]) -> None:
        """Many, in order of arrival: sequence, time, sketch."""
        for one in posts:
            self.add(*one)


def _opened(sketch: bytes) -> MinHash:
    values = np.frombuffer(sketch, "<u4")
    return MinHash(num_perm=PERMUTATIONS, hashvalues=values, permutations=_EMPTY.permutations, scheme=_SCHEME)


def _pieces(text: str, language: str) -> list[bytes]:
    """Overlapping pieces of the letters and digits; none for a text that is too short."""
    kind = "zh" if language == "zh" else "other"
    folded = unicodedata.normalize("NFKC", _NOISE.sub(" ", text)).casefold()
    letters = "".join(character for character in folded if character.isalnum())
    if len(letters) < SHORTEST[kind]:
        return []
    width = PIECE[kind]
    return list({letters[place : place + width].encode() for place in range(len(letters) - width + 1)})
