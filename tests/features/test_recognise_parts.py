"""What recognising is made of: cuts, scenes, the discriminant, evidence from words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.features.recognise_data import IDS, drawn, reader, snaps

from shoplens.features.recognise_discriminant import SHRINKAGE, Discriminant
from shoplens.features.recognise_scenes import SIDE, cut_out, scenes
from shoplens.features.recognise_views import SHARES, middle
from shoplens.features.recognise_words import log_evidence


@given(st.integers(1, 300), st.integers(1, 300), st.floats(0.05, 1.5))
@settings(max_examples=50, deadline=None)
def test_the_middle_is_a_square_inside(width: int, height: int, share: float) -> None:
    cut = middle(Image.new("RGB", (width, height)), share)
    if share >= 1:
        assert cut.size == (width, height)
    else:
        assert cut.width == cut.height <= min(width, height)


def test_rows_have_one_line_a_cut_and_mirror_images_the_same_row() -> None:
    read = reader()
    photo = drawn(IDS[0], x=40)
    rows = read.read([photo, photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    assert rows.shape == (len(SHARES), 2, read.size)
    image = slice(0, read.encoders[0].size)
    assert np.allclose(rows[:, 0, image], rows[:, 1, image], atol=0.02)  # a pixel beside the middle
    assert read.read([]).shape == (len(SHARES), 0, read.size)
    assert read.read(rows) is rows
    assert read.weights.shape == (read.size,)


def test_a_cut_out_is_the_thing() -> None:
    cut = cut_out(drawn(IDS[0]))
    assert cut.picture.size == cut.wide.size == cut.narrow.size
    assert 60 <= cut.picture.width <= 80  # a disc of 68 pixels in a picture of 120
    for mask in (cut.wide, cut.narrow):
        assert mask.getpixel((mask.width // 2, mask.height // 2)) == 255
        assert mask.getpixel((0, 0)) == 0
    assert np.asarray(cut.narrow).sum() < np.asarray(cut.wide).sum()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8))
    for picture in (noise, Image.new("RGB", (40, 60), "white"), Image.new("RGB", (1, 1))):
        assert cut_out(picture).picture.size == picture.size


def test_scenes_are_many_different_and_repeatable() -> None:
    cuts = [cut_out(drawn(item_id)) for item_id in IDS[:3]]
    one, other = list(scenes(cuts, 4, seed=1)), list(scenes(cuts, 4, seed=1))
    assert len(one) == 12
    assert all(photo.size == (SIDE, SIDE) and photo.mode == "RGB" for photo in one)
    assert [photo.tobytes() for photo in one] == [photo.tobytes() for photo in other]
    assert len({photo.tobytes() for photo in one}) == 12


def gaussian(count: int, each: int, size: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    means = random.normal(size=(count, size)).astype(np.float32) * 0.7
    labels = np.repeat(np.arange(count), each)
    noise = random.normal(size=(len(labels), size)) * np.linspace(0.2, 3, size)
    return means, labels, (means[labels] + noise).astype(np.float32)


@pytest.mark.parametrize("size", [12, 200])  # fewer and more numbers than photos
def test_the_discriminant_is_the_textbook_one(size: int) -> None:
    _, labels, rows = gaussian(5, 12, size, 0)
    nothing = np.zeros(5, bool)
    ones = np.ones(size, np.float32)
    model = Discriminant.fit(
        rows, labels, np.zeros((5, size), np.float32), nothing, ones, real=True, picture_counts=0.0
    )
    scaled = np.clip((rows - rows.mean(0)) / rows.std(0), -5, 5).astype(np.float64)
    means = np.stack([scaled[labels == one].mean(0) for one in range(5)])
    residuals = scaled - means[labels]
    within = (1 - SHRINKAGE) * residuals.T @ residuals / len(rows)
    within += SHRINKAGE * (residuals**2).sum() / residuals.size * np.eye(size)
    away = means - means.mean(0)
    solved = np.linalg.solve(within, away.T)
    wanted = (scaled - means.mean(0)) @ solved - 0.5 * (away.T * solved).sum(0)
    assert np.abs(model.scores(rows) - wanted).max() < 1e-2


def test_few_photos_lean_on_the_picture() -> None:
    means, labels, rows = gaussian(20, 10, 30, 1)
    pictured = np.ones(20, bool)
    ones = np.ones(30, np.float32)
    few = np.flatnonzero((labels < 19) | (np.arange(len(labels)) == 190))  # one photo of the last
    _, asked_labels, asked = gaussian(20, 10, 30, 1)
    mine = asked[asked_labels == 19][1:]
    lean = Discriminant.fit(rows[few], labels[few], means, pictured, ones, real=True)
    alone = Discriminant.fit(rows[few], labels[few], means, pictured, ones, real=True, picture_counts=0.0)

    def place(model: Discriminant) -> float:
        scores = model.scores(mine)
        return float((scores > scores[:, 19:]).sum(1).mean())

    assert place(lean) <= place(alone)


def test_evidence_of_words_is_finite_and_follows_the_classes() -> None:
    evidence = np.full((1000, 3), 1e-9, np.float32)
    evidence[7, 1] = 1.0
    sure = np.zeros((2, 1000), np.float32)
    sure[0, 7], sure[1, 500] = 1, 1
    told = log_evidence(sure, evidence)
    assert np.isfinite(told).all()
    assert told[0].argmax() == 1
    assert np.ptp(told[1]) < 1e-3


def test_snaps_differ_from_pictures() -> None:
    photos, labels = snaps(2, 0)
    assert len(photos) == len(labels) == 2 * len(IDS)
