"""Small photos, videos and sounds made on the spot, for tests: nothing has to be kept in a repository."""

from __future__ import annotations

import io
import struct
import wave
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

Colour = tuple[int, int, int]

RED, GREEN, BLUE = (220, 30, 30), (30, 160, 60), (30, 50, 220)

#: What writes each container's pictures and sound.
_CODECS = {
    "mp4": ("libx264", "aac"),
    "mov": ("libx264", "aac"),
    "webm": ("libvpx", "libopus"),
    "matroska": ("libx264", "libopus"),
    "avi": ("mpeg4", "libmp3lame"),
    "mpegts": ("mpeg2video", "mp2"),
}


def sample_scene(colour: Colour, size: tuple[int, int] = (160, 90), *, seed: int = 0) -> Image.Image:
    """A picture with shapes in it, so that two scenes differ in more than their colour."""
    random = np.random.default_rng(seed)
    picture = Image.new("RGB", size, colour)
    for _ in range(6):
        left, top = random.integers(0, size[0] - 20), random.integers(0, size[1] - 20)
        shade = tuple(int(value) for value in random.integers(0, 256, 3))
        picture.paste(shade, (int(left), int(top), int(left) + 20, int(top) + 15))
    return picture


def sample_photo(kind: str = "JPEG", size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    """A photo of many colours in a format of Pillow's."""
    random = np.random.default_rng(1)
    tile = Image.fromarray(random.integers(0, 256, (6, 8, 3), dtype=np.uint8))
    stream = io.BytesIO()
    tile.resize(size, Image.Resampling.BICUBIC).save(stream, kind, **options)
    return stream.getvalue()


def sample_tone(seconds: float = 1.0, *, rate: int = 16_000, pitch: float = 440.0) -> npt.NDArray[np.float32]:
    """A sine. float32 [samples]"""
    moments = np.arange(int(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * pitch * moments)).astype(np.float32)


def sample_wav(samples: npt.NDArray[np.floating], *, rate: int = 16_000, channels: int = 1) -> bytes:
    """Samples as 16-bit WAV, the same on every channel."""
    values = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat(values[:, None], channels, axis=1).tobytes())
    return stream.getvalue()


def sample_float_wav(samples: npt.NDArray[np.floating], *, rate: int = 16_000, channels: int = 1) -> bytes:
    """Samples as 32-bit floating point WAV, which can hold NaN and infinity, with any header one likes."""
    body = np.asarray(samples, "<f4").tobytes()
    each = 4 * channels & 0xFFFF
    header = struct.pack("<HHIIHH", 3, channels & 0xFFFF, rate & 0xFFFFFFFF, rate * each & 0xFFFFFFFF, each, 32)
    chunks = b"fmt " + struct.pack("<I", len(header)) + header + b"data" + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def sample_video(
    scenes: Sequence[Image.Image] | None = None,
    *,
    seconds: float = 1.0,
    rate: int = 12,
    container: str = "mp4",
    sound: npt.NDArray[np.float32] | None = None,
    key_every: int = 12,
    options: dict[str, str] | None = None,
) -> bytes:
    """A video in which each scene is shown for so many seconds; `sound` is 48 kHz mono.

    `options` are the container's, such as {"movflags": "frag_keyframe+empty_moov"}.
    """
    scenes = scenes if scenes is not None else [sample_scene(RED, seed=1), sample_scene(BLUE, seed=2)]
    video_codec, audio_codec = _CODECS[container]
    stream = io.BytesIO()
    with av.open(stream, "w", format=container, options=options or {}) as file:
        video: Any = file.add_stream(video_codec, rate=rate)
        video.width, video.height = scenes[0].size
        video.pix_fmt = "yuv420p"
        video.codec_context.gop_size = key_every
        video.codec_context.time_base = Fraction(1, rate)
        audio: Any = None if sound is None else _sound_track(file, audio_codec)
        each = max(1, round(seconds * rate))
        for place in range(len(scenes) * each):
            frame = av.VideoFrame.from_ndarray(np.asarray(scenes[place // each]), "rgb24")
            frame.pts, frame.time_base = place, Fraction(1, rate)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
        if sound is not None:
            _write_sound(file, audio, sound)
    return stream.getvalue()


def sample_sound_file(samples: npt.NDArray[np.float32], *, container: str, codec: str, tracks: int = 1) -> bytes:
    """48 kHz mono samples in any container and codec of FFmpeg's, for example "ogg" and "libopus"."""
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as file:
        made = [_sound_track(file, codec) for _ in range(tracks)]
        for track in made:
            _write_sound(file, track, samples)
    return stream.getvalue()


def _sound_track(file: Any, codec: str) -> Any:
    track = file.add_stream(codec, rate=48_000)
    track.layout = "mono"
    return track


def _write_sound(file: Any, track: Any, samples: npt.NDArray[np.float32]) -> None:
    """48 kHz mono samples, in whatever sample format the codec wants."""
    resampler = av.AudioResampler(format=track.codec_context.format, layout="mono", rate=48_000)
    for start in range(0, len(samples), 960):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples[None, start : start + 960]), "flt", "mono")
        frame.rate, frame.pts = 48_000, start
        frame.time_base = Fraction(1, 48_000)
        for ready in resampler.resample(frame):
            file.mux(track.encode(ready))
    for ready in resampler.resample(None):
        file.mux(track.encode(ready))
    file.mux(track.encode(None))
