"""A product video is found by words in two languages, without any training on the shop.

Public data are used when the environment variable SHOPLENS_BENCH names their folder.
"""

from __future__ import annotations

import os
import zipfile
from itertools import islice
from pathlib import Path

import pytest

from shoplens.encoders.base import EncoderOptions
from shoplens.encoders.image import EfficientNetLite0
from shoplens.encoders.media import MediaLimits
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.photo_decoding import PhotoLimits
from shoplens.encoders.text import E5Encoder
from shoplens.encoders.video import VideoEncoder
from shoplens.features.align.bridge import ClassNameBridge
from shoplens.features.align.glosses import glossary
from shoplens.features.align.reading import Reader

RIVALS = 100  # photos of clothes, shoes and bags


@pytest.mark.parametrize("with_dictionary", [True, False])
def test_bottles_are_found_by_their_name(with_dictionary: bool, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = Path(os.environ.get("SHOPLENS_BENCH") or "absent")  # noqa: TID251 - tests may say where data are
    video, photos = root / "media" / "bottles.mp4", root / "search" / "fashion" / "images.zip"
    if not video.exists() or not photos.exists():
        pytest.skip("set SHOPLENS_BENCH to the folder that holds media/bottles.mp4 and search/fashion/images.zip")
    cache = tmp_path_factory.getbasetemp() / "models-of-video"
    photo = EfficientNetLite0.open(EncoderOptions(cache, threads=1))
    encoder = VideoEncoder(photo)
    with MediaPool(1) as pool, zipfile.ZipFile(photos) as archive:
        shots = encoder.encode_shots(pool.clip(video, video.name, MediaLimits()))
        names = islice((name for name in archive.namelist() if name.endswith(".jpg")), RIVALS)
        rivals = photo.encode([pool.photo(archive.read(name), name, PhotoLimits()) for name in names])
    reader = Reader(E5Encoder(cache, threads=1), glossary=glossary() if with_dictionary else None)
    bridge = ClassNameBridge(photo, reader)
    for words in ("bottle", "瓶子", "a bottle of water", "矿泉水瓶"):
        asked = bridge.text_vectors([words])[0]
        others = (bridge.photo_vectors(rivals) @ asked).max()
        assert (bridge.photo_vectors(shots.vectors) @ asked).max() > others, words
        assert float(bridge.photo_vectors(encoder.pooled(shots)[None])[0] @ asked) > others, words
    red = bridge.text_vectors(["red dress"])[0]
    assert (bridge.photo_vectors(shots.vectors) @ red).max() < (bridge.photo_vectors(rivals) @ red).max()
