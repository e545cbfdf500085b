"""Encoders and recognisers without weights, one for each modality that needs them: for tests of what stands around.

`with tiny_parts():` makes them known by name; `TINY` are the settings that choose them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
from PIL import Image

from shoplens import registry
from shoplens.encoders.base import EncoderOptions, Vectors
from shoplens.encoders.media import SOUND_RATE, Sound
from shoplens.encoders.ocr import Line, PhotoText
from shoplens.encoders.speech import Segment, Transcript

#: Table [encoders] of shoplens.toml.
TINY: dict[str, Any] = {
    "text": "hashed-ngrams",
    "image": "tiny-photos",
    "audio": "tiny-sounds",
    "ocr": "tiny-writing",
    "speech": "tiny-speech",
}


class TinyPhotos:
    """Mean colour of a photo."""

    name, version, modality, size = "tiny-photos", "1", "image", 3

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:  # noqa: ARG003 - nothing to load
        """Ready at once."""
        return cls()

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        """Red, green and blue, of unit length. float32 [len(inputs), 3]"""
        means = [np.asarray(photo, np.float32).mean((0, 1)) + 1 for photo in inputs]
        return _unit(np.array(means, np.float32).reshape(len(inputs), self.size))


class TinySounds:
    """How loud a sound is, and whether it lasts."""

    name, version, modality, size = "tiny-sounds", "1", "audio", 2

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:  # noqa: ARG003
        """Ready at once."""
        return cls()

    def encode(self, inputs: Sequence[Sound]) -> Vectors:
        """Loudness and seconds, of unit length. float32 [len(inputs), 2]"""
        facts = [(np.abs(one).sum() / SOUND_RATE + 0.1, len(one) / SOUND_RATE) for one in inputs]
        return _unit(np.array(facts, np.float32).reshape(len(inputs), self.size))


class TinyWriting:
    """Reads the same line in every photo."""

    name, version, modality = "tiny-writing", "1", "ocr"

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:  # noqa: ARG003
        """Ready at once."""
        return cls()

    def read(self, photos: Sequence[Image.Image]) -> list[PhotoText]:
        """One page for each photo."""
        line = Line(f"organic {self.version}", 0.9, (0.0, 0.0, 1.0, 1.0))
        return [PhotoText(line.text, (line,), line.confidence) for _ in photos]


class TinySpeech:
    """Hears in every sound how long it is."""

    name, version, modality = "tiny-speech", "1", "speech"

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:  # noqa: ARG003
        """Ready at once."""
        return cls()

    def transcribe(self, sound: Sound, *, language: str | None = None, words: bool = False) -> Transcript:  # noqa: ARG002
        """One segment."""
        seconds = len(sound) / SOUND_RATE
        said = f"about {round(seconds)} seconds"
        return Transcript(said, "en", (Segment(said, 0.0, seconds, 0.8),))


@contextmanager
def tiny_parts() -> Iterator[None]:
    """Make them known by name, as an installed package would, until the block ends."""
    added: dict[str, tuple[Any, ...]] = {"encoders": (TinyPhotos, TinySounds), "recognisers": (TinyWriting, TinySpeech)}
    for kind, parts in added.items():
        for part in parts:
            registry.PARTS[kind][part.name] = registry.Part(f"{__name__}:{part.__name__}")
    try:
        yield
    finally:
        for kind, parts in added.items():
            for part in parts:
                del registry.PARTS[kind][part.name]


def _unit(values: Vectors) -> Vectors:
    vectors: Vectors = values / np.linalg.norm(values, axis=1, keepdims=True)
    return vectors
