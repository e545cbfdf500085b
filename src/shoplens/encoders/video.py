"""Videos to vectors: the photo encoder looks at the frames that stand for each shot.

The vectors lie in the space of photos: a photo finds the video that shows the same thing, and whatever brings words to
photos brings them to videos.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import Encoder, EncoderOptions, Vectors, open_encoder, shared_space
from shoplens.encoders.blocks import blocks_of, pooled
from shoplens.encoders.media import Clip
from shoplens.errors import ConfigurationError

REVISION = "1"  # of choosing and pooling frames: part of `version`


@dataclass(frozen=True, slots=True, eq=False)
class ShotVectors:
    """Where what is to be seen in a video."""

    vectors: Vectors  # [shots, size], unit length
    bounds: npt.NDArray[np.float32]  # [shots, 2] first and last second of each
    times: npt.NDArray[np.float32]  # [shots] second of the frame that is most like the whole shot


class VideoEncoder:
    """Pools the vectors of a clip's frames: within each shot, and over the whole clip, where long shots count more."""

    name = "frames"
    modality = "video"

    def __init__(self, photo: Encoder) -> None:
        if photo.modality != "image":
            raise ConfigurationError(f"frames of videos are read by an encoder of photos, {photo.name!r} is none")
        self.photo = photo
        self.size = photo.size
        self.blocks: Mapping[str, slice] = blocks_of(photo)
        self.version = f"{photo.name}-{photo.version}-{REVISION}"

    @classmethod
    def open(cls, options: EncoderOptions) -> Self:
        """Around the encoder of photos that the options name."""
        return cls(open_encoder(options.photo, replace(options, modality="image")))

    @property
    def shared_space(self) -> str | None:
        """Space that it shares with texts, when the encoder of photos does."""
        return shared_space(self.photo)

    def load(self) -> None:
        """Load the network now rather than at the first clip."""
        load = getattr(self.photo, "load", None)
        if load is not None:
            load()

    def encode(self, inputs: Sequence[Clip]) -> Vectors:
        """One vector a clip. float32 [len(inputs), size], unit length, laid out as the photo encoder's."""
        vectors = np.empty((len(inputs), self.size), np.float32)
        for place, clip in enumerate(inputs):
            vectors[place] = self.pooled(self.encode_shots(clip))
        return vectors

    def encode_shots(self, clip: Clip) -> ShotVectors:
        """One vector a shot, and when it is to be seen."""
        frames = self.photo.encode(clip.frames)
        shot_of, times = np.asarray(clip.shot_of), np.asarray(clip.times, np.float32)
        vectors = np.empty((len(clip.shots), self.size), np.float32)
        typical = np.empty(len(clip.shots), np.float32)
        for shot in range(len(clip.shots)):
            own = np.flatnonzero(shot_of == shot)
            vectors[shot] = pooled(frames[own], [1.0] * len(own), self.blocks)
            typical[shot] = times[own[int((frames[own] @ vectors[shot]).argmax())]]
        return ShotVectors(vectors, np.asarray(clip.shots, np.float32).reshape(-1, 2), typical)

    def pooled(self, shots: ShotVectors) -> npt.NDArray[np.float32]:
        """The vector of a whole clip from those of its shots. [size]

        A shot counts with the root of its length: what is shown longest is what the video is about, but a long still
        must not drown the rest.
        """
        lengths = np.maximum(shots.bounds[:, 1] - shots.bounds[:, 0], 0.04)
        return pooled(shots.vectors, np.sqrt(lengths).tolist(), self.blocks)
