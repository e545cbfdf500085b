"""Checks that every encoder passes. Call `check_encoder` from a test of your own encoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from shoplens.encoders.base import Encoder, TextEncoder

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
    """Small pictures of several shapes, made on the spot."""
    random = np.random.default_rng(0)
    noise = Image.fromarray(random.integers(0, 256, (60, 80, 3), dtype=np.uint8), "RGB")
    ramp = Image.linear_gradient("L").convert("RGB")
    return [noise, ramp, ramp.rotate(90), Image.new("RGB", (500, 40), (200, 30, 30)), Image.new("RGB", (1, 1))]


def check_encoder(make: Callable[[], Encoder], inputs: Sequence[Any] | None = None, *, tolerance: float = 1e-4) -> None:
    """AssertionError, with the reason, when an encoder breaks the contract of `encoders.base`.

    `make` opens the encoder and is called twice. `inputs` replaces the built-in samples of its modality. `tolerance` is
    how far a vector may move (largest difference of a coordinate) when the batch around it changes.
    """
    encoder = make()
    samples: list[Any] = list(inputs or (TEXTS if encoder.modality == "text" else sample_photos()))
    assert isinstance(encoder, Encoder), "name, version, modality, size and encode are required"
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
    if isinstance(encoder, TextEncoder):
        _check_shape(encoder, encoder.encode_queries(samples), len(samples))


def _check_shape(encoder: Encoder, vectors: Any, count: int) -> None:
    assert isinstance(vectors, np.ndarray), "vectors are a NumPy array"
    assert vectors.shape == (count, encoder.size), f"shape {vectors.shape} is not ({count}, {encoder.size})"
    assert vectors.dtype == np.float32, f"{vectors.dtype} is not float32"
    assert np.isfinite(vectors).all(), "vectors are finite"
    lengths = np.linalg.norm(vectors, axis=1)
    assert np.allclose(lengths, 1.0, atol=1e-3), f"lengths {lengths} are not 1"
