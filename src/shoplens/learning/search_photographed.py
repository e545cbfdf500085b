"""Products with photos and titles, and the queries for them, read by the encoders that a benchmark is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shoplens.domain.catalogue import Product
from shoplens.encoders.base import EncoderOptions, open_encoder
from shoplens.features.align.alignment import Photos
from shoplens.features.align.bridge import Bridge, bridge_of, one_network
from shoplens.features.align.glosses import glossary
from shoplens.features.align.reading import Reader
from shoplens.learning.search_benchmark_data import Progress, SearchData, photo_vectors, read_search_data


@dataclass(frozen=True, slots=True)
class Photographed:
    """Data of a benchmark with the vectors of all photos: products that are learnt from, then those searched."""

    data: SearchData
    photos: Photos
    has_photo: npt.NDArray[np.bool_]  # [products]
    reads: Any  # encoder of texts
    reader: Reader
    bridge: Bridge | None
    one_network: bool  # whether photos and texts share an encoder's space

    @classmethod
    def read(
        cls,
        folder: Path,
        *,
        cache: Path,
        text: str,
        image: str,
        queries: Path | None,
        qrels: Path | None,
        photos: Path | None,
        threads: int | None,
        progress: Progress | None,
    ) -> Self:
        """Open the encoders of these names and encode what `cache` does not know; see `bench_text_photo`."""
        data = read_search_data(folder, queries, qrels)
        reads: Any = open_encoder(text, EncoderOptions(cache, threads=threads, modality="text"))
        looks = open_encoder(image, EncoderOptions(cache, threads=threads, modality="image"))
        colours = open_encoder("colour", EncoderOptions(cache))
        products = [*data.learn, *data.gallery]
        seen, has = photo_vectors(products, photos or folder / "images.zip", [looks, colours], cache, progress)
        reader = Reader(reads, glossary=glossary())
        return cls(
            data, Photos(seen["image"], seen["colour"]), has, reads, reader, bridge_of(looks, reader),
            one_network(looks, reads),
        )  # fmt: skip

    @property
    def products(self) -> list[Product]:
        """All of them."""
        return [*self.data.learn, *self.data.gallery]

    @property
    def learnt(self) -> npt.NDArray[np.bool_]:
        """Which ones may be learnt from. [products]"""
        return np.arange(len(self.has_photo)) < len(self.data.learn)
