"""Decodes video to a `Clip`: streaming, never the whole file in memory, bounded work.

A video of moderate length is decoded frame by frame. One that would cost more than `max_decoded_pixels` is visited at
evenly spread moments, where the key frame before each is decoded. Without a stated length, frames are decoded until
the budget is spent, and key frames only from there. Animated pictures (GIF, WebP, APNG) are short videos too.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import av
import av.error
from av.container import InputContainer
from PIL import Image, ImageSequence

from shoplens.encoders.key_frames import SMALL, KeyFrames, thumbnail_of
from shoplens.encoders.media import Clip, MediaFacts, MediaLimits, Sound
from shoplens.encoders.media_container import (
    AUDIO_CODECS,
    VIDEO_CODECS,
    check_frame,
    codec_of,
    first_decodable,
    opened,
    seconds_of,
    stated_duration,
)
from shoplens.encoders.media_kinds import HEAD_BYTES, Kind, kind_of
from shoplens.encoders.media_sound import frames_of, track
from shoplens.encoders.photo_decoding import upright_rgb
from shoplens.errors import InputError, UnsafeInputError

LOOKS_A_SECOND = 12.0  # frames that are compared; more tell no more
VISITS = 4  # moments visited in a long video for each frame that is kept
FEWEST_VISITS = 4  # frames; a long video with fewer key frames is read from its beginning
PATIENCE = 50  # packets read after a seek until a key frame comes
MAX_ANIMATION_FRAMES = 600  # of an animated picture: each costs its full size
ORDINARY_RATE = 25.0  # frames a second where the file says nothing


def decode_video(stream: BinaryIO, source: str, limits: MediaLimits, *, sound: bool = True) -> Clip:
    """The video in a file, from its beginning. InputError and UnsafeInputError say why there is none.

    `sound` also decodes the sound track, if it has one. `source` is for messages.
    """
    kind = kind_of(stream.read(HEAD_BYTES), source)
    stream.seek(0)
    if kind.family == "animation":
        return _animation(stream, kind, source, limits)
    if kind.family == "photo":
        raise InputError(f"{source}: this is a photo ({kind.name}), no video; list it among the images")
    with opened(stream, kind, source, limits) as container:
        clip = _film(container, kind, source, limits)
    if not sound or clip.facts.audio_codec is None:
        return clip
    return _with_sound(clip, _sound_of(stream, kind, source, limits))


def _film(container: InputContainer, kind: Kind, source: str, limits: MediaLimits) -> Clip:
    video = first_decodable(container.streams.video, VIDEO_CODECS)
    if video is None:
        known = ", ".join(codec_of(one) or "unknown" for one in container.streams.video)
        reason = f"its codec ({known}) is none that is decoded here" if known else f"{kind.name} with sound only"
        raise InputError(f"{source}: it has no video track ({reason})")
    video.thread_type = "NONE"
    film = _Film(container, video, source, limits)
    keys = _looked_at(film, film.visits(), limits) if film.is_long else KeyFrames(limits.max_frames)
    if keys.seen < FEWEST_VISITS:  # a short one, or one whose index leads nowhere
        film.rewind()
        keys = _looked_at(film, film.in_order(), limits)
    stated = film.length
    end = film.last if stated is None or not film.scattered else max(film.last, stated)
    chosen = keys.finish(end)
    if not chosen.frames:
        raise InputError(f"{source}: none of its frames could be decoded; it is damaged or cut short")
    audio = first_decodable(container.streams.audio, AUDIO_CODECS)
    facts = MediaFacts(
        container=kind.name,
        video_codec=codec_of(video),
        audio_codec=None if audio is None else codec_of(audio),
        width=video.codec_context.width,
        height=video.codec_context.height,
        frames_per_second=film.rate,
        whole=film.whole and (stated is None or film.last >= 0.9 * stated - 1.0),
    )
    return Clip(chosen.frames, chosen.times, chosen.shot_of, chosen.shots, end, None, facts)


def _looked_at(film: _Film, frames: Iterator[tuple[float, Any]], limits: MediaLimits) -> KeyFrames:
    keys = KeyFrames(limits.max_frames)
    for time, frame in frames:
        check_frame(frame, film.source, limits)
        keys.look(time, _thumbnail(frame), partial(_picture, frame, limits), scattered=film.scattered)
    return keys


class _Film:
    """Frames of a video track with their times, within the budget."""

    def __init__(self, container: InputContainer, video: Any, source: str, limits: MediaLimits) -> None:
        self.container = container
        self.source = source
        self.video = video
        self.limits = limits
        rate = video.average_rate or video.guessed_rate
        self.rate = float(rate) if rate and 0.1 <= rate <= 1_000 else ORDINARY_RATE
        self.length = stated_duration(container)
        self.scattered = False  # whether frames are seconds apart
        self.whole = True
        self.last = 0.0  # seconds, end of the last frame seen
        self._first: float | None = None  # time that the file gives its first frame
        self._count = 0
        self._pixels = max(1, video.codec_context.width * video.codec_context.height)

    @property
    def is_long(self) -> bool:
        """Whether decoding all of it would cost more than it may."""
        return self.length is not None and (self.length * self.rate * self._pixels > self.limits.max_decoded_pixels)

    def rewind(self) -> None:
        """Back to the beginning."""
        if self.scattered:
            self.container.seek(0)
            self.video.codec_context.flush_buffers()
        self.scattered, self.whole, self.last, self._first, self._count = False, True, 0.0, None, 0
        self.video.codec_context.skip_frame = "DEFAULT"

    def in_order(self) -> Iterator[tuple[float, Any]]:
        """Time in seconds from the beginning and frame: all, then, when the budget is spent, key frames only."""
        budget = self.limits.max_decoded_pixels // self._pixels
        shown = -1.0
        for decoded, frame in enumerate(frames_of(self.container, self.video), 1):
            if decoded == budget:
                self.video.codec_context.skip_frame = "NONKEY"
                self.whole = False
                self.scattered = True
            if decoded > budget + VISITS * self.limits.max_frames:
                return
            time = self._time(frame)
            if time >= shown + 1 / LOOKS_A_SECOND - 0.005:
                shown = time
                yield time, frame

    def visits(self) -> Iterator[tuple[float, Any]]:
        """Time and frame of the key frames before evenly spread moments; each once."""
        length = self.length or 0.0
        self.whole, self.scattered = False, True
        self.video.codec_context.skip_frame = "NONKEY"
        count = VISITS * self.limits.max_frames
        start, base = self.container.start_time or 0, av.time_base
        last = -1.0
        for visit in range(count):
            moment = start + int(length * (visit + 0.5) / count * base)
            try:
                self.container.seek(moment, backward=True)
                self.video.codec_context.flush_buffers()
                frame = self._next_key_frame()
            except av.error.FFmpegError:
                continue
            if frame is None:
                continue
            pts = frame.pts if frame.pts is not None else frame.dts
            time = -1.0 if pts is None else float(pts * self.video.time_base) - start / base
            if last + 1e-3 < time <= self.limits.max_duration:
                last = time
                self.last = time + 1 / self.rate
                yield max(time, 0.0), frame

    def _next_key_frame(self) -> Any | None:
        """The key frame after a seek; None when there is none among the next packets."""
        context = self.video.codec_context
        for packet, _ in zip(self.container.demux(self.video), range(PATIENCE), strict=False):
            if not packet.is_keyframe or not packet.size:
                continue
            frames = packet.decode() or context.decode(None)  # a decoder that waits for later frames is emptied
            context.flush_buffers()
            if frames:
                return frames[0]
        return None

    def _time(self, frame: Any) -> float:
        """Seconds from the beginning; by counting where the file's own time makes no sense."""
        stated = seconds_of(frame)
        self._count += 1
        if self._first is None:
            self._first = stated if stated is not None else 0.0
        time = None if stated is None else stated - self._first
        latest = (self.length or self.limits.max_duration) + 60.0
        if time is None or not self.last - 1 / self.rate - 1e-6 <= time <= latest:
            time = max(self.last, (self._count - 1) / self.rate)
        self.last = max(self.last, time + 1 / self.rate)
        return time


