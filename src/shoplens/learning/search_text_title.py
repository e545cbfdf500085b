"""Words → titles: products found by their title alone; words that match, meaning, and the attributes both speak of.

What each part counts is found on split train, with phrases made from its attributes; split test is only searched.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import EncoderOptions, Vectors, open_encoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.features.align.captions import Phrases
from shoplens.features.align.facets import choose_facets, codes_of, described
from shoplens.features.align.glosses import Glossary, glossary
from shoplens.features.align.lexicon import built_in, plain
from shoplens.features.align.reading import Reader
from shoplens.features.align.validation import make_questions, ndcg
from shoplens.learning.search_benchmark_data import Progress, read_search_data
from shoplens.learning.search_metrics import figures_by_language, timed_scores

Floats = npt.NDArray[np.float32]

SATURATION, LENGTH = 1.2, 0.75  # k₁ and b of BM25, as everywhere
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)  # of the words that match, the rest is meaning
OTHER_WORDS = (0.0, 0.3, 0.6)  # what another name of the same thing counts beside the very word
LEARN_AT_MOST = 3_000  # products that the shares are found on

_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class TitleBlend:
    """How much each part counts."""

    words: float  # share of BM25; 1 - words is meaning
    other_words: float  # weight of another name of the same thing


class TitleIndex:
    """BM25 (Robertson and Zaragoza 2009) over singular words, Chinese in pairs of letters."""

    def __init__(self, titles: Sequence[str]) -> None:
        self._places: dict[str, int] = {}
        rows, columns = [], []
        for row, title in enumerate(titles):
            for term in terms_of(title):
                rows.append(row)
                columns.append(self._places.setdefault(term, len(self._places)))
        shape = (len(titles), max(len(self._places), 1))
        counts = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape)
        lengths = np.asarray(counts.sum(1)).ravel()
        counts = counts.tocoo()
        found = np.bincount(counts.col, minlength=shape[1])
        rarity = np.log1p((len(titles) - found + 0.5) / (found + 0.5))
        damped = SATURATION * (1 - LENGTH + LENGTH * lengths[counts.row] / max(lengths.mean(), 1e-6))
        values = rarity[counts.col] * counts.data * (SATURATION + 1) / (counts.data + damped)
        self._matrix = sparse.csr_matrix((values.astype(np.float32), (counts.row, counts.col)), shape).T.tocsr()

    def scores(self, weights: dict[str, float]) -> Floats:
        """Scores of all titles for weighted terms. float32 [titles]."""
        known = [(self._places[term], weight) for term, weight in weights.items() if term in self._places]
        total = np.zeros(self._matrix.shape[1], np.float32)
        for place, weight in known:
            begin, end = self._matrix.indptr[place : place + 2]
            total[self._matrix.indices[begin:end]] += np.float32(weight) * self._matrix.data[begin:end]
        return total


def terms_of(text: str) -> list[str]:
    """Singular words; Chinese as overlapping pairs of letters."""
    terms = []
    for word in plain(text).split():
        if _HAN.search(word):
            terms += [word[start : start + 2] for start in range(max(len(word) - 1, 1))]
        else:
            terms.append(word)
    return terms


def query_terms(text: str, dictionary: Glossary, other_words: float) -> dict[str, float]:
    """Terms of a query and their weights: its own words, or what Chinese ones mean; other names count less."""
    ways = dictionary.english(text) or [text]
    weights = dict.fromkeys((*terms_of(text), *terms_of(ways[0])), 1.0)
    if not other_words:
        return weights
    more = [term for way in ways[1:] for term in terms_of(way)]
    for way in ways:
        for piece in built_in().pieces(plain(way).split()):
            if not isinstance(piece, str):
                more += [term for name in piece.english for term in terms_of(name)]
    for term in more:
        weights.setdefault(term, other_words / max(len(set(more)), 1) ** 0.5)
    return weights


class TitleSearch:
    """Titles, searched by words and by meaning; both scaled by their own spread over the titles."""

    def __init__(self, titles: Sequence[str], vectors: Vectors, reader: Reader, dictionary: Glossary) -> None:
        self._index = TitleIndex(titles)
        self._vectors = vectors
        self._reader = reader
        self._dictionary = dictionary

    def parts(self, query: str, other_words: float) -> tuple[Floats, Floats]:
        """Words and meaning, each scaled. float32 [titles] each."""
        words = self._index.scores(query_terms(query, self._dictionary, other_words))
        return _scaled(words), _scaled(self._vectors @ self._reader.read([query])[0])

    def score(self, query: str, blend: TitleBlend) -> Floats:
        """float32 [titles], higher fits better."""
        words, meaning = self.parts(query, blend.other_words)
        total: Floats = np.float32(blend.words) * words + np.float32(1 - blend.words) * meaning
        return total


def bench_text_title(
    folder: Path,
    *,
    cache: Path,
    text: str,
    queries: Path | None = None,
    qrels: Path | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Figures as `shoplens bench search --task text-title` prints them. `text`: name of the encoder of texts."""
    data = read_search_data(folder, queries, qrels)
    reads: Any = open_encoder(text, EncoderOptions(cache, threads=threads, modality="text"))
    dictionary = glossary()
    tell = progress or (lambda _what, _done, _total: None)
    began = time.perf_counter()
    random = np.random.default_rng(seed)
    learn = [data.learn[row] for row in random.permutation(len(data.learn))[:LEARN_AT_MOST]]
    titles = [product.title for product in data.gallery]
    tell("read titles", 0, 2)
    own = reads.encode([product.title for product in learn])
    tell("read titles", 1, 2)
    searched = reads.encode(titles)
    tell("read titles", 2, 2)
    means = LanguageMeans.estimate(own, languages_of([product.title for product in learn]))
    reader, questions = _learn_means(learn, reads, dictionary, random)
    trial = TitleSearch(
        [product.title for product in learn], means.centre_texts(own, [one.title for one in learn]), reader, dictionary
    )
    blend = _find_blend(trial, questions)
    seconds = time.perf_counter() - began
    search = TitleSearch(titles, means.centre_texts(searched, titles), reader, dictionary)
    reader.forget()
    scores, times = timed_scores(lambda query: search.score(query, blend), data.queries)
    alone = replace(dictionary, lexicon=None)
    plainly = TitleSearch(titles, means.centre_texts(searched, titles), reader.through(alone), alone)
    without = np.stack([plainly.score(query, replace(blend, other_words=0.0)) for query in data.queries])
    return {
        "task": "text-title",
        "data": data.name,
        **figures_by_language(scores, data.gains, data.languages),
        **times,
        "without_lexicon": figures_by_language(without, data.gains, data.languages),
        "train_seconds": round(seconds, 1),
        "train": {"words": blend.words, "other_words": blend.other_words},
        "encoders": {"text": text},
        "titles": len(titles),
        "seed": seed,
    }


