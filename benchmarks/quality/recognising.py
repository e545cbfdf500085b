"""What a recogniser adds to the search by photo, on labelled photos: `python -m benchmarks.quality.recognising DIR`.

DIR is a folder of `shoplens bench search --task photo-product`: products.csv, and photos-train.zip with its CSV. Of
each product the first `--each` photos are used, as customers' photos beside the shop's picture; one of them is hidden.
"""

from __future__ import annotations

import argparse
import json
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl

from shoplens.encoders.base import EncoderOptions, open_encoder
from shoplens.encoders.photos import PhotoOpener
from shoplens.features.recognise_views import PHOTOS_AT_ONCE, PhotoReader
from shoplens.learning.recognising import PhotoRows, judge_recogniser
from shoplens.learning.search_photo_product import Labelled
from shoplens.service.recognition import shown_in


def main() -> None:
    """Print one JSON object."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--each", type=int, default=4)
    arguments.add_argument("--image", default="efficientnet-lite0")
    arguments.add_argument("--models", type=Path, default=Path("/tmp/models"), help="where converted models are kept")
    asked = arguments.parse_args()
    options = EncoderOptions(asked.models)
    encoders = [open_encoder(asked.image, options), open_encoder("colour", options)]
    reader = PhotoReader(encoders)
    products = pl.read_csv(asked.folder / "products.csv", infer_schema=False)
    ids = products["product_id"].to_list()
    known = Labelled.read(asked.folder / "photos-train.zip", asked.folder / "photos-train.csv")
    pairs = sorted(zip(known.labels, known.members, strict=True))
    taken = {label: [one for _, one in own][: asked.each] for label, own in groupby(pairs, key=lambda one: one[0])}
    sources, product, first = [], [], []
    for place, (item_id, picture) in enumerate(zip(ids, products["image"].to_list(), strict=True)):
        own = [picture, *(f"photos-train.zip#{one}" for one in taken.get(item_id, ()))]
        sources += own
        product += [place] * len(own)
        first += [True] + [False] * (len(own) - 1)
    views, plain = [], []
    with PhotoOpener(asked.folder) as opener:
        for start in range(0, len(sources), PHOTOS_AT_ONCE):
            photos = [opener.open(one) for one in sources[start : start + PHOTOS_AT_ONCE]]
            views.append(reader.read(photos))
            plain.append(np.concatenate([encoder.encode(photos) for encoder in encoders], axis=1))
    own_photo = np.array(first, np.bool_)
    rows = PhotoRows(np.array(product), own_photo, own_photo, np.concatenate(views, 1), np.concatenate(plain))
    report = judge_recogniser(shown_in(encoders, reader), rows, np.zeros((0, reader.size), np.float32))
    print(json.dumps({"data": asked.folder.name, "each": asked.each, **report.as_dict()}))


if __name__ == "__main__":
    main()
