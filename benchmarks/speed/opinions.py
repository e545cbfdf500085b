"""Posts a second through the opinion monitor: read, counted, judged, stored; as `shoplens opinions watch FILE` does.

    python -m benchmarks.speed.opinions [--texts FILE.csv --column text] [--posts 2000] [--reposts 0 0.4]
        [--encoder e5-small]

By words, with vectors of the encoder, and where the processor has units for matrices of bfloat16 also with vectors as
they are read without these; for each share of reposts ("RT @name: … https://…" of an earlier post).
Without FILE the texts are made up of a dozen words. Beside the posts a second by the clock stands the processor time of
one post, in milliseconds: on a machine that does other work it is the figure to compare. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from shoplens.encoders.session import available_cores, has_bfloat16_tiles
from shoplens.ingest.report import IngestReport
from shoplens.service.opinion_sources import SourceOptions
from shoplens.service.opinion_watch import watch
from shoplens.service.runtime import Runtime
from shoplens.service.workspace import Workspace

WORDS = [
    "battery",
    "parcel",
    "seller",
    "screen",
    "colour",
    "taste",
    "price",
    "refund",
    "late",
    "broken",
    "great",
    "awful",
    "fast",
    "slow",
    "cheap",
    "again",
    "never",
    "always",
    "arrived",
    "bought",
    "ordered",
    "waiting",
    "love",
    "hate",
    "cannot",
    "recommend",
    "after",
    "before",
    "two",
    "three",
    "days",
    "weeks",
    "my",
    "their",
    "this",
    "that",
]
START = 1_700_000_000  # seconds
APART = 30  # seconds between two posts


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, help="CSV of real texts")
    parser.add_argument("--column", default="text")
    parser.add_argument("--posts", type=int, default=2_000)
    parser.add_argument("--reposts", type=float, nargs="+", default=[0.0, 0.4], help="shares of the posts")
    parser.add_argument("--encoder", default="e5-small", help="hashed-ngrams needs no weights")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    texts = (
        read(given.texts, given.column, given.posts, given.seed) if given.texts else made_up(given.posts, given.seed)
    )
    told: dict[str, Any] = {
        "texts": given.texts.parent.name if given.texts else "made up",
        "posts": len(texts),
        "median_characters": float(np.median([len(text) for text in texts])),
        "cores": available_cores(),
        "encoder": given.encoder,
    }
    for share in given.reposts:
        posts = with_reposts(texts, share, given.seed)
        told[f"reposts {share:g}"] = {
            "by words": measured(posts, None),
            "with vectors": measured(posts, given.encoder),
        }
        if has_bfloat16_tiles():
            with patch("shoplens.encoders.text.has_bfloat16_tiles", return_value=False):
                told[f"reposts {share:g}"]["with vectors by the graph"] = measured(posts, given.encoder)
    print(json.dumps(told))


def read(file: Path, column: str, most: int, seed: int) -> list[str]:
    """Texts of a file, each once, in random order."""
    with file.open(encoding="utf-8-sig", newline="") as stream:
        texts = list(dict.fromkeys(row[column].strip() for row in csv.DictReader(stream)))
    return [texts[row] for row in islice(np.random.default_rng(seed).permutation(len(texts)).tolist(), most)]


def made_up(count: int, seed: int) -> list[str]:
    """A dozen words each."""
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, 12)) for _ in range(count)]


def with_reposts(texts: Sequence[str], share: float, seed: int) -> list[str]:
    """As many posts, of which a share says again what one of those before says."""
    random = np.random.default_rng(seed)
    posts: list[str] = []
    originals: list[str] = []
    for text in texts:
        if originals and random.random() < share:
            posts.append(f"RT @somebody: {random.choice(originals)} https://t.co/{random.integers(10**9):x}")
        else:
            posts.append(text)
            originals.append(text)
    return posts


def measured(posts: Sequence[str], encoder: str | None) -> dict[str, float]:
    """One run over a file, in a workspace that is gone afterwards; the encoder is loaded before."""
    with tempfile.TemporaryDirectory(prefix="shoplens-posts-") as folder:
        root = Path(folder)
        Workspace.create(
            root / "shop", opinions={"vectors": encoder is not None}, encoders={"text": encoder or "hashed-ngrams"}
        )
        with (root / "posts.ndjson").open("w", encoding="utf-8") as stream:
            for number, text in enumerate(posts):
                stream.write(json.dumps({"text": text, "timestamp": START + APART * number, "id": number}) + "\n")
        with Runtime.open(root / "shop") as shop, IngestReport() as report:
            shop.opinions.reader()
            clock, processor = time.perf_counter(), time.process_time()
            done = watch(shop.opinions, [str(root / "posts.ndjson")], options=SourceOptions(), report=report)
            seconds, busy = time.perf_counter() - clock, time.process_time() - processor
    return {
        "posts_per_second": round(done.posts / seconds, 1),
        "cpu_ms_per_post": round(1_000 * busy / done.posts, 2),
        "copies": done.copies,
    }


if __name__ == "__main__":
    main()