def _learn_means(
    learn: Sequence[Product], encoder: Any, dictionary: Glossary, random: np.random.Generator
) -> tuple[Reader, list[tuple[list[str], npt.NDArray[np.bool_]]]]:
    """A reader whose means come from phrases about the shop's products, and such phrases with their answers."""
    values = [described(product) for product in learn]
    facets = choose_facets(values)
    codes = codes_of(values, facets)
    phrases = Phrases(facets, built_in())
    reader = Reader(encoder, glossary=dictionary)
    spoken = [phrases.caption(row, language, random) for row in codes for language in ("en", "zh")]
    texts = sorted({caption.text for caption in spoken if caption is not None})
    reader.learn_means(texts)
    questions = make_questions(phrases, codes, [], random)
    return reader, [(one.texts, one.answers) for one in questions.values()]


def _find_blend(search: TitleSearch, questions: list[tuple[list[str], npt.NDArray[np.bool_]]]) -> TitleBlend:
    """The best of a coarse grid on phrases about products that are not searched later."""
    best, found = -1.0, TitleBlend(0.4, 0.0)
    for other in OTHER_WORDS:
        parts = [np.stack([search.parts(text, other) for text in texts], axis=1) for texts, _ in questions]
        for share in SHARES:
            ranked = [share * words + (1 - share) * meaning for words, meaning in parts]
            value = float(np.mean([ndcg(one, right) for one, (_, right) in zip(ranked, questions, strict=True)]))
            if value > best:
                best, found = value, TitleBlend(share, other)
    return found


def _scaled(scores: npt.NDArray[np.floating]) -> Floats:
    spread = float(scores.std())
    scaled: Floats = ((scores - scores.mean()) / (spread if spread > 1e-9 else 1.0)).astype(np.float32)
    return scaled
