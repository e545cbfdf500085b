"""What a photo, video or sound file turns out to be when it is decoded; its name is not asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from shoplens.encoders.media import SOUND_RATE
from shoplens.encoders.media_kinds import HEAD_BYTES, kind_of
from shoplens.errors import InputError, UnsafeInputError
from shoplens.service.media_sources import MediaSources

#: Our ending → what HTTP says it is.
MEDIA_TYPES = {
    "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif", "bmp": "image/bmp",
    "tiff": "image/tiff", "avif": "image/avif", "mp4": "video/mp4", "webm": "video/webm", "mkv": "video/matroska",
    "avi": "video/x-msvideo", "mpeg": "video/mpeg", "ts": "video/mp2t", "ogg": "application/ogg", "wav": "audio/wav",
    "mp3": "audio/mpeg", "flac": "audio/flac", "m4a": "audio/mp4", "aac": "audio/aac", "aiff": "audio/aiff",
    "amr": "audio/amr", "caf": "audio/x-caf",
}  # fmt: skip

#: Names that `media_kinds` gives → our ending.
_ENDINGS = {
    "JPEG": "jpg", "PNG": "png", "GIF": "gif", "TIFF": "tiff", "WebP": "webp", "AVIF": "avif", "BMP": "bmp",
    "MP4": "mp4", "Ogg": "ogg", "MPEG": "mpeg", "AVI": "avi", "MPEG-TS": "ts", "FLAC": "flac", "MP3": "mp3",
    "AMR": "amr", "CAF": "caf", "WAV": "wav", "AIFF": "aiff", "AAC": "aac",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One file."""

    kind: str  # image, video or audio
    extension: str  # of MEDIA_TYPES
    bytes: int
    width: int | None = None  # pixels, as stored
    height: int | None = None
    seconds: float | None = None

    @property
    def media_type(self) -> str:
        """What HTTP says it is."""
        return MEDIA_TYPES[self.extension]


def kind_at(sources: MediaSources, file: Path, name: str) -> str:
    """image, video or audio, with as little decoding as tells; what is damaged inside shows when it is encoded."""
    with file.open("rb") as stream:
        kind = kind_of(stream.read(HEAD_BYTES), name)
    if kind.family in ("photo", "animation"):
        return "image"
    return "audio" if kind.family == "sound" else look_at(sources, file, name).kind


def look_at(sources: MediaSources, file: Path, name: str) -> FileFacts:
    """Decode a file within the limits; InputError or UnsafeInputError, naming it `name`, when it cannot be used.

    Animated pictures count as photos: their first frame is what shows the product.
    """
    with file.open("rb") as stream:
        head = stream.read(HEAD_BYTES)
    kind, size = kind_of(head, name), file.stat().st_size
    if kind.family in ("photo", "animation"):
        sources.photo(file, name)
        with Image.open(file) as photo:  # only its header: what is in it was decoded above
            return FileFacts("image", _ENDINGS[kind.name], size, *photo.size)
    ending = _ENDINGS.get(kind.name) or ("webm" if b"webm" in head[:64] else "mkv")
    no_video = None
    if kind.family == "film":
        try:
            clip = sources.clip(file, name)
            return FileFacts("video", ending, size, clip.facts.width, clip.facts.height, clip.duration)
        except UnsafeInputError:
            raise
        except InputError as error:  # the same containers hold sound alone
            no_video = error
    try:
        sound = sources.sound(file, name)
    except InputError as error:
        raise no_video or error from error
    if not len(sound):
        raise no_video or InputError(f"{name}: there is no sound in it")
    return FileFacts("audio", "m4a" if ending == "mp4" else ending, size, seconds=len(sound) / SOUND_RATE)
