"""A photo and words that change it ("like this but in red"): composed as the shop does it, and what is simpler.

    python -m benchmarks.quality.composition FOLDER [--queries 300] [--change colour] [--alignment KEPT]

FOLDER is laid out as for `shoplens bench search`. Photos and words are aligned on products with split train; questions
are photos of products with split test and another value of one attribute that at least three products of the same kind
have, said in English and in Chinese. Right is what is of the same kind (the narrowest category) and has that value; the
photo itself is no answer. Only photos are searched, so nothing but looks tells. Prints one JSON object: NDCG at 10 and
the share of questions with a hit in ten for the photo alone, the words alone, the sum of both on one scale, and the
composed question. `--alignment`: a folder in which what was learnt is kept for the next run.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import EncoderOptions, open_encoder
from shoplens.features.align.alignment import Alignment, Photos
from shoplens.features.align.bridge import bridge_of, one_network
from shoplens.features.align.captions import spoken
from shoplens.features.align.composing import Composer
from shoplens.features.align.examples import Lessons
from shoplens.features.align.facets import described
from shoplens.features.align.glosses import glossary
from shoplens.features.align.lexicon import built_in
from shoplens.features.align.networks import Floats, unit_rows
from shoplens.features.align.reading import Reader
from shoplens.features.align.training import train_alignment
from shoplens.features.align.validation import measure
from shoplens.features.align.versions import Learnt, load_alignment, save_alignment
from shoplens.learning.search_benchmark_data import photo_vectors, read_search_data
from shoplens.service.settings import Settings
from shoplens.service.workspace import Workspace

LEAST = 3  # products that answer a question
SAID = {"en": "in {}", "zh": "要{}的"}


@dataclass(frozen=True, slots=True)
class Questions:
    """Photos and what is to be different about them."""

    photos: list[int]  # rows of the searched products
    words: dict[str, list[str]]  # language → what is said
    answers: npt.NDArray[np.bool_]  # [questions, products]


def ask(products: list[Product], change: str, most: int, seed: int) -> Questions:
    """Questions about `change`, an attribute; each photo asks once."""
    random = np.random.default_rng(seed)
    kinds = [product.category[-1] if product.category else "" for product in products]
    values = [product.attributes.get(change, ("",))[0] for product in products]
    counts = Counter(zip(kinds, values, strict=True))
    photos: list[int] = []
    wanted: list[str] = []
    words: dict[str, list[str]] = {language: [] for language in SAID}
    for row in random.permutation(len(products)).tolist():
        others = [
            value
            for (kind, value), many in counts.items()
            if kind == kinds[row] and value not in ("", values[row]) and many >= LEAST
        ]
        if not others or not values[row]:
            continue
        value = others[int(random.integers(len(others)))]
        names = spoken(value, built_in())
        if not all(names[language] for language in SAID):
            continue
        photos.append(row)
        wanted.append(value)
        for language, sentence in SAID.items():
            words[language].append(sentence.format(names[language][0]))
        if len(photos) == most:
            break
    same_kind = np.asarray(kinds)[photos][:, None] == np.asarray(kinds)[None]
    answers = same_kind & (np.asarray(wanted)[:, None] == np.asarray(values)[None])
    return Questions(photos, words, answers)


def compare(alignment: Alignment, searched: Photos, questions: Questions) -> dict[str, dict[str, dict[str, float]]]:
    """Way of asking → language → figures."""
    held = alignment.photo_vectors(searched)
    rows = questions.photos
    pictures = unit_rows(searched.image)
    alike = pictures[rows] @ pictures.T
    composer = Composer(alignment)
    found: dict[str, dict[str, dict[str, float]]] = {}
    for language, words in questions.words.items():
        said = alignment.rescore(alignment.text_vectors(words), held)
        composed = [composer([held[row]], text) for row, text in zip(rows, words, strict=True)]
        asked = np.stack([one for one in composed if one is not None])
        ways = {
            "photo": alike,
            "words": said,
            "sum": _scaled(alike) + _scaled(said),
            "composed": alignment.rescore(asked, held),
        }
        for way, scores in ways.items():
            figures = measure(_without_own(scores, rows), questions.answers)
            found.setdefault(way, {})[language] = {"ndcg@10": round(figures.ndcg, 4), "hit@10": round(figures.hit, 4)}
    return found


def _without_own(scores: Floats, rows: list[int]) -> Floats:
    """The photo that asks is no answer."""
    others = scores.copy()
    others[np.arange(len(rows)), rows] = -np.inf
    return others


def _scaled(scores: Floats) -> Floats:
    """Each question's scores with mean 0 and deviation 1."""
    scaled: Floats = (scores - scores.mean(1, keepdims=True)) / np.maximum(scores.std(1, keepdims=True), 1e-6)
    return scaled


def run(folder: Path, change: str, most: int, kept: Path | None, seed: int) -> dict[str, Any]:
    """Learn (or open what was learnt), ask, compare."""
    data = read_search_data(folder)
    cache = Workspace(folder, Settings.read(None)).model_cache
    texts: Any = open_encoder("e5-small", EncoderOptions(cache, modality="text"))
    looks = open_encoder("efficientnet-lite2", EncoderOptions(cache, modality="image"))
    colours = open_encoder("colour", EncoderOptions(cache))
    products = [*data.learn, *data.gallery]
    vectors, has = photo_vectors(products, folder / "images.zip", [looks, colours], cache, _tell)
    photos, learn = Photos(vectors["image"], vectors["colour"]), np.arange(len(products)) < len(data.learn)
    if kept is not None and kept.is_dir():
        alignment = load_alignment(kept, texts)
    else:
        titles, values = [one.title for one in data.learn], [described(one) for one in data.learn]
        reader = Reader(texts, glossary=glossary())
        alignment, _ = train_alignment(
            Lessons(photos.take(learn), has[learn], titles, values), reader, bridge_of(looks, reader),
            one_network=one_network(looks, texts), seed=seed, progress=_tell,
        )  # fmt: skip
        if kept is not None:
            names = (f"{one.name}/{one.version}" for one in (texts, looks, colours))
            save_alignment(kept, alignment, Learnt(*names), {})
    shown = has & ~learn
    gallery = [product for product, seen in zip(products, shown, strict=True) if seen]
    questions = ask(gallery, change, most, seed)
    return {
        "benchmark": "composition",
        "data": folder.name,
        "change": change,
        "questions": len(questions.photos),
        "photos": len(gallery),
        "ways": compare(alignment, photos.take(shown), questions),
        "seed": seed,
    }


def _tell(what: str, done: int, total: int) -> None:
    if done == total:
        print(what, file=sys.stderr, flush=True)


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--change", default="colour", help="attribute that is to be different")
    parser.add_argument("--alignment", type=Path, help="where what was learnt is kept")
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    print(json.dumps(run(chosen.folder, chosen.change, chosen.queries, chosen.alignment, chosen.seed)))


if __name__ == "__main__":
    main()
