"""What decoding gives: clips of video and stretches of sound, and what a file from outside may cost."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from PIL import Image

SOUND_RATE = 16_000  # samples a second of every decoded sound

Sound = npt.NDArray[np.float32]  # [samples], mono at SOUND_RATE, -1 to 1


@dataclass(frozen=True, slots=True)
class MediaFacts:
    """What a file says about itself, or turned out to be."""

    container: str = ""  # FFmpeg's name of the format, or Pillow's
    video_codec: str | None = None
    audio_codec: str | None = None
    width: int = 0  # pixels as stored, before turning
    height: int = 0
    frames_per_second: float = 0.0
    whole: bool = True  # False: only places here and there were looked at, or the file ends too early


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A video as an encoder sees it: a bounded number of frames that stand for its shots."""

    frames: tuple[Image.Image, ...]  # RGB, upright
    times: tuple[float, ...]  # seconds from the beginning, one for each frame, rising
    shot_of: tuple[int, ...]  # index into `shots`, one for each frame; every shot has at least one frame
    shots: tuple[tuple[float, float], ...]  # first and last second of each shot
    duration: float  # seconds
    sound: Sound | None = None  # None: no sound track, or not asked for
    facts: MediaFacts = field(default_factory=MediaFacts)


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What one video or sound from outside may cost, and how much of it is kept."""

    max_bytes: int = 200_000_000  # of the file
    max_duration: float = 6 * 3600.0  # seconds that a file may claim; what claims more is damaged or made to harm
    max_frame_pixels: int = 36_000_000  # width × height of a frame: 8K; more is a decompression bomb
    max_streams: int = 32  # films carry a dozen languages; more is made to harm
    max_decoded_pixels: int = 2_000_000_000  # of all frames decoded: 950 frames of full HD, about four seconds' work
    max_frames: int = 24  # frames kept of a video
    longest_side: int = 640  # pixels of a kept frame
    max_sound_seconds: float = 600.0  # of sound decoded, from the beginning
    decode_seconds: float = 60.0  # of one call, by the clock; then the process that decodes is killed
    memory_bytes: int = 1 << 30  # that decoding may take beyond the process's own
    timeout_seconds: float = 10.0  # of the network: for connecting, and between two pieces; in all, six times that
    max_redirects: int = 5
    allow_private: bool = False  # whether URLs may point into the shop's own network