def _thumbnail(frame: Any) -> Any:
    return frame.to_ndarray(format="rgb24", width=SMALL[0], height=SMALL[1], interpolation="AREA")


def _picture(frame: Any, limits: MediaLimits) -> Image.Image:
    """A frame as RGB, with square pixels, upright, no longer than it may be."""
    width, height = _shape(frame)
    factor = min(1.0, limits.longest_side / max(width, height))
    size = {"width": max(1, round(width * factor)), "height": max(1, round(height * factor))}
    picture: Image.Image = frame.to_image(**size, interpolation="BICUBIC")
    turn = round(frame.rotation / 90) * 90 % 360  # counter-clockwise
    return picture.rotate(turn, expand=True) if turn else picture


def _shape(frame: Any) -> tuple[int, int]:
    """Width and height with square pixels."""
    ratio = getattr(frame, "sample_aspect_ratio", None)
    if ratio and 0.2 <= ratio <= 5:
        return max(1, round(frame.width * float(ratio))), frame.height
    return frame.width, frame.height


def _sound_of(stream: BinaryIO, kind: Kind, source: str, limits: MediaLimits) -> Sound | None:
    """The sound track, read on its own; None when it is damaged: the pictures are still good."""
    stream.seek(0)
    try:
        with opened(stream, kind, source, limits) as container:
            sound = track(container, limits)
    except InputError:
        return None
    return sound if sound is not None and len(sound) else None


