"""Words → photos: the photos of products that nobody described, searched by what shoppers type.

Aligns on split train (photo, title, attributes), searches the photos of split test. Beside it the untrained bridge.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.encoders.base import EncoderOptions, TextEncoder, open_encoder
from shoplens.features.align.alignment import Photos
from shoplens.features.align.bridge import bridge_of, one_network
from shoplens.features.align.examples import Lessons
from shoplens.features.align.facets import described
from shoplens.features.align.glosses import glossary
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import train_alignment
from shoplens.learning.search_benchmark_data import Progress, photo_vectors, read_search_data
from shoplens.learning.search_metrics import figures_by_language, timed_scores


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
    data = read_search_data(folder, queries, qrels)
    reads: Any = open_encoder(text, EncoderOptions(cache, threads=threads, modality="text"))
    looks = open_encoder(image, EncoderOptions(cache, threads=threads, modality="image"))
    colours = open_encoder("colour", EncoderOptions(cache))
    products = [*data.learn, *data.gallery]
    vectors, has = photo_vectors(products, photos or folder / "images.zip", [looks, colours], cache, progress)
    everything = Photos(vectors["image"], vectors["colour"])
    first = np.arange(len(products)) < len(data.learn)
    lessons = Lessons(
        everything.take(first),
        has[first],
        [product.title for product in data.learn],
        [described(product) for product in data.learn],
    )
    texts: TextEncoder = reads
    reader = Reader(texts, glossary=glossary())
    bridge = bridge_of(looks, reader)
    began = time.perf_counter()
    alignment, report = train_alignment(
        lessons, reader, bridge, one_network=one_network(looks, texts), seed=seed, progress=progress
    )
    seconds = time.perf_counter() - began
    searched = everything.take(~first)
    held = alignment.photo_vectors(searched)
    unseen = np.flatnonzero(~has[~first])  # products without a photo cannot be found by one

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
