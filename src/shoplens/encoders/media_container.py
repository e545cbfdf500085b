"""Opens video and sound files with FFmpeg (PyAV's own, no system package) so that they reach nothing but themselves.

The format is the one that `media_kinds` saw, nested files and protocols are refused, and only codecs that shops and
phones use are decoded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import av
import av.error
import av.logging
from av.container import InputContainer
from av.stream import Stream

from shoplens.encoders.media import MediaLimits
from shoplens.encoders.media_kinds import Kind
from shoplens.errors import InputError, UnsafeInputError

VIDEO_CODECS = frozenset({
    "h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "libaom-av1", "mpeg4", "mpeg1video", "mpeg2video", "mpegvideo",
    "theora", "mjpeg", "h263", "h263p", "prores", "dvvideo", "msmpeg4", "msmpeg4v2", "msmpeg4v3", "png", "rawvideo",
})  # fmt: skip
AUDIO_CODECS = frozenset({
    "aac", "aac_fixed", "aac_latm", "mp3", "mp3float", "mp2", "mp2float", "opus", "libopus", "vorbis", "libvorbis",
    "flac", "alac", "ac3", "ac3_fixed", "eac3", "amrnb", "amr_nb", "amrwb", "amr_wb", "adpcm_ms", "adpcm_ima_wav",
    "adpcm_ima_qt", "gsm", "gsm_ms", "speex", "libspeex",
    *(f"pcm_{name}" for name in (
        "alaw", "mulaw", "u8", "s8", "s16le", "s16be", "u16le", "s24le", "s24be", "s32le", "s32be", "f32le", "f32be",
        "f64le", "f64be", "s8_planar", "s16le_planar", "s16be_planar", "lpcm", "dvd", "bluray",
    )),
})  # fmt: skip

_OPTIONS = {
    "protocol_whitelist": "none",
    "codec_whitelist": ",".join(sorted(VIDEO_CODECS | AUDIO_CODECS)),
    "max_streams": "64",
    "probesize": "5000000",  # bytes looked at to find the streams, FFmpeg's default
    "analyzeduration": "5000000",  # microseconds, likewise
}


@contextmanager
def opened(
    stream: BinaryIO, kind: Kind, source: str, limits: MediaLimits, *, growing: bool = False
) -> Iterator[InputContainer]:
    """The container in a file, checked against the limits. InputError and UnsafeInputError say what is wrong.

    FFmpeg's errors in the `with` block become InputErrors too. `growing`: more of the file is still to come, so as
    little as possible is read ahead.
    """
    av.logging.set_level(av.logging.PANIC)
    options = {**_OPTIONS, "format_whitelist": kind.demuxer}
    if growing:
        options |= {"probesize": "2048", "analyzeduration": "100000"}
    try:
        with av.open(
            stream,
            "r",
            format=kind.demuxer,
            container_options=options,
            metadata_errors="replace",
            buffer_size=4_096 if growing else 65_536,
            io_open=_refuse_nested,
        ) as container:
            check_streams(container, source, limits)
            yield container
    except av.error.FFmpegError as error:
        raise InputError(f"{source}: the file is damaged or cut short ({error.strerror or error})") from error
    except MemoryError:
        raise
    except (
        ValueError,
        TypeError,
        OverflowError,
        ArithmeticError,
        LookupError,
        RuntimeError,
        OSError,
        EOFError,
    ) as error:
        # PyAV raises all of these on damaged files.
        raise InputError(f"{source}: the file is damaged or cut short ({error})") from error


def check_streams(container: InputContainer, source: str, limits: MediaLimits) -> None:
    """Refuse what claims to be larger than it may be."""
    if len(container.streams) > limits.max_streams:
        raise UnsafeInputError(
            f"{source}: refused, it has {len(container.streams)} tracks, more than the {limits.max_streams} allowed"
        )
    length = stated_duration(container)
    if length is not None and not length <= limits.max_duration:
        raise UnsafeInputError(
            f"{source}: refused, it claims to last {length / 3600:,.1f} hours, more than the "
            f"{limits.max_duration / 3600:g} allowed"
        )
    for stream in container.streams.video:
        width, height = stream.codec_context.width, stream.codec_context.height
        if width * height > limits.max_frame_pixels:
            raise UnsafeInputError(
                f"{source}: refused, frames of {width} × {height} pixels are more than the "
                f"{limits.max_frame_pixels:,} allowed"
            )


def check_frame(frame: Any, source: str, limits: MediaLimits) -> None:
    """Refuse a frame that is larger than the file said."""
    if frame.width * frame.height > limits.max_frame_pixels:
        raise UnsafeInputError(
            f"{source}: refused, a frame of {frame.width} × {frame.height} pixels is more than the "
            f"{limits.max_frame_pixels:,} allowed"
        )


def stated_duration(container: InputContainer) -> float | None:
    """Seconds that the file says it lasts; None when it does not say."""
    if container.duration is None or container.duration < 0:
        return None
    return container.duration / av.time_base


def first_decodable(streams: Any, allowed: frozenset[str]) -> Any | None:
    """The first track of a kind whose codec is allowed; pictures of covers are no video."""
    for stream in streams:
        if codec_of(stream) in allowed and not stream.disposition & av.stream.Disposition.attached_pic:
            return stream
    return None


def codec_of(stream: Stream) -> str:
    """Name of a track's codec; "" for one that FFmpeg does not know."""
    context: Any = stream.codec_context
    return "" if context is None else str(context.name)


def seconds_of(frame: Any) -> float | None:
    """Time of a frame as the file states it, in seconds; None when it states none that is a time."""
    try:
        time = frame.time
    except (ArithmeticError, ValueError):
        return None
    return float(time) if time is not None and math.isfinite(time) else None


def _refuse_nested(url: str, flags: int, options: Any) -> Any:  # noqa: ARG001 - the signature is PyAV's
    """Called when a file wants FFmpeg to open another file or address."""
    raise PermissionError("it wants another file to be opened")
