"""Encoders and recognisers without weights, one for each modality that needs them: for tests of what stands around.

`with tiny_parts():` makes them known by name; `TINY` are the settings that choose them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from shoplens import registry
from shoplens.encoders.base import EncoderOptions, Vectors
from shoplens.encoders.media import SOUND_RATE, Sound
from shoplens.encoders.ocr import Line, PhotoText
from shoplens.encoders.speech import PAUSE_SECONDS, Segment, Transcript

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


class TinyHalves(TinyPhotos):
    """Mean colours of the upper and of the lower half of a photo."""

    name, size = "tiny-halves", 6

    def encode(self, inputs: Sequence[Image.Image]) -> Vectors:
        """Two times red, green and blue, of unit length. float32 [len(inputs), 6]"""
        halves = [np.array_split(np.asarray(photo, np.float32), 2) for photo in inputs]
        means = [[half.mean((0, 1)) + 1 for half in photo] for photo in halves]
        return _unit(np.array(means, np.float32).reshape(len(inputs), self.size))


class TinySharedPhotos(TinyPhotos):
    """The half of a network of two that sees photos."""

    name, shared_space = "tiny-shared-photos", "tiny-colours"


class TinySharedTexts:
    """The other half: reads the colours that a text names."""

    name, version, modality, size = "tiny-shared-texts", "1", "text", 3
    shared_space = "tiny-colours"
    named: Mapping[str, tuple[int, int, int]] = MappingProxyType(
        {"red": (220, 30, 30), "green": (30, 160, 60), "blue": (30, 50, 220)}
    )

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:  # noqa: ARG003
        """Ready at once."""
        return cls()

    def encode(self, inputs: Sequence[str]) -> Vectors:
        """The sum of the colours, grey without any. float32 [len(inputs), 3]"""
        said = [[self.named[word] for word in text.casefold().split() if word in self.named] for text in inputs]
        return _unit(np.array([np.sum([(1, 1, 1), *colours], 0) for colours in said], np.float32).reshape(-1, 3))

    def encode_queries(self, inputs: Sequence[str]) -> Vectors:
        """The same."""
        return self.encode(inputs)


class TinyClasses(TinyPhotos):
    """Takes red photos for strawberries, green ones for cucumbers and blue ones for jeans, as ImageNet calls them."""

    name = "tiny-classes"
    blocks: Mapping[str, slice] = MappingProxyType({"embedding": slice(0, 3)})
    places = (949, 943, 608)  # of these three among the 1,000 classes

    def class_probabilities(self, embedding: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """float32 [len(embedding), 1000]"""
        probabilities = np.full((len(embedding), 1000), 1e-5, np.float32)
        probabilities[:, self.places] = embedding**4
        shares: npt.NDArray[np.float32] = probabilities / probabilities.sum(1, keepdims=True)
        return shares


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


def loud_in(samples: Sound) -> list[tuple[float, float]]:
    """In place of `encoders.speech.speech_in`, which hears voices: where it is loud, first and last second of each."""
    loud = np.flatnonzero(np.abs(samples) > 0.4)
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > PAUSE_SECONDS * SOUND_RATE)
    firsts, lasts = np.concatenate([[0], breaks + 1]), np.concatenate([breaks, [len(loud) - 1]])
    return [(loud[a] / SOUND_RATE, (loud[b] + 1) / SOUND_RATE) for a, b in zip(firsts, lasts, strict=True)]


@contextmanager
def tiny_parts() -> Iterator[None]:
    """Make them known by name, as an installed package would, until the block ends."""
    encoders = (TinyPhotos, TinyHalves, TinySharedPhotos, TinySharedTexts, TinyClasses, TinySounds)
    added: dict[str, tuple[Any, ...]] = {"encoders": encoders, "recognisers": (TinyWriting, TinySpeech)}
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
