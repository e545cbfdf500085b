"""Colour signatures: what they see, what they ignore, and the names of colours."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from shoplens.encoders.colour import ColourEncoder, dominant_colours, lab_of, thing_box
from shoplens.encoders.colour_names import COLOURS

ENCODER = ColourEncoder()


def disc(ink: str, ground: str = "white", *, size: tuple[int, int] = (120, 120), at: int = 30) -> Image.Image:
    photo = Image.new("RGB", size, ground)
    ImageDraw.Draw(photo).ellipse((at, at, at + 60, at + 60), fill=ink)
    return photo


def test_lab_of_known_colours() -> None:
    lab = lab_of([[255, 255, 255], [0, 0, 0], [255, 0, 0], [0, 0, 255]])
    published = [[100.0, 0.0, 0.0], [0.0, 0.0, 0.0], [53.24, 80.09, 67.20], [32.30, 79.19, -107.86]]
    assert np.abs(lab - np.array(published)).max() < 0.05


def test_same_colours_are_near_and_other_colours_far() -> None:
    red, small, moved, blue = ENCODER.encode(
        [disc("#c81820"), disc("#c81820").resize((60, 60)), disc("#c81820", at=40), disc("#1e54be")]
    )
    assert red @ small > 0.99
    assert red @ moved > 0.9
    assert red @ moved > red @ blue + 0.2


def test_the_ground_does_not_count_in_the_block_of_the_thing() -> None:
    block = ENCODER.blocks["thing"]
    on_white, on_grey = ENCODER.encode([disc("#c81820"), disc("#c81820", "#c8c8c8")])[:, block]
    share = float(on_white @ on_white)
    assert on_white @ on_grey > 0.95 * share


def test_every_block_keeps_its_share() -> None:
    random = np.random.default_rng(1)
    photos = [Image.fromarray(random.integers(0, 256, (30, 50, 3), dtype=np.uint8)) for _ in range(5)]
    vectors = ENCODER.encode([*photos, Image.new("RGB", (7, 300), "white")])
    for block in ENCODER.blocks.values():
        lengths = np.linalg.norm(vectors[:, block], axis=1)
        assert np.allclose(lengths, lengths[0], atol=1e-5)
    assert max(block.stop for block in ENCODER.blocks.values()) == ENCODER.size


@pytest.mark.parametrize(
    ("ink", "english", "chinese"),
    [
        ("#c81820", "red", "红色"), ("#1e54be", "blue", "蓝色"), ("#141c42", "navy", "藏青色"),
        ("#fadc28", "yellow", "黄色"), ("#287c3c", "green", "绿色"), ("#784c2c", "brown", "棕色"),
        ("#080808", "black", "黑色"), ("#f6a0ba", "pink", "粉色"), ("#6a2c8c", "purple", "紫色"),
        ("#f07c1c", "orange", "橙色"),
    ],
)  # fmt: skip
def test_names_of_plain_colours(ink: str, english: str, chinese: str) -> None:
    first = dominant_colours(disc(ink))[0]
    assert first[:2] == (english, chinese)
    assert first[2] > 0.8


def test_two_colours_share_a_thing_and_a_white_shirt_on_white_is_white() -> None:
    photo = disc("#c81820")
    ImageDraw.Draw(photo).rectangle((0, 60, 120, 90), fill="white")
    ImageDraw.Draw(photo).pieslice((30, 30, 90, 90), 0, 180, fill="#1e54be")
    found = {name: share for name, _, share in dominant_colours(photo)}
    assert found["red"] == pytest.approx(0.5, abs=0.1)
    assert found["blue"] == pytest.approx(0.5, abs=0.1)
    assert "white" not in found
    ((english, chinese, share),) = dominant_colours(Image.new("RGB", (50, 80), "white"))
    assert (english, chinese, round(share, 3)) == ("white", "白色", 1.0)


def test_every_name_is_one_name() -> None:
    assert len({colour.english for colour in COLOURS}) == len(COLOURS)
    assert len({colour.chinese for colour in COLOURS}) == len(COLOURS)
    for colour in COLOURS:  # a picture of a colour's first look is called by it
        assert dominant_colours(Image.new("RGB", (20, 20), colour.looks[0]))[0][0] == colour.english


@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_any_photo_has_a_signature_that_a_mirror_hardly_changes(width: int, height: int, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    photo = Image.fromarray(pixels)
    vector, mirrored = ENCODER.encode([photo, photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)
    # Symmetric, unlike cells; noise of few pixels falls beside its mirror image: of 150 sides of 13 to 24 pixels the
    # least alike had .89 of their own length, of 48 pixels .98.
    whole = ENCODER.blocks["inside"]
    alike = 0.95 if min(width, height) >= 48 else 0.8 if min(width, height) > 12 else 0.5
    assert vector[whole] @ mirrored[whole] > alike * (vector[whole] @ vector[whole])
    shares = [share for _, _, share in dominant_colours(photo)]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1 + 1e-6


def test_the_thing_has_a_box() -> None:
    wide = Image.new("RGB", (300, 150), "white")
    wide.paste((200, 20, 30), (150, 60, 225, 120))
    assert thing_box(wide) == pytest.approx((0.5, 0.4, 0.75, 0.8), abs=0.03)
    dust = wide.copy()
    dust.putpixel((5, 5), (0, 0, 0))
    assert thing_box(dust) == thing_box(wide)
    assert thing_box(Image.new("RGB", (40, 40), (200, 20, 30))) is None, "nothing stands out"
