"""A crop box keeps a part of a photo, at least a pixel of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from shoplens.errors import InputError
from shoplens.service.loose_media import Part, cropped

SIDE = st.floats(0, 1)
LENGTH = st.integers(1, 300)


@given(st.tuples(SIDE, SIDE, SIDE, SIDE), LENGTH, LENGTH)
def test_inside_the_photo_and_never_empty(box: tuple[float, float, float, float], width: int, height: int) -> None:
    left, top, right, bottom = box
    photo = Image.new("RGB", (width, height), (255, 255, 255))
    part = Part("image", "a.png", "image[0]", box)
    if left >= right or top >= bottom:
        with pytest.raises(InputError, match=r"image\[0\]: the crop"):
            cropped(photo, part)
        return
    inside = cropped(photo, part)
    assert 1 <= inside.width <= width
    assert 1 <= inside.height <= height
    assert inside.getextrema() == ((255, 255),) * 3, "nothing from outside the photo"


def test_half_a_photo() -> None:
    photo = Image.new("RGB", (40, 20), (200, 0, 0))
    photo.paste((0, 0, 200), (20, 0, 40, 20))
    half = cropped(photo, Part("image", "a", crop=(0.5, 0.0, 1.0, 1.0)))
    assert half.size == (20, 20)
    assert half.getextrema() == ((0, 0), (0, 0), (200, 200))
    assert cropped(photo, Part("image", "a")) is photo


@pytest.mark.parametrize("box", [(-0.1, 0, 1, 1), (0, 0, 1, 1.5), (0, float("nan"), 1, 1), (0.5, 0, 0.5, 1)])
def test_boxes_outside_are_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="shares of width and height"):
        cropped(Image.new("RGB", (4, 4)), Part("image", "a", crop=box))
