"""Recognising products in photos: what is hidden, what is learnt, and that it is taken only where it helps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from shoplens.errors import ModelFileError
from shoplens.features.recognise_open import OpenRecogniser
from shoplens.learning.recognising import PhotoRows, Shown, _report, fit_recogniser, judge_recogniser
from shoplens.testing.recognised_photos import planted_photos

Floats = npt.NDArray[np.float32]
SIZE = 24
SHOWN = Shown(np.ones(SIZE, np.float32), lambda rows, weights: _unit(np.asarray(weights) @ rows), lambda rows: rows)


def _unit(rows: Floats) -> Floats:
    unit: Floats = (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)
    return unit


@pytest.fixture(scope="module")
def photos() -> PhotoRows:
    """40 products, each with a photo of the shop and four of customers, who all hold something else in their hands."""
    return planted_photos(40, 4, size=SIZE, nuisance=4.0)


def test_it_learns_what_to_overlook(photos: PhotoRows) -> None:
    report = judge_recogniser(SHOWN, photos, np.zeros((0, SIZE), np.float32))
    assert report.gained
    assert report.recognised > report.nearest + 0.2
    assert report.unlearnt_recognised >= report.unlearnt_nearest
    assert report.weight > 0
    assert (report.asked, report.products) == (40, 40)


def test_where_photos_are_alike_anyway_it_is_not_used() -> None:
    easy = planted_photos(40, 4, size=SIZE, nuisance=0.05)
    report = judge_recogniser(SHOWN, easy, np.zeros((0, SIZE), np.float32))
    assert report.nearest == 1
    assert not report.gained
    assert report.weight == 0


def test_a_product_that_came_later_is_compared_on_the_same_scale(photos: PhotoRows, tmp_path: Path) -> None:
    known = photos.product < 30
    ids = [str(one) for one in range(40)]
    recogniser = fit_recogniser(SHOWN, ids, photos, known)
    pictures = photos.plain[photos.first]
    vectors = recogniser.product_vectors(ids, pictures)
    late = ~known & ~photos.first
    scores = recogniser.questions(photos.views[:, late]) @ vectors.T
    right = np.take_along_axis(scores, photos.product[late][:, None], 1)[:, 0]
    assert ((scores > right[:, None]).sum(1) == 0).mean() > 0.5
    others = np.arange(40) >= 30
    assert scores[:, others].mean() == pytest.approx(scores[:, ~others].mean(), abs=2 * float(scores.std()))

    recogniser.save(tmp_path / "one.safetensors", {"weight": 1.0})
    again, about = OpenRecogniser.load(tmp_path / "one.safetensors")
    assert about == {"weight": 1.0}
    assert np.array_equal(again.product_vectors(ids, pictures), vectors)
    content = (tmp_path / "one.safetensors").read_bytes()
    (tmp_path / "one.safetensors").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelFileError, match="altered"):
        OpenRecogniser.load(tmp_path / "one.safetensors")
    (tmp_path / "one.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelFileError, match="cannot be read"):
        OpenRecogniser.load(tmp_path / "one.safetensors")


def test_the_weight_is_chosen_on_other_photos_than_it_is_judged_by() -> None:
    """A weight that is right for one half by chance alone gains nothing."""
    chance = np.zeros((6, 200))
    chance[0, :100] = 1
    chance[1, ::2] = 1
    report = _report(chance, np.zeros(200, np.bool_), 200)
    assert not report.gained
    everywhere = np.where(np.arange(6)[:, None] == 3, 1.0, chance[:1])
    report = _report(everywhere, np.zeros(200, np.bool_), 200)
    assert (report.gained, report.weight, report.recognised) == (True, 1.0, 1.0)
