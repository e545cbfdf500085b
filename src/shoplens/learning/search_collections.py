"""Words → everything that products say, on published collections: see `learning.search_judged`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from shoplens.encoders.base import EncoderOptions, open_encoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.features.align.glosses import glossary
from shoplens.features.align.reading import Reader
from shoplens.learning.search_benchmark_data import Progress
from shoplens.learning.search_gallery import ASKED, Gallery, only, reweighed
from shoplens.learning.search_judged import JudgedQuery, JudgedSearches, read_esci, read_wands
from shoplens.learning.search_metrics import Ranking, rankings_by_language, timed
from shoplens.retrieval.asked import Asked
from shoplens.retrieval.blend import WORDS, Judged, fit_blend
from shoplens.retrieval.documents import document_of
from shoplens.retrieval.hybrid import HybridIndex
from shoplens.retrieval.query_means import query_means

AT_ONCE = 512  # products that are read between two words about progress


def bench_collection(
    folder: Path,
    format: Literal["wands", "esci"],  # noqa: A002 - the option's name
    *,
    cache: Path,
    text: str,
    locale: str | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Figures as `shoplens bench search --format wands` and `--format esci` print them.

    The figures at the top are those of the blend that every shop starts with, or of one learnt on the collection's
    training queries, where it has such and validation on them says that it is better than words alone.
    """
    searches = read_wands(folder) if format == "wands" else read_esci(folder, locale=locale)
    encoder: Any = open_encoder(text, EncoderOptions(cache, threads=threads, modality="text"))
    tell = progress or (lambda _what, _done, _total: None)
    texts = [product.text for product in searches.products]
    parts = []
    for start in range(0, len(texts), AT_ONCE):
        parts.append(encoder.encode(texts[start : start + AT_ONCE]))
        tell("read the products", min(start + AT_ONCE, len(texts)), len(texts))
    vectors, languages = np.concatenate(parts), languages_of(texts)
    means = query_means(encoder, [product.title for product in searches.products], seed=seed)
    index = Gallery(
        [document_of(product) for product in searches.products],
        {"meaning": LanguageMeans.estimate(vectors, languages).centre(vectors, languages)},
        Reader(encoder, glossary=glossary(), means=means),
    ).index()
    outcome: dict[str, Any] = {}
    if searches.learn:
        blend, report = fit_blend(_judged(index, searches.learn), seed=seed)
        outcome["train"] = {
            "blend": blend.as_dict(), "validation": {language: one.as_dict() for language, one in report.items()}
        }  # fmt: skip
        outcome["default_blend"] = _figures(index, searches)[0]
        index = reweighed(index, blend)
    figures, times = _figures(index, searches)
    return {
        "task": "text-product",
        "data": searches.name,
        "format": format,
        "protocol": searches.protocol,
        **figures,
        **times,
        **outcome,
        "words_alone": _figures(reweighed(index, only(WORDS)), searches)[0],
        "meaning_alone": _figures(reweighed(index, only("meaning")), searches)[0],
        "encoders": {"text": text},
        "products": len(searches.products),
        "seed": seed,
    }


def _figures(index: HybridIndex, searches: JudgedSearches) -> tuple[dict[str, Any], dict[str, float]]:
    """Figures of all queries, and how long one takes."""
    rankings, times = timed(lambda query: _ranking(index, query, among_judged=searches.among_judged), searches.queries)
    return rankings_by_language(rankings, [query.language for query in searches.queries]), times


def _ranking(index: HybridIndex, query: JudgedQuery, *, among_judged: bool) -> Ranking:
    """How one query is answered."""
    gains = dict(zip((query.rows + 1).tolist(), query.gains.tolist(), strict=True))
    allowed = None
    if among_judged:
        allowed = np.zeros(int(query.rows.max()) + 2, bool)
        allowed[query.rows + 1] = True
    found = index.search(Asked(text=query.text), max(ASKED, len(query.rows)) if among_judged else ASKED, allowed)
    rows = found.rows.tolist()
    if among_judged and rows:  # all are ordered; those that nothing finds come last
        rows += [row for row in gains if row not in set(rows)]
    answered = np.array([gains.get(row, 0.0) for row in rows], np.float32)
    return Ranking(answered, query.gains[query.gains > 0])


def _judged(index: HybridIndex, queries: Sequence[JudgedQuery]) -> list[Judged]:
    return [
        Judged(query.language, index.parts(Asked(text=query.text), query.rows + 1), query.gains) for query in queries
    ]
