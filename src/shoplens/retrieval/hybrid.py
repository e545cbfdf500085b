"""Words, meaning, looks and sounds in one search: what each finds, joined, completed and weighed.

Each signal names its best candidates. What one signal found and another did not is scored there as well, exactly, so
that a product is never worse off for having been found by one of them only. Then everything is put on a scale on which
different queries compare:

    words     share of the best match's score, times the share of the query that the best match covers
    vectors   how many deviations above the usual product of this shop for this very query, in units of `SPREAD`

and added up, weighed by `Blend`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from shoplens.encoders.centring import LANGUAGES, language_of
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.base import Mask
from shoplens.retrieval.blend import WORDS, Blend, weigh
from shoplens.retrieval.by_words import ByWords, WordSearch
from shoplens.retrieval.lexical.index import LexicalIndex
from shoplens.retrieval.lexical.query import Query
from shoplens.retrieval.semantic import VectorSignal
from shoplens.retrieval.views import Views

Floats = npt.NDArray[np.float32]
RowNumbers = npt.NDArray[np.int64]

DEPTH = 100  # candidates of each signal, at least: more change the first ten products no longer
SPREAD = 5.0  # deviations above the usual that count as 1: about what the best of a large catalogue reaches
NEAR = 0.5  # of the best vector's part, from which on a product that no word found is worth showing
_READING = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="shoplens-reading")
LEAST = 0.2  # the best part is taken for at least that: a deviation above the usual is nothing


class Reads(Protocol):
    """Texts to vectors of the signal "meaning": `features.align.reading.Reader`."""

    def read(self, texts: Sequence[str], /) -> Floats:
        """float32 [len(texts), size]"""
        ...

    def remembers(self, text: str, /) -> bool:
        """Whether reading this text takes no time."""
        ...

    def english(self, text: str, /) -> list[str]:
        """What a Chinese text means, in English, in several ways; [] for other texts."""
        ...


class Space(Protocol):
    """Texts to vectors of the signals "looks" and "attributes": `features.align.alignment.Alignment`,
    `retrieval.attributes.SpokenAttributes`."""

    def text_vectors(self, texts: Sequence[str], /) -> Floats:
        """float32 [len(texts), size]"""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What was found, best first. Rows are the caller's."""

    rows: RowNumbers  # [m]
    scores: Floats  # [m], about 0 to 1; those of different queries compare
    parts: Mapping[str, Floats]  # signal → [m], each about 0 to 1; NaN = it knows nothing about that product
    matched: Mask  # [m]: found by words
    query: Query | None = None  # what the words were read as; None without words
    by_words: int = 0  # products that match by words, in all
    coverage: float = 0.0  # of the query's words, by the product that has most of them

    def __len__(self) -> int:
        return len(self.rows)


