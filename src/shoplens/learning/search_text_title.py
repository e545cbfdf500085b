"""Words → titles: products found by their title alone, through the search that serves (`retrieval.hybrid`).

What titles say of attributes, and what each part counts, is learnt on split train, with phrases made from its
attributes; split test is only searched.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import EncoderOptions, open_encoder
from shoplens.encoders.centring import LanguageMeans, languages_of
from shoplens.features.align.alignment import Photos
from shoplens.features.align.examples import Lessons, Material
from shoplens.features.align.facets import described
from shoplens.features.align.glosses import glossary
from shoplens.features.align.head_training import fit_heads
from shoplens.features.align.lexicon import built_in
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import TEXT
from shoplens.features.align.validation import make_questions
from shoplens.learning.search_benchmark_data import Progress, read_search_data
from shoplens.learning.search_gallery import Gallery, asked_all, judged_questions, only, reweighed
from shoplens.retrieval.attributes import SpokenAttributes
from shoplens.retrieval.blend import WORDS, Blend, BlendReport, fit_blend
from shoplens.retrieval.lexical.document import Document

Floats = npt.NDArray[np.float32]

LEARN_AT_MOST = 8_000  # products
HELD = 0.2  # share of them that the blend is learnt on


@dataclass(frozen=True, slots=True)
class TitleReader:
    """What reads titles and queries."""

    reader: Reader
    means: LanguageMeans  # of titles as products' texts
    spoken: SpokenAttributes

    def gallery(self, item_ids: Sequence[str], titles: Sequence[str]) -> Gallery:
        """Products that have nothing but a title."""
        return Gallery(
            [Document(item_id=item_id, title=title) for item_id, title in zip(item_ids, titles, strict=True)],
            {
                "meaning": self.means.centre_texts(self.reader.encoder.encode(titles), titles),
                "attributes": self.spoken.product_vectors(self.reader.read(titles)),
            },
            self.reader,
            rescores={"attributes": self.spoken.rescore},
            spoken=self.spoken,
        )


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
    tell = progress or (lambda _what, _done, _total: None)
    began = time.perf_counter()
    reads, blend, report = _learn(data.learn, Reader(encoder, glossary=glossary()), seed, tell)
    seconds = time.perf_counter() - began
    tell("read the titles that are searched", 0, 1)
    gallery = reads.gallery([one.item_id for one in data.gallery], [one.title for one in data.gallery])
    index = gallery.index(blend)
    tell("read the titles that are searched", 1, 1)
    reads.reader.forget()
    figures, times = asked_all(index, data.queries, data.gains, data.languages)
    plain = reads.reader.through(glossary(with_lexicon=False))
    without = reweighed(index, blend, reader=plain, spoken=replace(reads.spoken, reader=plain), lexicon=False)
    beside = {
        "words_alone": reweighed(index, only(WORDS)),
        "meaning_alone": reweighed(index, only("meaning")),
        "default_blend": reweighed(index, Blend(), spoken=None),
        "without_lexicon": without,
    }
    return {
        "task": "text-title",
        "data": data.name,
        **figures,
        **times,
        **{name: asked_all(other, data.queries, data.gains, data.languages)[0] for name, other in beside.items()},
        "train_seconds": round(seconds, 1),
        "train": {
            "blend": blend.as_dict(), "validation": {language: one.as_dict() for language, one in report.items()}
        },
        "encoders": {"text": text},
        "titles": len(data.gallery),
        "seed": seed,
    }  # fmt: skip


def _learn(
    products: Sequence[Product], reader: Reader, seed: int, tell: Progress
) -> tuple[TitleReader, Blend, dict[str, BlendReport]]:
    """Attributes from titles on four fifths of the products, the blend on phrases about the last fifth; then all."""
    random = np.random.default_rng(seed)
    chosen = [products[row] for row in random.permutation(len(products))[:LEARN_AT_MOST]]
    titles = [product.title for product in chosen]
    nothing = Photos(np.zeros((len(chosen), 0), np.float32))
    lessons = Lessons(nothing, np.ones(len(chosen), bool), titles, [described(product) for product in chosen])
    material = Material.gather(lessons, built_in(), reader, random, tell)
    means = LanguageMeans.estimate(reader.encoder.encode(titles), languages_of(titles))
    held = random.random(len(chosen)) < HELD
    words, rows = material.spoken(~held)
    said, said_rows = material.spoken(held)
    check = (said, material.codes[said_rows])
    tell("learn attributes from titles", 0, 2)
    trial = fit_heads(words, rows, material.codes, material.parts, TEXT, seed=seed, check=check)
    reads = TitleReader(reader, means, SpokenAttributes.learnt(material.facets, (trial.network,), reader))
    questions = make_questions(material.phrases, material.codes[held], [], random)
    tried = reads.gallery([str(row) for row in range(int(held.sum()))], lessons.titled(held)).index()
    blend, report = fit_blend(judged_questions(tried, questions), seed=seed)
    tell("learn attributes from titles", 1, 2)
    words, rows = material.spoken(np.ones(len(chosen), bool))
    final = fit_heads(words, rows, material.codes, material.parts, replace(TEXT, epochs=trial.epochs), seed=seed + 1)
    tell("learn attributes from titles", 2, 2)
    learnt = SpokenAttributes.learnt(material.facets, (final.network,), reader)
    return replace(reads, spoken=learnt), blend, report