def _with_sound(clip: Clip, sound: Sound | None) -> Clip:
    return Clip(clip.frames, clip.times, clip.shot_of, clip.shots, clip.duration, sound, clip.facts)


def _animation(stream: BinaryIO, kind: Kind, source: str, limits: MediaLimits) -> Clip:
    """An animated picture; InputError for one that stands still."""
    keys = KeyFrames(limits.max_frames)
    content = stream.read(limits.max_bytes)
    try:
        with Image.open(io.BytesIO(content), formats=("GIF", "WEBP", "PNG")) as opened_picture:
            width, height = opened_picture.size
            if width * height > limits.max_frame_pixels:
                raise UnsafeInputError(f"{source}: refused, {width} × {height} pixels are more than allowed")
            if getattr(opened_picture, "n_frames", 1) < 2:
                raise InputError(f"{source}: this is a photo ({kind.name}), no video; list it among the images")
            time, count, whole = _look_at_all(opened_picture, keys, limits)
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, KeyError, OverflowError) as error:
        raise InputError(f"{source}: the picture is damaged or cut short ({error})") from error
    chosen = keys.finish(time)
    facts = MediaFacts(kind.name, kind.name.lower(), None, width, height, count / max(time, 1e-3), whole)
    return Clip(chosen.frames, chosen.times, chosen.shot_of, chosen.shots, time, None, facts)


def _look_at_all(animation: Image.Image, keys: KeyFrames, limits: MediaLimits) -> tuple[float, int, bool]:
    """Show every frame to `keys`: seconds it lasts, frames seen, whether these were all."""
    time, count = 0.0, 0
    budget = min(MAX_ANIMATION_FRAMES, max(2, limits.max_decoded_pixels // (animation.width * animation.height)))
    for frame in ImageSequence.Iterator(animation):
        if count == budget:
            return time, count, False
        picture = upright_rgb(frame.copy(), limits.longest_side)
        keys.look(time, thumbnail_of(picture), picture.copy)
        count += 1
        time += min(max(float(frame.info.get("duration", 100)), 20.0), 10_000.0) / 1_000
    return time, count, True
