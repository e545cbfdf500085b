"""Which frames stand for a video."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from shoplens.encoders.key_frames import FRAME_EVERY, LONGEST_SHOT, Chosen, KeyFrames, frames_a_shot, thumbnail_of
from shoplens.testing.sample_media import BLUE, GREEN, RED, Colour, sample_scene


def chosen(pictures: list[Image.Image], *, most: int = 24, rate: float = 12.0, scattered: bool = False) -> Chosen:
    keys = KeyFrames(most)
    for place, picture in enumerate(pictures):
        keys.look(place / rate, thumbnail_of(picture), picture.copy, scattered=scattered)
        assert len(keys._candidates) <= 4 * most + 1
    return keys.finish(len(pictures) / rate)


def moving(colour: Colour, count: int) -> list[Image.Image]:
    """A scene past which the camera pans."""
    wide = sample_scene(colour, (400, 90), seed=5)
    return [wide.crop((2 * place, 0, 160 + 2 * place, 90)) for place in range(count)]


def test_cuts_are_found_where_they_are() -> None:
    scenes = [sample_scene(colour, seed=seed) for seed, colour in enumerate((RED, GREEN, BLUE))]
    found = chosen([scene for scene in scenes for _ in range(24)])
    assert found.shots == ((0.0, 2.0), (2.0, 4.0), (4.0, 6.0))
    assert [picture.tobytes() for picture in found.frames] == [scene.tobytes() for scene in scenes]
    assert found.shot_of == (0, 1, 2)


def test_a_moving_camera_is_no_cut() -> None:
    assert len(chosen(moving(RED, 80)).shots) == 1
    assert len(chosen(moving(RED, 80) + moving(BLUE, 80)).shots) == 2


def test_a_dissolve_leads_to_a_new_shot() -> None:
    first, second = sample_scene(RED, seed=1), sample_scene(BLUE, seed=2)
    between = [Image.blend(first, second, share) for share in np.linspace(0, 1, 10)]
    found = chosen([first] * 30 + between + [second] * 30)
    assert 2 <= len(found.shots) <= 3
    assert abs(found.shots[-1][0] - 40 / 12) < 1.0


def test_flashes_are_no_shots() -> None:
    scene, flash = sample_scene(RED), Image.new("RGB", (160, 90), "white")
    found = chosen([scene] * 30 + [flash] + [scene] * 30)
    assert len(found.shots) == 1
    assert all(picture.tobytes() == scene.tobytes() for picture in found.frames)


def test_long_shots_have_several_frames_and_parts() -> None:
    found = chosen([sample_scene(RED)] * (12 * 40))
    assert len(found.shots) == int(40 / LONGEST_SHOT) + 1
    assert 12 <= len(found.frames) <= 24
    assert np.diff(found.times).min() >= FRAME_EVERY / 2


def test_blurred_moments_are_avoided() -> None:
    calm, blurred = sample_scene(RED), Image.new("RGB", (160, 90), (150, 90, 90))
    pictures = [calm, calm, calm, blurred, calm, calm] * 8
    assert all(picture.tobytes() == calm.tobytes() for picture in chosen(pictures, most=3).frames)


def test_pictures_far_apart_are_compared_by_what_they_show() -> None:
    pictures = [sample_scene(RED), sample_scene(RED), sample_scene(BLUE, seed=2), sample_scene(BLUE, seed=2)]
    found = chosen(pictures, rate=0.2, scattered=True)
    assert found.shots[0][0] == 0.0
    assert (5.0 + 10.0) / 2 in [first for first, _ in found.shots]
    assert len(found.frames) == 4


def test_nothing_seen_gives_nothing() -> None:
    assert KeyFrames(5).finish(3.0) == Chosen((), (), (), ())


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40)), min_size=1, max_size=30),
    st.integers(1, 12),
    st.sampled_from([1.0, 6.0, 12.0]),
    st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_laws(scenes: list[tuple[int, int]], most: int, rate: float, scattered: bool) -> None:
    pool = [sample_scene(colour, seed=seed).resize((32, 18)) for seed, colour in enumerate((RED, GREEN, BLUE) * 2)]
    pictures = [pool[number] for number, count in scenes for _ in range(count)]
    found = chosen(pictures, most=most, rate=rate, scattered=scattered)
    assert 1 <= len(found.shots) <= most
    assert len(found.shots) <= len(found.frames) <= most
    assert len(found.frames) == len(found.times) == len(found.shot_of)
    assert list(found.times) == sorted(found.times)
    assert sorted(set(found.shot_of)) == list(range(len(found.shots)))
    assert list(found.shot_of) == sorted(found.shot_of)
    for (first, last), after in zip(found.shots, [*found.shots[1:], (found.shots[-1][1], 0.0)], strict=True):
        assert first <= last == after[0]
    for time, shot in zip(found.times, found.shot_of, strict=True):
        first, last = found.shots[shot]
        assert first - 1e-9 <= time <= last + 1e-9


@pytest.mark.parametrize(
    ("lengths", "most", "counts"),
    [([1.0], 5, [1]), ([10.0], 3, [3]), ([10.0, 1.0], 4, [3, 1]), ([4.1, 4.1], 10, [2, 2]), ([0.0] * 3, 3, [1, 1, 1])],
)
def test_frames_go_to_long_shots(lengths: list[float], most: int, counts: list[int]) -> None:
    assert frames_a_shot(lengths, most) == counts
