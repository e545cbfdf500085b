"""Sounds to vectors: what Whisper's encoder says about a sound, less what it says about silence.

The encoder gives a vector for every 20 ms of a window of 30 s. Their mean over the time in which there is sound tells
speech from music from noise; but the largest part of every such vector is the same for all sounds, and depends on where
in the window it stands. What the encoder says about silence at those places is that part, so it is taken off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import EncoderOptions, Vectors
from shoplens.encoders.media import SOUND_RATE, Sound
from shoplens.encoders.session import Later
from shoplens.encoders.whisper import WIDTHS, WhisperNetwork, whisper_network
from shoplens.errors import ConfigurationError

REVISION = "1"  # of what is done with the network's output: part of `version`
WINDOW_SECONDS = 30  # what Whisper looks at at once
MOST_WINDOWS = 4  # of a long sound, evenly spread: two minutes tell what kind of sound it is
STEP = 320  # samples that one vector of the encoder stands for
SILENT = 1e-4  # amplitude below which there is no sound: -80 dB


class WhisperAudioEncoder:
    """Mean-pooled Whisper encoder. Loads at the first sound; safe to share between threads."""

    modality = "audio"

    def __init__(self, network: WhisperNetwork) -> None:
        self.name = network.name
        self.size = network.width
        self.version = f"{network.version}-{network.precision}-{REVISION}"
        self._network = network
        self._silence: Later[npt.NDArray[np.float32]] = Later(
            lambda: self._states(np.zeros(WINDOW_SECONDS * SOUND_RATE, np.float32))
        )

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:
        """As the settings want it. MissingExtraError without the extra "speech"."""
        return cls(whisper_network(options))

    def load(self) -> None:
        """Load the network now rather than at the first sound. ModelFileError when files are missing or altered."""
        self._silence.get()

    def encode(self, inputs: Sequence[Sound]) -> Vectors:
        """Vectors of sounds, mono at 16 kHz, of any length. float32 [len(inputs), size], unit length. Base: size 512.

        Silence, and a sound without samples, get the vector of which all numbers are equal.
        """
        vectors = np.empty((len(inputs), self.size), np.float32)
        for place, sound in enumerate(inputs):
            vectors[place] = self._vector(np.nan_to_num(np.asarray(sound, np.float32).reshape(-1)))
        return vectors

    def _vector(self, sound: Sound) -> npt.NDArray[np.float32]:
        total = np.zeros(self.size, np.float64)
        for window in windows(sound):
            if not len(window) or float(np.abs(window).max()) < SILENT:
                continue
            steps = max(1, math.ceil(len(window) / STEP))
            states = self._states(window)[:steps]
            total += (states - self._silence.get()[:steps]).sum(axis=0, dtype=np.float64)
        length = float(np.linalg.norm(total))
        if length < 1e-6:
            return np.full(self.size, 1 / math.sqrt(self.size), np.float32)
        return (total / length).astype(np.float32)

    def _states(self, window: Sound) -> npt.NDArray[np.float32]:
        """What the encoder says, every 20 ms of a window. float32 [1500, size]"""
        model: Any = self._network.get()
        whole = np.zeros(WINDOW_SECONDS * SOUND_RATE, np.float32)
        whole[: len(window)] = window
        features = model.feature_extractor(whole)[..., : model.feature_extractor.nb_max_frames]
        states: npt.NDArray[np.float32] = np.asarray(_on_cpu(model.encode(features)), np.float32)[0]
        if states.shape[1] != self.size:
            raise ConfigurationError(
                f"{self.name} makes {states.shape[1]} numbers, not {self.size}: put the network's size into its name, "
                f"as in whisper:/models/{_size_named(states.shape[1])}"
            )
        return states


def _size_named(width: int) -> str:
    return next((name for name, numbers in WIDTHS.items() if numbers == width), "base")


def windows(sound: Sound) -> list[Sound]:
    """At most `MOST_WINDOWS` stretches of at most 30 s, evenly spread over the sound."""
    size = WINDOW_SECONDS * SOUND_RATE
    if len(sound) <= size * MOST_WINDOWS:
        return [sound[start : start + size] for start in range(0, len(sound), size)]
    starts = np.linspace(0, len(sound) - size, MOST_WINDOWS).astype(int)
    return [sound[start : start + size] for start in starts.tolist()]


def _on_cpu(states: Any) -> Any:
    """CTranslate2's tensor where NumPy can read it."""
    from ctranslate2 import Device

    return states if states.device == "cpu" else states.to_device(Device.cpu)