class HybridIndex:
    """See the top of this file. Safe to share between threads.

    `row_of` turns item ids into the caller's rows (0 = unknown; a product that has a row keeps it), `id_of` rows into
    item ids. What reads texts for the signals: `reader` for "meaning", `space` for "looks", `spoken` for "attributes".
    Each of them, `words` and `signals` may be missing: what is there answers. `lexicon`: whether other names of the
    same thing are looked for.
    `views`: further vectors of products, by signal.
    `floor`: cosine with the nearest product below which a text means nothing in this shop ("asdfgh", car insurance in a
    shop of clothes); then only words can find anything for it. See `query_means.E5_FLOOR`. `sight`: unless a photo
    shows it, by this cosine of the signal "looks": what a film shows no text has to say. None: those are no cosines.
    """

    def __init__(
        self,
        words: LexicalIndex | None,
        signals: Sequence[VectorSignal] = (),
        *,
        reader: Reads | None = None,
        space: Space | None = None,
        spoken: Space | None = None,
        blend: Blend | None = None,
        views: Mapping[str, Views] = MappingProxyType({}),
        lexicon: bool = True,
        floor: float = 0.0,
        sight: float | None = None,
        row_of: Callable[[Sequence[str]], RowNumbers],
        id_of: Callable[[RowNumbers], list[str]],
    ) -> None:
        self.words = words
        self._words = WordSearch(words, row_of, id_of) if words is not None else None
        self.signals = {signal.name: signal for signal in signals}
        self.reader = reader
        self.space = space
        self.spoken = spoken
        self.views = views
        self.lexicon = lexicon
        self.floor = floor
        self.sight = sight
        self.blend = blend if blend is not None else Blend()
        self.row_of = row_of
        self.id_of = id_of

    def search(self, asked: Asked, k: int, allowed: Mask | None = None) -> Candidates:
        """The k best products for what is asked, only rows where `allowed` (bool [rows]) is True.

        Vectors that are given for "meaning" or "looks" stand in place of those of the text. While a word is being
        typed (`prefix`) its meaning is noise: then vectors of the text are asked only when no word finds anything.
        InputError when a given vector does not fit its signal; a signal that this shop lacks is passed over.
        """
        depth = max(DEPTH, k)
        weights = self.blend.weights(LANGUAGES[language_of(asked.text)])
        if asked.prefix or self._words is None or not asked.text:
            found = self.by_words(asked, depth, allowed)
            texts = not (asked.prefix and found is not None and len(found.rows))
            usable, nearest = self._by_vectors(asked, weights, depth, allowed, texts=texts)
        elif self.reader is not None and self.reader.remembers(asked.text):  # another thread costs more than it saves
            found = self.by_words(asked, depth, allowed)
            usable, nearest = self._by_vectors(asked, weights, depth, allowed)
        else:  # a text is read, and what is near looked for, while its words are looked up
            reading = _READING.submit(self._by_vectors, asked, weights, depth, allowed)
            found = self.by_words(asked, depth, allowed)
            usable, nearest = reading.result()
        named = [found.rows] if found is not None else []
        named += [near for near, _ in nearest.values()]
        rows = np.unique(np.concatenate(named)) if named else np.zeros(0, np.int64)
        parts: dict[str, Floats] = {}
        shares: dict[str, float] = {}
        matched = np.zeros(len(rows), bool)
        if found is not None and self._words is not None:
            parts[WORDS] = self._words.part(found, rows)
            shares[WORDS] = weights[WORDS]
            matched = parts[WORDS] > 0
        for name, (vector, weight) in usable.items():
            parts[name] = self._vector_part(self.signals[name], vector, rows)
            shares[name] = weight
        scores = weigh(parts, shares, len(rows))
        senseless = "meaning" in nearest and nearest["meaning"][1].max(initial=-1.0) < self.floor
        said = {one.signal for one in asked.given}
        if self.sight is not None and "looks" in nearest and nearest["looks"][1].max(initial=-1.0) >= self.sight:
            said.add("looks")
        telling = [part for name, part in parts.items() if name != WORDS and (name in said or not senseless)]
        kept = matched | _near(telling, len(rows))
        if found is not None and self._words is not None:
            kept &= self._words.wanted(found.query, rows, matched)
        order = np.flatnonzero(kept)
        order = order[np.lexsort((rows[order], -scores[order]))][:k]
        return Candidates(
            rows[order],
            scores[order],
            {name: part[order] for name, part in parts.items()},
            matched[order],
            found.query if found is not None else None,
            found.total if found is not None else 0,
            float(found.coverage.max(initial=0.0)) if found is not None else 0.0,
        )

    def parts(self, asked: Asked, rows: RowNumbers) -> dict[str, Floats]:
        """What each signal says of these products, on the scale of `Candidates.parts`: to learn a blend from."""
        found = self.by_words(asked, DEPTH)
        parts = {WORDS: self._words.part(found, rows)} if found is not None and self._words is not None else {}
        for name, (vector, _) in self._vectors(asked, texts=True).items():
            parts[name] = self._vector_part(self.signals[name], vector, rows)
        return parts

    def by_words(self, asked: Asked, depth: int, allowed: Mask | None = None) -> ByWords | None:
        """The `depth` best products that words find; None when there is no word in the text."""
        if self._words is None or not asked.text:
            return None
        return self._words.find(asked, self._meanings(asked), self.lexicon, depth, allowed)

    def coverage(self, asked: Asked) -> Floats:
        """How much of the words each product has, whatever is allowed; 0 where words do not find it. float32 [rows],
        not to be written to; products beyond its end are not found."""
        if self._words is None or not asked.text:
            return np.zeros(0, np.float32)
        return self._words.coverage(asked, self._meanings(asked), self.lexicon)

    def _meanings(self, asked: Asked) -> list[str]:
        return self.reader.english(asked.text) if self.reader is not None else []

    def _by_vectors(
        self, asked: Asked, weights: Mapping[str, float], depth: int, allowed: Mask | None, *, texts: bool = True
    ) -> tuple[dict[str, tuple[Floats, float]], dict[str, tuple[RowNumbers, Floats]]]:
        """What signals that count are asked with and how much that counts, and what each finds."""
        vectors = self._vectors(asked, texts=texts)
        usable = {
            name: (vector, weight * weights[name]) for name, (vector, weight) in vectors.items() if weights.get(name)
        }
        return usable, {name: self._nearest(name, vector, depth, allowed) for name, (vector, _) in usable.items()}

    def _vectors(self, asked: Asked, *, texts: bool) -> dict[str, tuple[Floats, float]]:
        """What each signal is asked with, and how much it counts: several vectors of one signal are added up."""
        asking: dict[str, list[tuple[Floats, float]]] = {}
        for one in asked.given:
            if one.signal in self.signals:
                asking.setdefault(one.signal, []).append((np.asarray(one.vector, np.float32), one.weight))
        if texts and asked.text.strip():
            for name, vector in self._read(asked.text, asking):
                if vector.shape == (self.signals[name].size,):  # else products are being read anew, by a newer network
                    asking[name] = [(vector, 1.0)]
        together = {}
        for name, vectors in asking.items():
            if not len(self.signals[name]):
                continue
            size = self.signals[name].size
            total = np.zeros(size, np.float32)
            for vector, weight in vectors:
                total += np.float32(weight) * self.signals[name].checked(vector)
            total /= np.float32(max(sum(abs(weight) for _, weight in vectors), 1e-6))
            together[name] = total, max(abs(weight) for _, weight in vectors)
        return together

    def _read(self, text: str, asking: Mapping[str, object]) -> Iterator[tuple[str, Floats]]:
        """What a text asks the signals that nothing was given for."""
        wanted = self.signals.keys() - asking.keys()
        if self.reader is not None and "meaning" in wanted:
            yield "meaning", self.reader.read([text])[0]
        for name, space in (("looks", self.space), ("attributes", self.spoken)):
            if space is not None and name in wanted:
                yield name, space.text_vectors([text])[0]

    def _nearest(self, name: str, vector: Floats, depth: int, allowed: Mask | None) -> tuple[RowNumbers, Floats]:
        """What one signal finds, by a product's own vector and by its views; a row may come twice."""
        signal = self.signals[name]
        rows, scores = signal.search(vector, depth, allowed)
        views = self._views(signal)
        if views is not None:
            also, theirs = views.search(vector, depth, allowed, signal.rescore)
            rows, scores = np.concatenate([rows, also]), np.concatenate([scores, theirs])
        return rows, scores

    def _views(self, signal: VectorSignal) -> Views | None:
        found = self.views.get(signal.name)
        return found if found is not None and found.size == signal.size else None  # else products are being read anew

    def _vector_part(self, signal: VectorSignal, vector: Floats, rows: RowNumbers) -> Floats:
        usual, spread = signal.usual(vector)
        scores, views = signal.score(vector, rows), self._views(signal)
        if views is not None:
            scores = np.fmax(scores, views.score(vector, rows, signal.rescore))
        part: Floats = ((scores - usual) / (spread * SPREAD)).astype(np.float32)
        return part


def _near(parts: Sequence[Floats], count: int) -> Mask:
    """Products that a vector alone finds and that are worth showing. [count]"""
    near = np.zeros(count, bool)
    for part in parts:
        near |= part >= NEAR * max(float(np.fmax.reduce(part, initial=-np.inf)), LEAST)  # NaN is not
    return near
