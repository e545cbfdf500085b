"""Checks that every encoder and recogniser passes. Call them from a test of your own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

from shoplens.encoders.base import Encoder, TextEncoder
from shoplens.encoders.blocks import blocks_of
from shoplens.encoders.media import SOUND_RATE, Clip, Sound
from shoplens.features.shots import ShotEncoder
from shoplens.testing.sample_media import sample_tone

#: Texts of several scripts, lengths and oddities.
TEXTS = (
    "red running shoes",
    "Red Running Shoes, size 42",
    "红色跑步鞋",
    "A long description. " * 200,
    "café crème — 100 % arabica",
    "🎁",
    "x",
    "",
    "   ",
    "line one\nline two\ttabbed\x00null",
)


def sample_photos() -> list[Image.Image]:
    """Small pictures of several shapes, made on the spot; some as they come out of other modes."""
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 256, (60, 80, 3), dtype=np.uint8), "RGB")
    ramp = Image.linear_gradient("L")
    return [
        noise,
        ramp.convert("RGB"),
        ramp.rotate(90).convert("RGB"),
        ramp.convert("1").convert("RGB"),  # two colours, dithered
        noise.quantize(4).convert("RGB"),
        noise.convert("CMYK").convert("RGB"),
        Image.new("RGB", (500, 40), (200, 30, 30)),
        Image.new("RGB", (3, 700), (255, 255, 255)),
        Image.new("RGB", (1, 1)),
    ]


def sample_clips() -> list[Clip]:
    """Videos as their encoder gets them: two shots of several frames, and a single frame."""
    photos = sample_photos()
    red, noise = Image.new("RGB", (64, 36), (200, 30, 30)), photos[0]
    return [
        Clip((red, noise, noise), (0.5, 2.0, 3.0), (0, 1, 1), ((0.0, 1.0), (1.0, 4.0)), 4.0),
        Clip((noise,), (0.0,), (0,), ((0.0, 0.0),), 0.0),
    ]


def sample_sounds() -> list[Sound]:
    """Sounds at 16 kHz: a tone, noise, a click, silence, and nothing at all."""
    random = np.random.default_rng(0)
    click = np.zeros(SOUND_RATE // 4, np.float32)
    click[100] = 1.0
    return [
        sample_tone(),
        (0.1 * random.standard_normal(SOUND_RATE // 2)).astype(np.float32),
        click,
        np.zeros(SOUND_RATE, np.float32),
        np.zeros(0, np.float32),
    ]


#: Modality → inputs that its encoders are checked with.
SAMPLES: Mapping[str, Callable[[], Sequence[Any]]] = {
    "text": lambda: TEXTS,
    "image": sample_photos,
    "colour": sample_photos,
    "video": sample_clips,
    "audio": sample_sounds,
}


def check_encoder(make: Callable[[], Encoder], inputs: Sequence[Any] | None = None, *, tolerance: float = 1e-4) -> None:
    """AssertionError, with the reason, when an encoder breaks the contract of `encoders.base`.

    `make` opens the encoder and is called twice. `inputs` replaces the built-in samples of its modality. `tolerance` is
    how far a vector may move (largest difference of a coordinate) when the batch around it changes.
    """
    encoder = make()
    assert isinstance(encoder, Encoder), "name, version, modality, size and encode are required"
    assert encoder.modality in SAMPLES, f"{encoder.modality!r} is none of the modalities {', '.join(SAMPLES)}"
    samples: list[Any] = list(inputs or SAMPLES[encoder.modality]())
    assert encoder.name, "an encoder needs a name"
    assert encoder.version, "an encoder needs a version"
    vectors = encoder.encode(samples)
    _check_shape(encoder, vectors, len(samples))
    _check_shape(encoder, encoder.encode([]), 0)
    assert np.array_equal(vectors, encoder.encode(samples)), "the same call gave other vectors"
    alone = np.concatenate([encoder.encode([one]) for one in samples])
    moved = float(np.abs(alone - vectors).max(initial=0))
    assert moved <= tolerance, f"a vector depends on its batch: alone it differs by {moved:.2g}"
    turned = encoder.encode(samples[::-1])[::-1]
    moved = float(np.abs(turned - vectors).max(initial=0))
    assert moved <= tolerance, f"a vector depends on its place in the batch: it differs by {moved:.2g}"
    doubled = encoder.encode([samples[0], samples[0]])
    moved = float(np.abs(doubled[0] - doubled[1]).max())
    assert moved <= tolerance, "the same input twice in a batch has two vectors"
    again = make()
    assert (again.name, again.version, again.size) == (encoder.name, encoder.version, encoder.size), (
        "opening it again gave another name, version or size"
    )
    moved = float(np.abs(again.encode(samples) - vectors).max(initial=0))
    assert moved <= tolerance, "opened again, it gives other vectors under the same version"
    _check_blocks(encoder)
    if isinstance(encoder, TextEncoder):
        _check_shape(encoder, encoder.encode_queries(samples), len(samples))
    if encoder.modality == "video" and isinstance(encoder, ShotEncoder):
        _check_shots(encoder, samples[0], vectors[0], tolerance)


def check_recogniser(make: Callable[[], Any], inputs: Sequence[Any] | None = None) -> None:
    """AssertionError, with the reason, when what finds words in photos ("ocr") or sound ("speech") breaks its contract.

    `make` opens it and is called twice; `inputs` replaces the built-in samples, photos or sounds.
    """
    recogniser, again = make(), make()
    assert recogniser.modality in ("ocr", "speech"), f"{recogniser.modality!r} is neither ocr nor speech"
    assert recogniser.name, "a recogniser needs a name"
    assert recogniser.version, "a recogniser needs a version"
    assert (again.name, again.version) == (recogniser.name, recogniser.version), "opened again, it is another version"
    if recogniser.modality == "ocr":
        photos = list(inputs or sample_photos())
        pages = recogniser.read(photos)
        assert len(pages) == len(photos), f"{len(pages)} answers to {len(photos)} photos"
        assert recogniser.read([]) == [], "nothing in, nothing out"
        assert [again.read([photo])[0] for photo in photos] == pages, "a photo alone is read otherwise"
        for photo, page in zip(photos, pages, strict=True):
            _check_lines(photo, page)
        return
    for sound in inputs or sample_sounds():
        heard = recogniser.transcribe(sound)
        assert heard == again.transcribe(sound), "the same sound was heard otherwise"
        assert bool(heard.text) == bool(heard.segments), "a text needs segments, and segments a text"
        for segment in heard.segments:
            length = len(sound) / SOUND_RATE
            assert 0 <= segment.start <= segment.end <= length + 1, f"{segment} lies outside of the sound's {length} s"
            assert 0 <= segment.confidence <= 1, f"confidence {segment.confidence} is not between 0 and 1"


def _check_lines(photo: Image.Image, page: Any) -> None:
    assert bool(page.text) == bool(page.lines), "a text needs lines, and lines a text"
    for line in page.lines:
        left, top, right, bottom = line.box
        assert 0 <= line.confidence <= 1, f"confidence {line.confidence} is not between 0 and 1"
        inside = -1 <= left <= right <= photo.width + 1 and -1 <= top <= bottom <= photo.height + 1
        assert inside, f"the box {line.box} lies outside of a photo of {photo.size}"


def _check_blocks(encoder: Encoder) -> None:
    places = sorted((part.start, part.stop) for part in blocks_of(encoder).values())
    ends = [0, *(stop for _, stop in places)]
    assert [start for start, _ in places] == ends[:-1], f"blocks {places} leave gaps or overlap"
    assert ends[-1] == encoder.size, f"blocks {places} do not cover {encoder.size} numbers"


def _check_shots(encoder: ShotEncoder, clip: Clip, vector: Any, tolerance: float) -> None:
    shots = encoder.encode_shots(clip)
    assert shots.vectors.shape[0] == len(clip.shots), f"{shots.vectors.shape[0]} vectors for {len(clip.shots)} shots"
    assert np.allclose(np.linalg.norm(shots.vectors, axis=1), 1.0, atol=1e-3), "vectors of shots are of unit length"
    moved = float(np.abs(encoder.pooled(shots) - vector).max())
    assert moved <= tolerance, f"the vector of a clip is not that of its shots: it differs by {moved:.2g}"


def _check_shape(encoder: Encoder, vectors: Any, count: int) -> None:
    assert isinstance(vectors, np.ndarray), "vectors are a NumPy array"
    assert vectors.shape == (count, encoder.size), f"shape {vectors.shape} is not ({count}, {encoder.size})"
    assert vectors.dtype == np.float32, f"{vectors.dtype} is not float32"
    assert np.isfinite(vectors).all(), "vectors are finite"
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.allclose(lengths, 1.0, atol=1e-3), f"lengths {lengths} are not 1"
