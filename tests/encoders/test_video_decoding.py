"""Videos of every container to clips: the right frames at the right times, in bounded work and memory."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from shoplens.encoders.base import EncoderOptions, Vectors
from shoplens.encoders.image import EfficientNetLite0
from shoplens.encoders.media import SOUND_RATE, Clip, MediaLimits
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.media_video import decode_video
from shoplens.encoders.video import VideoEncoder
from shoplens.errors import ConfigurationError, InputError, UnsafeInputError
from shoplens.testing.sample_media import BLUE, GREEN, RED, sample_scene, sample_tone, sample_video, sample_wav

SCENES = [sample_scene(colour, seed=seed) for seed, colour in enumerate((RED, GREEN, BLUE))]


def clip_of(content: bytes, limits: MediaLimits | None = None, *, sound: bool = True) -> Clip:
    return decode_video(io.BytesIO(content), "video", limits or MediaLimits(), sound=sound)


def like(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures are the same, up to what a codec loses."""
    small = [np.asarray(picture.resize((16, 9), Image.Resampling.BOX), np.float64) for picture in (one, other)]
    return float(np.abs(small[0] - small[1]).mean()) < 15


@pytest.mark.parametrize("container", ["mp4", "mov", "webm", "matroska", "avi", "mpegts"])
def test_shots_of_every_container(container: str) -> None:
    clip = clip_of(sample_video(SCENES, container=container, sound=sample_tone(3, rate=48_000)))
    assert [like(*both) for both in zip(clip.frames, SCENES, strict=True)] == [True] * 3
    assert np.allclose([first for first, _ in clip.shots], [0, 1, 2], atol=0.1)
    assert clip.duration == pytest.approx(3.0, abs=0.1)
    assert clip.sound is not None
    assert len(clip.sound) == pytest.approx(3 * SOUND_RATE, rel=0.02)
    assert clip.sound.max() == pytest.approx(0.3, abs=0.15)
    assert clip.facts.whole
    assert (clip.facts.width, clip.facts.height) == (160, 90)
    assert clip_of(sample_video(SCENES[:1], container=container), sound=True).sound is None


