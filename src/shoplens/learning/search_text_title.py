"""Words → titles: products found by their title alone; words that match, meaning, and the attributes both speak of.

What each part counts is found on split train, with phrases made from its attributes; split test is only searched.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from copy import copy
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import EncoderOptions, Vectors, open_encoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.features.align.alignment import TEXT_SCALE, Photos, evidence, parts_of
from shoplens.features.align.blending import RARITY, first_blend
from shoplens.features.align.examples import Lessons, Material
from shoplens.features.align.facets import Facet, described
from shoplens.features.align.glosses import Glossary, glossary
from shoplens.features.align.head_training import fit_heads
from shoplens.features.align.lexicon import built_in, plain
from shoplens.features.align.networks import Network
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import TEXT
from shoplens.features.align.validation import Questions, make_questions, ndcg
from shoplens.learning.search_benchmark_data import Progress, read_search_data
from shoplens.learning.search_metrics import figures_by_language, timed_scores

Floats = npt.NDArray[np.float32]

SATURATION, LENGTH = 1.2, 0.75  # k₁ and b of BM25, as everywhere
STEPS = 5  # of a share, from 0 to 1
OTHER_WORDS = (0.0, 0.3, 0.6)  # what another name of the same thing counts beside the very word
LEARN_AT_MOST = 8_000  # products

_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class TitleBlend:
    """How much each part counts; the first three add up to 1."""

    words: float  # BM25
    meaning: float  # cosine of the encoder's vectors
    attributes: float  # what both speak of
    other_words: float  # weight of another name of the same thing in BM25

    @property
    def shares(self) -> Floats:
        """In the order of `TitleSearch.parts`."""
        return np.array([self.words, self.meaning, self.attributes], np.float32)


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


@dataclass(frozen=True, slots=True)
class TitleReader:
    """What reads queries and titles alike: meaning, and the attributes they speak of."""

    reader: Reader
    means: LanguageMeans  # of titles as products' texts
    heads: Network
    facets: tuple[Facet, ...]

    def titles(self, titles: Sequence[str]) -> tuple[Vectors, Floats]:
        """Vectors [titles, encoder], and which values titles speak of: log m_v, see `features.align.alignment`."""
        vectors = self.means.centre_texts(self.reader.encoder.encode(titles), titles)
        return vectors, evidence(self._values(titles), self.facets, RARITY)

    def attributes(self, query: str, spoken: Floats) -> Floats:
        """How well titles fit what a query says of attributes. float32 [titles]."""
        asked = self._values([query])[0]
        total = np.zeros(len(spoken), np.float32)
        weights = first_blend(self.facets, direct=False).facets
        for weight, part in zip(weights, parts_of(self.facets), strict=True):
            total += np.float32(weight) * np.log(np.maximum(np.exp(spoken[:, part]) @ asked[part], 1e-12))
        return total

    def _values(self, texts: Sequence[str]) -> Floats:
        return self.heads.probabilities(self.reader.read(texts) * np.float32(TEXT_SCALE), parts_of(self.facets))


class TitleSearch:
    """Titles, searched by words, meaning and attributes; each scaled by its own spread over the titles."""

    def __init__(self, titles: Sequence[str], reads: TitleReader, dictionary: Glossary) -> None:
        self._index = TitleIndex(titles)
        self._vectors, self._spoken = reads.titles(titles)
        self._reads = reads
        self._dictionary = dictionary

    def parts(self, query: str, other_words: float) -> Floats:
        """Words, meaning and attributes, each scaled. float32 [3, titles]."""
        words = self._index.scores(query_terms(query, self._dictionary, other_words))
        meaning = self._vectors @ self._reads.reader.read([query])[0]
        return np.stack([_scaled(one) for one in (words, meaning, self._reads.attributes(query, self._spoken))])

    def score(self, query: str, blend: TitleBlend) -> Floats:
        """float32 [titles], higher fits better."""
        total: Floats = blend.shares @ self.parts(query, blend.other_words)
        return total

    def plainly(self) -> TitleSearch:
        """The same titles, Chinese read by the dictionary alone."""
        other = copy(self)
        other._dictionary = replace(self._dictionary, lexicon=None)
        other._reads = replace(self._reads, reader=self._reads.reader.through(other._dictionary))
        return other


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
    encoder: Any = open_encoder(text, EncoderOptions(cache, threads=threads, modality="text"))
    dictionary = glossary()
    tell = progress or (lambda _what, _done, _total: None)
    began = time.perf_counter()
    reads, blend = _learn(data.learn, Reader(encoder, glossary=dictionary), dictionary, seed, tell)
    seconds = time.perf_counter() - began
    tell("read the titles that are searched", 0, 1)
    search = TitleSearch([product.title for product in data.gallery], reads, dictionary)
    tell("read the titles that are searched", 1, 1)
    reads.reader.forget()
    scores, times = timed_scores(lambda query: search.score(query, blend), data.queries)
    plainly = search.plainly()
    without = np.stack([plainly.score(query, replace(blend, other_words=0.0)) for query in data.queries])
    return {
        "task": "text-title",
        "data": data.name,
        **figures_by_language(scores, data.gains, data.languages),
        **times,
        "without_lexicon": figures_by_language(without, data.gains, data.languages),
        "train_seconds": round(seconds, 1),
        "train": asdict(blend),
        "encoders": {"text": text},
        "titles": len(data.gallery),
        "seed": seed,
    }


def _learn(
    products: Sequence[Product], reader: Reader, dictionary: Glossary, seed: int, tell: Progress
) -> tuple[TitleReader, TitleBlend]:
    """Attributes from titles on four fifths of the products, the shares on phrases about the last fifth; then all."""
    random = np.random.default_rng(seed)
    chosen = [products[row] for row in random.permutation(len(products))[:LEARN_AT_MOST]]
    titles = [product.title for product in chosen]
    nothing = Photos(np.zeros((len(chosen), 0), np.float32))
    lessons = Lessons(nothing, np.ones(len(chosen), bool), titles, [described(product) for product in chosen])
    material = Material.gather(lessons, built_in(), reader, random, tell)
    means = LanguageMeans.estimate(reader.encoder.encode(titles), languages_of(titles))
    held = random.random(len(chosen)) < 0.2
    words, rows = material.spoken(~held)
    said, said_rows = material.spoken(held)
    check = (said, material.codes[said_rows])
    tell("learn attributes from titles", 0, 2)
    trial = fit_heads(words, rows, material.codes, material.parts, TEXT, seed=seed, check=check)
    reads = TitleReader(reader, means, trial.network, material.facets)
    questions = make_questions(material.phrases, material.codes[held], [], random)
    blend = _find_blend(TitleSearch(lessons.titled(held), reads, dictionary), list(questions.values()))
    tell("learn attributes from titles", 1, 2)
    words, rows = material.spoken(np.ones(len(chosen), bool))
    final = fit_heads(words, rows, material.codes, material.parts, replace(TEXT, epochs=trial.epochs), seed=seed + 1)
    tell("learn attributes from titles", 2, 2)
    return replace(reads, heads=final.network), blend


def _find_blend(search: TitleSearch, questions: Sequence[Questions]) -> TitleBlend:
    """The best of a coarse grid on phrases about products that nothing was learnt from."""
    best, found = -1.0, TitleBlend(0.4, 0.6, 0.0, 0.0)
    for other in OTHER_WORDS:
        parts = [np.stack([search.parts(text, other) for text in asked.texts], axis=1) for asked in questions]
        for words in range(STEPS + 1):
            for meaning in range(STEPS + 1 - words):
                blend = TitleBlend(words / STEPS, meaning / STEPS, (STEPS - words - meaning) / STEPS, other)
                ranked = [np.einsum("p,pqt->qt", blend.shares, part) for part in parts]
                value = float(np.mean([ndcg(one, asked.answers) for one, asked in zip(ranked, questions, strict=True)]))
                if value > best:
                    best, found = value, blend
    return found


def _scaled(scores: npt.NDArray[np.floating]) -> Floats:
    spread = float(scores.std())
    scaled: Floats = ((scores - scores.mean()) / (spread if spread > 1e-9 else 1.0)).astype(np.float32)
    return scaled
