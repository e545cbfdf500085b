"""Fine-tuning of encoders on a shop's photos and words against the frozen ones, both aligned on the same products.

    python -m benchmarks.quality.finetune FOLDER [--modality image text] [--minutes 6] [--epochs 8] [--most 4000]

FOLDER is laid out as for `shoplens bench search`; only products with split train are read, and neither its queries nor
its other products: a fifth of them is held out from both fine-tuning and alignment, and answers phrases made of
attributes and titles. Prints one JSON object: NDCG at 10 of both sides by kind of question with the paired interval of
the gain, whether the fine-tuned encoder was kept, and the seconds that each part took.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from shoplens.compute.local import LocalExecutor
from shoplens.learning.finetune.fitting import FitSettings
from shoplens.learning.search_benchmark_data import read_search_data
from shoplens.service.embedding import embed_shop
from shoplens.service.finetuning import finetune_shop
from shoplens.service.workspace import Workspace
from shoplens.store.sql import open_store

ARCHIVE = "images.zip"


def measure(folder: Path, place: Path, modalities: list[str], settings: FitSettings, most: int) -> dict[str, Any]:
    """In a workspace at `place`."""
    workspace = Workspace.create(place)
    if not (place / ARCHIVE).exists():
        shutil.copyfile(folder / ARCHIVE, place / ARCHIVE)
    products = read_search_data(folder).learn
    chosen = sorted(np.random.default_rng(0).permutation(len(products))[:most].tolist())
    store = open_store(workspace.database_url)
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    try:
        store.catalogue.upsert(
            replace(products[row], images=(f"{ARCHIVE}#{products[row].item_id}.jpg",)) for row in chosen
        )
        embed_shop(workspace, store, executor=LocalExecutor(), modalities=("text", "image", "colour"))
        seconds["embed"] = round(time.perf_counter() - began, 1)
        clock = _Clock(seconds)
        done = finetune_shop(
            workspace, store, modalities, executor=LocalExecutor(), settings=settings, seed=0, progress=clock
        )
        clock.stop()
    finally:
        store.close()
    return {
        "benchmark": "finetune",
        "data": folder.name,
        "split": "a fifth of train, held out",
        "products": len(chosen),
        "finetuned": {one.modality: one.as_dict() for one in done},
        "seconds": seconds,
    }


class _Clock:
    """Tells the stages on stderr and keeps their seconds."""

    def __init__(self, seconds: dict[str, float]) -> None:
        self.seconds = seconds
        self.stage, self.began = "", time.perf_counter()

    def __call__(self, what: str, _done: int, _total: int) -> None:
        """A stage goes on, or the next one begins."""
        if what != self.stage:
            self.stop()
            self.stage, self.began = what, time.perf_counter()
            print(what, file=sys.stderr, flush=True)

    def stop(self) -> None:
        """The last one is over."""
        if self.stage:
            took = time.perf_counter() - self.began
            self.seconds[self.stage] = round(self.seconds.get(self.stage, 0.0) + took, 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--modality", nargs="+", default=["image"], choices=["image", "text"])
    parser.add_argument("--minutes", type=float, default=6.0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--most", type=int, default=4_000, help="products, drawn at random when there are more")
    parser.add_argument("--workspace", type=Path, help="keep the workspace here; default: a temporary folder")
    given = parser.parse_args()
    settings = FitSettings(epochs=given.epochs, minutes=given.minutes)
    with tempfile.TemporaryDirectory() as temporary:
        place = given.workspace or Path(temporary) / "shop"
        print(json.dumps(measure(given.folder, place, given.modality, settings, given.most)))


if __name__ == "__main__":
    main()