def test_long_videos_are_visited_not_read() -> None:
    scenes = [sample_scene(colour, seed=seed) for seed, colour in enumerate((RED, GREEN, BLUE) * 4)]
    content = sample_video(scenes, seconds=5.0, key_every=30)
    limits = MediaLimits(max_decoded_pixels=160 * 90 * 100, max_frames=12)
    read: list[int] = []

    class Counted(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            piece = super().read(size)
            read.append(len(piece))
            return piece

    clip = decode_video(Counted(content), "video", limits)
    assert not clip.facts.whole
    assert clip.duration == pytest.approx(60, abs=0.5)
    assert len(clip.frames) >= 10
    for time, frame in zip(clip.times, clip.frames, strict=True):
        assert like(frame, scenes[int(time / 5)])


def test_a_long_video_with_one_key_frame_is_read_from_its_beginning() -> None:
    content = sample_video(SCENES, seconds=3.0, key_every=1_000)
    clip = clip_of(content, MediaLimits(max_decoded_pixels=160 * 90 * 60))
    assert not clip.facts.whole
    assert like(clip.frames[0], SCENES[0])
    assert all(time <= 5.1 for time in clip.times)


def test_memory_does_not_grow_with_the_video() -> None:
    kept = []
    limits = MediaLimits(max_frames=4)
    with MediaPool(1) as pool:
        for count in (20, 80):  # the first is long enough for the allocator to have found its size
            scenes = [sample_scene((4 * place % 256, 80, 200), (640, 360), seed=place) for place in range(count)]
            content = sample_video(scenes, seconds=0.5)
            taken = []
            for _ in range(5):  # one measurement swings by 18 MB, whatever the length; what is kept is there each time
                assert len(pool.clip(content, "video", limits).frames) <= 4
                (worker,) = pool._state.all
                taken.append(psutil.Process(worker._process.pid).memory_info().rss)
            kept.append(min(taken))
    assert kept[1] - kept[0] < 12_000_000  # kept frames have 0.7 MB each: 60 scenes more would have over 40 MB


def test_frames_are_upright_and_no_larger_than_asked() -> None:
    content = sample_video([sample_scene(RED, (320, 180))])
    assert clip_of(content, MediaLimits(longest_side=100)).frames[0].size == (100, 56)
    unity = b"\0\1\0\0" + bytes(12) + b"\0\1\0\0" + bytes(12) + b"\x40\0\0\0"
    quarter = bytes(4) + b"\0\1\0\0" + bytes(4) + b"\xff\xff\0\0" + bytes(16) + b"\x40\0\0\0"
    place = content.index(unity, content.index(b"tkhd"))
    turned = clip_of(content[:place] + quarter + content[place + len(quarter) :])
    assert turned.frames[0].size == (180, 320)
    assert like(turned.frames[0], sample_scene(RED, (320, 180)).rotate(-90, expand=True))


def test_animated_pictures_are_videos() -> None:
    for kind in ("GIF", "WEBP", "PNG"):
        stream = io.BytesIO()
        frames = [scene for scene in SCENES for _ in range(10)]
        options = {"lossless": True} if kind == "WEBP" else {}
        frames[0].save(stream, kind, save_all=True, append_images=frames[1:], duration=100, loop=0, **options)
        clip = clip_of(stream.getvalue())
        assert [like(*both) for both in zip(clip.frames, SCENES, strict=True)] == [True] * 3
        assert clip.duration == pytest.approx(3.0, abs=0.1)
        assert clip.sound is None


def test_what_is_no_video_says_what_it_is() -> None:
    with pytest.raises(InputError, match="WAV with sound only"):
        clip_of(sample_wav(sample_tone(0.1)))
    stream = io.BytesIO()
    SCENES[0].save(stream, "WEBP")
    with pytest.raises(InputError, match="this is a photo"):
        clip_of(stream.getvalue())
    with pytest.raises(UnsafeInputError, match="hours"):
        clip_of(sample_video(), MediaLimits(max_duration=1.5))
    with pytest.raises(UnsafeInputError, match="160 × 90"):
        clip_of(sample_video(), MediaLimits(max_frame_pixels=10_000))


class MeanColour:
    """A photo encoder for tests: the mean colour, centred."""

    name, version, modality, size = "mean-colour", "1", "image", 3

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        values = np.array([np.asarray(one, np.float64).mean((0, 1)) - 90 for one in inputs])
        values = values.reshape(-1, 3)
        vectors: Vectors = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
        return vectors


def test_the_encoder_says_where_what_is_to_be_seen() -> None:
    photo = MeanColour()
    encoder = VideoEncoder(photo)
    clip = clip_of(sample_video(SCENES, seconds=2.0))
    shots = encoder.encode_shots(clip)
    assert shots.vectors.shape == (3, 3)
    assert np.allclose(shots.bounds, [[0, 2], [2, 4], [4, 6]], atol=0.1)
    queries = photo.encode(SCENES)
    assert (shots.vectors @ queries.T).argmax(axis=0).tolist() == [0, 1, 2]
    assert all(first <= time <= last for time, (first, last) in zip(shots.times, shots.bounds, strict=True))
    whole = encoder.encode([clip, clip])
    assert np.allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-5)
    assert np.array_equal(whole[0], encoder.pooled(shots))
    assert encoder.encode([]).shape == (0, 3)
    assert "mean-colour-1" in encoder.version


def test_only_photo_encoders_read_frames() -> None:
    class Text(MeanColour):
        modality = "text"

    with pytest.raises(ConfigurationError, match="is none"):
        VideoEncoder(Text())


def test_the_product_video_is_found_by_its_own_middle_frame(
    efficientnet: EfficientNetLite0, model_cache: Path, pool: MediaPool
) -> None:
    root = os.environ.get("SHOPLENS_BENCH")  # noqa: TID251 - tests may say where a developer keeps data
    path = Path(root or "") / "media" / "bottles.mp4"
    if root is None or not path.exists():
        pytest.skip("set SHOPLENS_BENCH to the folder that holds media/bottles.mp4")
    clip = pool.clip(path, "bottles.mp4", MediaLimits())
    assert clip.duration == pytest.approx(39.85, abs=0.1)
    encoder = VideoEncoder.open(EncoderOptions(model_cache, threads=1))
    shots = encoder.encode_shots(clip)
    others = [sample_scene(colour, (640, 360), seed=seed) for seed, colour in enumerate((RED, GREEN, BLUE))]
    middle = Image.open(io.BytesIO(_frame_at(path, clip.duration / 2)))
    query = efficientnet.encode([middle])[0]
    near, far = shots.vectors @ query, efficientnet.encode(others) @ query
    assert near.max() > far.max() + 0.2
    first, last = shots.bounds[int(near.argmax())]
    assert first - 8 <= clip.duration / 2 <= last + 8
    assert float(encoder.pooled(shots) @ query) > far.max() + 0.1


def _frame_at(path: Path, second: float) -> bytes:
    import av

    with av.open(path) as file:
        frame = next(one for one in file.decode(video=0) if one.time >= second)
    stream = io.BytesIO()
    Image.fromarray(frame.to_ndarray(format="rgb24")).save(stream, "PNG")
    return stream.getvalue()
