"""What reads a workspace's media within its limits: the inputs of each modality, and what finds words in them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from PIL import Image

from shoplens.encoders.media import Clip, MediaLimits, Sound
from shoplens.encoders.media_opening import MediaOpener
from shoplens.encoders.media_pool import MediaPool
from shoplens.encoders.ocr import LONGEST_SIDE
from shoplens.encoders.photos import PhotoLimits, PhotoOpener
from shoplens.errors import ConfigurationError
from shoplens.features.found_text import Reader
from shoplens.features.inputs import Inputs, PhotoInputs, TextInputs
from shoplens.features.media_inputs import SOUND_PRODUCTS, VIDEO_PRODUCTS, SoundInputs, SpeechReader, VideoInputs
from shoplens.features.photo_words import PhotoWords
from shoplens.service.workspace import Workspace

#: Products of which media are in memory together; of texts the settings say.
BATCHES = {"image": 16, "colour": 16, "video": VIDEO_PRODUCTS, "audio": SOUND_PRODUCTS}


class MediaSources:
    """Opens photos, videos and sound of one workspace. Use in a `with` block."""

    def __init__(self, workspace: Workspace, *, allow_private: bool = False) -> None:
        self.workspace = workspace
        self.pool = MediaPool()  # starts its processes when the first file is decoded
        limits = photo_limits(workspace, allow_private=allow_private)
        self.photos = PhotoOpener(workspace.root, limits, decode=self.pool.photo)
        self.pages = PhotoOpener(
            workspace.root, limits, decode=self.pool.photo, longest_side=LONGEST_SIDE
        )  # to be read
        self.media = MediaOpener(self.pool, workspace.root, media_limits(workspace, allow_private=allow_private))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and archives, and end the processes that decode."""
        self.photos.close()
        self.pages.close()
        self.media.close()
        self.pool.close()

    def photo(self, file: Path, name: str) -> Image.Image:
        """The photo in a file, RGB and upright, large enough to be read; `name` is for messages."""
        content = self.pages.read(str(file.resolve()))
        return self.pool.photo(content, name, self.pages.limits, longest_side=self.pages.longest_side)

    def clip(self, file: Path, name: str, *, sound: bool = False) -> Clip:
        """The video in a file, with its sound track if asked for; `name` is for messages."""
        return self.pool.clip(file, name, self.media.limits, sound=sound)

    def sound(self, file: Path, name: str) -> Sound:
        """The sound of a sound file or video, none for a video without sound track; `name` is for messages."""
        return self.pool.sound(file, name, self.media.limits)

    def inputs(self, modality: str) -> Inputs:
        """What the encoder of a modality reads of a product."""
        if modality == "text":
            return TextInputs()
        if modality in ("image", "colour"):
            return PhotoInputs(self.photos)
        if modality == "video":
            return VideoInputs(self.media)
        if modality == "audio":
            return SoundInputs(self.media)
        raise ConfigurationError(f"{modality} has no inputs of its own")

    def batch(self, modality: str) -> int:
        """Products in one piece of work."""
        return BATCHES.get(modality, self.workspace.settings.encoders.batch)

    def reader(self, modality: str, recogniser: Any) -> Reader:
        """What finds words in the media of products, by what recognises them in one photo or sound."""
        if modality == "ocr":
            return PhotoWords(recogniser, self.pages)
        if modality == "speech":
            return SpeechReader(recogniser, self.media)
        raise ConfigurationError(f"nothing finds words in {modality}")


def photo_limits(workspace: Workspace, *, allow_private: bool = False) -> PhotoLimits:
    """Limits on photos, as the settings have them."""
    images = workspace.settings.images
    return PhotoLimits(images.max_bytes, images.max_pixels, images.timeout_seconds, allow_private=allow_private)


def media_limits(workspace: Workspace, *, allow_private: bool = False) -> MediaLimits:
    """Limits on videos and sound, as the settings have them."""
    media = workspace.settings.media
    return MediaLimits(
        max_bytes=media.max_bytes,
        max_frames=media.max_frames,
        max_sound_seconds=media.max_sound_seconds,
        decode_seconds=media.decode_seconds,
        memory_bytes=media.memory_mb * 1_000_000,
        timeout_seconds=media.timeout_seconds,
        allow_private=allow_private,
    )
