"""Near-duplicate photos: what a hash survives, and pairs found without comparing everything with everything."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance

from shoplens.encoders.photo_hash import hamming, near_duplicates, photo_hashes


def scenes(count: int = 24) -> list[Image.Image]:
    """Pictures of a dozen shapes each."""
    random = np.random.default_rng(7)
    photos = []
    for _ in range(count):
        photo = Image.new("RGB", (240, 200), tuple(random.integers(0, 256, 3).tolist()))
        draw = ImageDraw.Draw(photo)
        for _ in range(12):
            x, y, w, h = (random.random(4) * (240, 200, 90, 90)).tolist()
            shape = draw.ellipse if random.random() < 0.5 else draw.rectangle
            shape((x - w, y - h, x + w, y + h), fill=tuple(random.integers(0, 256, 3).tolist()))
        photos.append(photo)
    return photos


def compressed(photo: Image.Image, quality: int) -> Image.Image:
    stream = io.BytesIO()
    photo.save(stream, "JPEG", quality=quality)
    return Image.open(stream).convert("RGB")


def trimmed(photo: Image.Image, share: float) -> Image.Image:
    width, height = photo.size
    return photo.crop((round(width * share), round(height * share), round(width * (1 - share)), height))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda photo: photo.resize((photo.width // 2, photo.height // 2)),
    "another shape of pixels": lambda photo: photo.resize((150, 150)),
    "strong compression": lambda photo: compressed(photo, 15),
    "brighter": lambda photo: ImageEnhance.Brightness(photo).enhance(1.2),
    "darker": lambda photo: ImageEnhance.Brightness(photo).enhance(0.6),
    "less contrast": lambda photo: ImageEnhance.Contrast(photo).enhance(0.7),
    "grey": lambda photo: photo.convert("L").convert("RGB"),
    "cropped by 2 %": lambda photo: trimmed(photo, 0.02),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_photo_is_known_again(change: str) -> None:
    photos = scenes()
    changed = [CHANGES[change](photo) for photo in photos]
    distances = hamming(photo_hashes(photos), photo_hashes(changed))
    assert np.quantile(distances, 0.9) <= 8


def test_other_photos_are_far() -> None:
    hashes = photo_hashes(scenes())
    apart = hamming(hashes[:, None], hashes[None])[np.triu_indices(len(hashes), 1)]
    assert apart.min() > 8
    assert 26 < apart.mean() < 38


def test_groups_of_copies() -> None:
    photos = scenes(10)
    mixed = [*photos, compressed(photos[3], 20), CHANGES["darker"](photos[3]), CHANGES["half the size"](photos[7])]
    assert near_duplicates(photo_hashes(mixed)) == [[3, 10, 11], [7, 12]]


def test_plain_pictures_and_no_pictures() -> None:
    assert photo_hashes([Image.new("RGB", (30, 30), "red"), Image.new("L", (5, 90), 17)]).tolist() == [0, 0]
    assert photo_hashes([]).shape == (0,)
    assert near_duplicates(photo_hashes([])) == []
    assert near_duplicates(np.zeros(3, np.uint64)) == [[0, 1, 2]]


@pytest.mark.parametrize("within", [-1, 21])
def test_distances_that_mean_nothing_are_refused(within: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 20"):
        near_duplicates(np.zeros(2, np.uint64), within)


@given(st.integers(0, 2**32 - 1), st.integers(0, 12))
@settings(max_examples=40, deadline=None)
def test_no_pair_is_missed(seed: int, within: int) -> None:
    random = np.random.default_rng(seed)
    hashes = random.integers(0, 2**64, 30, dtype=np.uint64)
    for row in range(12):  # neighbours at known distances, some beyond `within`
        bits = random.choice(64, int(random.integers(0, within + 3)), replace=False)
        hashes[row] = hashes[29 - row] ^ np.bitwise_or.reduce(np.uint64(1) << bits.astype(np.uint64), initial=0)
    leader = list(range(30))
    for one, other in combinations(range(30), 2):
        if hamming(hashes[one], hashes[other]) <= within:
            old, new = leader[other], leader[one]
            leader = [new if name == old else name for name in leader]
    groups: dict[int, list[int]] = {}
    for row, name in enumerate(leader):
        groups.setdefault(name, []).append(row)
    assert near_duplicates(hashes, within) == sorted(group for group in groups.values() if len(group) > 1)


def test_a_hundred_thousand_photos_take_seconds() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**64, 100_000, dtype=np.uint64)
    hashes[60_000:60_400] = hashes[:400] ^ np.uint64(0b1001)
    groups = near_duplicates(hashes, 4)
    assert groups[:400] == [[row, 60_000 + row] for row in range(400)]
    assert len(groups) == 400
