"""Words → photos: the photos of products that nobody described, searched by what shoppers type.

Aligns on split train (photo, title, attributes), searches the photos of split test. Beside it the untrained bridge.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.features.align.examples import Lessons
from shoplens.features.align.facets import described
from shoplens.features.align.training import train_alignment
from shoplens.learning.search_benchmark_data import Progress
from shoplens.learning.search_metrics import figures_by_language, timed_scores
from shoplens.learning.search_photographed import Photographed


def bench_text_photo(
    folder: Path,
    *,
    cache: Path,
    text: str,
    image: str,
    queries: Path | None = None,
    qrels: Path | None = None,
    photos: Path | None = None,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Figures as `shoplens bench search --task text-photo` prints them. `text`, `image`: names of encoders."""
    shop = Photographed.read(
        folder, cache=cache, text=text, image=image, queries=queries, qrels=qrels, photos=photos, threads=threads,
        progress=progress,
    )  # fmt: skip
    data, reader, bridge, first = shop.data, shop.reader, shop.bridge, shop.learnt
    lessons = Lessons(
        shop.photos.take(first),
        shop.has_photo[first],
        [product.title for product in data.learn],
        [described(product) for product in data.learn],
    )
    began = time.perf_counter()
    alignment, report = train_alignment(
        lessons, reader, bridge, one_network=shop.one_network, seed=seed, progress=progress
    )
    seconds = time.perf_counter() - began
    searched = shop.photos.take(~first)
    held = alignment.photo_vectors(searched)
    unseen = np.flatnonzero(~shop.has_photo[~first])  # products without a photo cannot be found by one

    def ask(query: str) -> Any:
        scores = alignment.rescore(alignment.text_vectors([query]), held)[0]
        scores[unseen] = -np.inf
        return scores

    reader.forget()
    scores, times = timed_scores(ask, data.queries)
    outcome = {
        "task": "text-photo",
        "data": data.name,
        **figures_by_language(scores, data.gains, data.languages),
        **times,
    }
    if bridge is not None:
        outcome["zero_shot"] = figures_by_language(
            bridge.text_vectors(data.queries) @ bridge.photo_vectors(searched.image).T, data.gains, data.languages
        )
    outcome["index_only"] = figures_by_language(
        alignment.text_vectors(data.queries) @ held.T, data.gains, data.languages
    )
    without = alignment.without_lexicon()
    outcome["without_lexicon"] = figures_by_language(
        without.rescore(without.text_vectors(data.queries), held), data.gains, data.languages
    )
    return outcome | {
        "train_seconds": round(seconds, 1),
        "train": report.as_dict(),
        "encoders": {"text": text, "image": image},
        "photos": len(held),
        "seed": seed,
    }
