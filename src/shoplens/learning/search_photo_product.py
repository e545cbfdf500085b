"""Photo → product: how often the product that a shopper photographed comes first, and how soon it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from PIL import Image

from shoplens.encoders.base import EncoderOptions, TextEncoder, open_encoder
from shoplens.encoders.photos import PhotoOpener
from shoplens.errors import FormatError
from shoplens.features.align.bridge import Classifier
from shoplens.features.align.reading import Reader
from shoplens.features.recognise import Learning, Recogniser
from shoplens.features.recognise_views import PhotoReader
from shoplens.features.recognise_words import class_evidence
from shoplens.learning.search_metrics import search_figures

TIMED = 40  # photos that are asked one at a time, as shoppers do

Progress = Callable[[str, int, int], None]  # what is being done, how far, of how much


@dataclass(frozen=True, slots=True)
class Labelled:
    """Photos in a zip archive and the product of each."""

    archive: Path
    members: Sequence[str]
    labels: Sequence[str]

    @classmethod
    def read(cls, archive: Path, table: Path) -> Labelled:
        """From an archive and a CSV file with the columns photo, product_id."""
        rows = _table(table, ("photo", "product_id"))
        if not archive.is_file():
            raise FormatError(f"{archive} is missing; it should hold the photos that {table} names")
        return cls(archive, rows["photo"].to_list(), rows["product_id"].to_list())

    def photos(self) -> Iterator[Image.Image]:
        """One at a time, RGB."""
        with PhotoOpener(self.archive.parent) as opener:
            for member in self.members:
                yield opener.open(f"{self.archive.name}#{member}")

    def some(self, most: int) -> Labelled:
        """Evenly spread ones."""
        step = max(1, len(self.members) // most)
        return Labelled(self.archive, self.members[::step][:most], self.labels[::step][:most])


def bench_photo_product(
    folder: Path,
    photos: Path | None = None,
    labels: Path | None = None,
    *,
    cache: Path,
    text: str = "e5-small",
    image: str = "efficientnet-lite2",
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Figures of recognising the products of `folder` in labelled photos (default: its photos-val.zip and .csv).

    The folder has products.csv (product_id, image[, category, title]) and, if the recogniser is to learn from photos
    too, photos-train.zip and .csv. The figures at the top are those of the recogniser that a shop would use; beside
    them: "one_shot" (it saw a picture a product, and nothing else), "zero_shot" (pictures and words),
    "zero_shot_adapted" (and the photos of training without their labels).
    """
    products = _table(folder / "products.csv", ("product_id", "image"))
    asked = Labelled.read(photos or folder / "photos-val.zip", labels or folder / "photos-val.csv")
    learnt = folder / "photos-train.zip", folder / "photos-train.csv"
    known = Labelled.read(*learnt) if learnt[1].exists() else None
    ids: list[str] = products["product_id"].to_list()
    gains = _gains(ids, asked.labels)
    options = EncoderOptions(cache)
    reader = PhotoReader([open_encoder(image, options), open_encoder("colour", options)])
    clock = _Clock()

    rows = reader.read(asked.photos(), progress=_stage(progress, "look at photos", len(asked.labels)))
    one_shot = Recogniser.fit(
        reader,
        Learning(ids, _pictures(folder, products), seed=seed, progress=_stage(progress, "make scenes", 2 * len(ids))),
    )
    one_shot_seconds = clock.lap()
    evidence = _evidence(reader, products, text, options)
    zero_shot = Recogniser(reader, ids, one_shot.models, evidence=evidence)
    zero_shot_seconds = clock.lap()
    best, outcome = zero_shot, dict[str, Any]()
    if known is not None:
        seen = reader.read(known.photos(), progress=_stage(progress, "look at labelled photos", len(known.labels)))
        pictures = list(_pictures(folder, products))
        outcome["feature_seconds"] = clock.lap()
        best = Recogniser.fit(reader, Learning(ids, pictures, seen, known.labels, seed=seed))
        outcome["train_seconds"] = clock.lap()
        outcome["labelled_photos"] = len(known.labels)
        outcome["zero_shot_adapted"] = search_figures(zero_shot.adapted(seen).scores(rows), gains)
    figures = search_figures(best.scores(rows), gains)
    return {
        "task": "photo-product",
        "data": folder.name,
        "photos": asked.archive.name,
        "products": len(ids),
        **figures,
        "by_language": {},  # photos have none
        **_speed(best, asked),
        "zero_shot": {**search_figures(zero_shot.scores(rows), gains), "seconds": one_shot_seconds + zero_shot_seconds},
        "one_shot": {**search_figures(one_shot.scores(rows), gains), "seconds": one_shot_seconds},
        **outcome,
        "encoder": reader.signature,
        "seed": seed,
    }


def _evidence(
    reader: PhotoReader, products: pl.DataFrame, text: str, options: EncoderOptions
) -> npt.NDArray[np.float32] | None:
    """Class names against the narrowest category of each product, or else its title; None where nothing is known."""
    column = next((name for name in ("category", "title") if name in products.columns), None)
    encoder = open_encoder(text, options)
    if column is None or not isinstance(encoder, TextEncoder) or not isinstance(reader.encoders[0], Classifier):
        return None
    words = [(value or "").rsplit(">", 1)[-1].strip() for value in products[column].to_list()]
    return class_evidence(Reader(encoder), words)


def _pictures(folder: Path, products: pl.DataFrame) -> Iterator[Image.Image | None]:
    """The picture of each product, None where the column is empty."""
    with PhotoOpener(folder) as opener:
        for source in products["image"].to_list():
            yield opener.open(source) if source else None


def _speed(recogniser: Recogniser, asked: Labelled) -> dict[str, float]:
    """Milliseconds from a decoded photo to its ten products, one photo at a time."""
    taken = []
    for photo in asked.some(TIMED).photos():
        began = time.perf_counter()
        recogniser.rank([photo])
        taken.append((time.perf_counter() - began) * 1e3)
    return {"p50_ms": float(np.percentile(taken, 50)), "p99_ms": float(np.percentile(taken, 99))}


def _gains(ids: Sequence[str], labels: Sequence[str]) -> npt.NDArray[np.float32]:
    """1 where a photo shows a product. [photos, products]"""
    row = {item_id: place for place, item_id in enumerate(ids)}
    unknown = next((label for label in labels if label not in row), None)
    if unknown is not None:
        raise FormatError(f"a photo is labelled {unknown!r}, which is not in products.csv")
    gains = np.zeros((len(labels), len(ids)), np.float32)
    gains[np.arange(len(labels)), [row[label] for label in labels]] = 1.0
    return gains


def _stage(progress: Progress | None, stage: str, total: int) -> Callable[[int], None] | None:
    """Progress of one stage."""
    return None if progress is None else lambda done: progress(stage, min(done, total), total)


class _Clock:
    """Seconds since it was last asked."""

    def __init__(self) -> None:
        self._last = time.perf_counter()

    def lap(self) -> float:
        """Seconds of this lap."""
        before, self._last = self._last, time.perf_counter()
        return round(self._last - before, 2)


def _table(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """A CSV file, all columns as texts. FormatError when it cannot be read or a column is missing."""
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeError) as error:
        raise FormatError(f"{path} cannot be read as CSV: {error}") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise FormatError(f"{path} needs the column {missing[0]}; it has: {', '.join(table.columns)}")
    return table
