"""Decodes sound, of a sound file or a video, to 16,000 mono samples a second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import av.error
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer

from shoplens.encoders.media import SOUND_RATE, MediaLimits, Sound
from shoplens.encoders.media_container import AUDIO_CODECS, first_decodable, opened
from shoplens.encoders.media_kinds import HEAD_BYTES, kind_of
from shoplens.errors import InputError

MAX_DAMAGED_PACKETS = 200  # packets in a row that may be unreadable before the rest is given up


def decode_sound(stream: BinaryIO, source: str, limits: MediaLimits) -> Sound:
    """The first sound track, at most `max_sound_seconds` of it. float32 [samples]

    No samples for a video without sound track: that is no fault of the file. InputError for anything else without
    sound. `source` is for messages; the stream stands at its beginning.
    """
    kind = kind_of(stream.read(HEAD_BYTES), source)
    stream.seek(0)
    if kind.family in ("photo", "animation"):
        raise InputError(f"{source}: this is a picture ({kind.name}), no sound")
    with opened(stream, kind, source, limits) as container:
        sound = track(container, limits)
        pictures = bool(container.streams.video)
    if sound is None and not pictures:
        raise InputError(f"{source}: it has no sound track")
    if sound is not None and not len(sound):
        raise InputError(f"{source}: nothing of its sound could be decoded")
    return sound if sound is not None else np.zeros(0, np.float32)


def track(container: InputContainer, limits: MediaLimits) -> Sound | None:
    """The samples of an opened file's first sound track; None when it has none, empty when nothing can be decoded."""
    stream = first_decodable(container.streams.audio, AUDIO_CODECS)
    if stream is None:
        return None
    stream.thread_type = "NONE"
    left = int(limits.max_sound_seconds * SOUND_RATE)
    pieces: list[Sound] = []
    for piece in Resampled().samples(frames_of(container, stream)):
        pieces.append(piece[:left])
        left -= len(pieces[-1])
        if left <= 0:
            break
    return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)


class Resampled:
    """Sound frames of any rate, layout and sample format → float32 samples at `SOUND_RATE`."""

    def __init__(self) -> None:
        self._resampler = AudioResampler(format="fltp", rate=SOUND_RATE)
        self._shape: tuple[Any, ...] | None = None

    def samples(self, frames: Iterator[Any]) -> Iterator[Sound]:
        """Pieces of samples, in order, with what is left in the filter at the end."""
        for frame in frames:
            yield from self.add(frame)
        yield from self.rest()

    def add(self, frame: Any) -> Iterator[Sound]:
        """Samples that a frame completes."""
        frame.pts = None  # times do not matter here, and damaged ones are refused by the filter
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._shape is not None and shape != self._shape:  # some streams change their mind
            yield from self.rest()
            self._resampler = AudioResampler(format="fltp", rate=SOUND_RATE)
        self._shape = shape
        for done in self._resampler.resample(frame):
            yield _samples(done)

    def rest(self) -> Iterator[Sound]:
        """Samples still in the filter; none may be added afterwards."""
        if self._shape is not None:
            for done in self._resampler.resample(None):
                yield _samples(done)


def _samples(frame: Any) -> Sound:
    """The mean of the channels, finite, between -1 and 1. FFmpeg's own mixing makes stereo louder than 1."""
    channels = np.nan_to_num(frame.to_ndarray(), nan=0.0, posinf=1.0, neginf=-1.0)
    values: Sound = np.clip(channels, -1.0, 1.0).mean(axis=0, dtype=np.float32)
    return values


def frames_of(container: InputContainer, stream: Any) -> Iterator[Any]:
    """Decoded frames; damaged packets are passed over, unless there are too many."""
    damaged = 0
    packets = container.demux(stream)
    while damaged <= MAX_DAMAGED_PACKETS:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError):  # the end, or a cut file: what came before is good
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            damaged += 1
            continue
        if frames:
            damaged = 0
        yield from frames
