"""Words → products with a title and a photo: both together, beside each alone, through the search that serves.

The space of words and photos, what titles say of attributes, and what each part counts are learnt on split train.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import Vectors
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.features.align.alignment import Alignment, Photos
from shoplens.features.align.bridge import Bridge
from shoplens.features.align.captions import Phrases
from shoplens.features.align.examples import Lessons
from shoplens.features.align.facets import codes_of, described
from shoplens.features.align.lexicon import built_in
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import LEAST_PAIRS, train_alignment
from shoplens.features.align.validation import make_questions
from shoplens.learning.search_benchmark_data import Progress
from shoplens.learning.search_gallery import Gallery, asked_all, judged_questions, only, reweighed
from shoplens.learning.search_photographed import Photographed
from shoplens.retrieval.attributes import SpokenAttributes
from shoplens.retrieval.blend import WORDS, Blend, BlendReport, fit_blend
from shoplens.retrieval.lexical.document import Document

HELD = 0.2  # share of split train that the blend is learnt on


@dataclass(frozen=True, slots=True, eq=False)
class _Shop:
    """Products row by row, as encoders see them."""

    titles: Sequence[str]
    vectors: Vectors  # of titles, as the encoder makes them
    photos: Photos
    has_photo: npt.NDArray[np.bool_]

    def take(self, rows: npt.NDArray[np.bool_]) -> _Shop:
        """Some of them."""
        titles = [title for title, chosen in zip(self.titles, rows, strict=True) if chosen]
        return _Shop(titles, self.vectors[rows], self.photos.take(rows), self.has_photo[rows])

    def gallery(self, alignment: Alignment, means: LanguageMeans, item_ids: Sequence[str] | None = None) -> Gallery:
        """Behind the search, with what an alignment says of titles and photos."""
        ids = item_ids if item_ids is not None else [str(row) for row in range(len(self.titles))]
        spoken = SpokenAttributes.of(alignment)
        return Gallery(
            [Document(item_id=item_id, title=title) for item_id, title in zip(ids, self.titles, strict=True)],
            {
                "meaning": means.centre_texts(self.vectors, self.titles),
                "attributes": spoken.product_vectors(alignment.reader.read(self.titles)),
                "looks": alignment.photo_vectors(self.photos),
            },
            alignment.reader,
            {"looks": self.has_photo},
            {"attributes": spoken.rescore, "looks": lambda asked, held: alignment.rescore(asked[None], held)[0]},
            alignment,
            spoken,
        )


def bench_text_product(
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
    """Figures as `shoplens bench search --task text-product` prints them. `text`, `image`: names of encoders."""
    shop = Photographed.read(
        folder, cache=cache, text=text, image=image, queries=queries, qrels=qrels, photos=photos, threads=threads,
        progress=progress,
    )  # fmt: skip
    data, reader, first = shop.data, shop.reader, shop.learnt
    titles = [product.title for product in shop.products]
    everything = _Shop(titles, shop.reads.encode(titles), shop.photos, shop.has_photo)
    began = time.perf_counter()
    learn = _Learner(
        everything.take(first), [described(product) for product in data.learn], reader, shop.bridge, shop.one_network,
        seed, progress,
    )  # fmt: skip
    blend, report = learn.blend()
    alignment = learn.alignment(np.ones(len(data.learn), bool))
    seconds = time.perf_counter() - began
    index = everything.take(~first).gallery(alignment, learn.means, [one.item_id for one in data.gallery]).index(blend)
    reader.forget()
    figures, times = asked_all(index, data.queries, data.gains, data.languages)
    beside = {
        "words_alone": reweighed(index, only(WORDS)),
        "title_alone": reweighed(index, blend, space=None),
        "photo_alone": reweighed(index, only("looks"), reader=None, spoken=None),
        "default_blend": reweighed(index, Blend()),
    }
    return {
        "task": "text-product",
        "data": data.name,
        **figures,
        **times,
        **{name: asked_all(other, data.queries, data.gains, data.languages)[0] for name, other in beside.items()},
        "train_seconds": round(seconds, 1),
        "train": {
            "blend": blend.as_dict(), "validation": {language: one.as_dict() for language, one in report.items()}
        },
        "encoders": {"text": text, "image": image},
        "products": len(data.gallery),
        "seed": seed,
    }  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Learner:
    """Split train, and what is learnt from it."""

    shop: _Shop
    values: Sequence[dict[str, tuple[str, ...]]]
    reader: Reader
    bridge: Bridge | None
    one_network: bool
    seed: int
    progress: Progress | None

    @property
    def means(self) -> LanguageMeans:
        """Of titles as products' texts."""
        return LanguageMeans.estimate(self.shop.vectors, languages_of(self.shop.titles))

    def alignment(self, rows: npt.NDArray[np.bool_]) -> Alignment:
        """Learnt from some of the products."""
        shop = self.shop.take(rows)
        values = [one for one, chosen in zip(self.values, rows, strict=True) if chosen]
        lessons = Lessons(shop.photos, shop.has_photo, shop.titles, values)
        return train_alignment(
            lessons, self.reader, self.bridge, one_network=self.one_network, seed=self.seed, progress=self.progress
        )[0]

    def blend(self) -> tuple[Blend, dict[str, BlendReport]]:
        """Learnt on phrases about products that the alignment used for it has not seen; the one that every shop starts
        with where there are too few products for that."""
        random = np.random.default_rng([self.seed, 2])
        held = random.random(len(self.values)) < HELD
        if (self.shop.has_photo & ~held).sum() < LEAST_PAIRS:
            return Blend(), {}
        trial = self.alignment(~held)
        codes = codes_of((one for one, out in zip(self.values, held, strict=True) if out), trial.facets)
        questions = make_questions(Phrases(trial.facets, built_in()), codes, [], random)
        index = self.shop.take(held).gallery(trial, self.means).index()
        return fit_blend(judged_questions(index, questions), seed=self.seed)
