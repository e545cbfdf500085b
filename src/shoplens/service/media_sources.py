"""What reads a workspace's media within its limits: the inputs of each modality, and what finds words in them."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from PIL import Image

from shoplens.encoders.media import Clip, MediaLimits, Sound
from shoplens.encoders.media_sound import decode_sound
from shoplens.encoders.media_video import decode_video
from shoplens.encoders.photos import PhotoLimits, PhotoOpener, decode_photo
from shoplens.errors import ConfigurationError
from shoplens.features.found_text import Reader
from shoplens.features.inputs import Inputs, PhotoInputs, TextInputs
from shoplens.service.settings import Workspace

PHOTO_PRODUCTS = 16  # products of which photos are in memory together


class MediaSources:
    """Opens photos, videos and sound of one workspace. Use in a `with` block."""

    def __init__(self, workspace: Workspace, *, allow_private: bool = False) -> None:
        self.workspace = workspace
        self.photos = PhotoOpener(workspace.root, photo_limits(workspace, allow_private=allow_private))
        self.limits = media_limits(workspace, allow_private=allow_private)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections and archives."""
        self.photos.close()

    def photo(self, file: Path, name: str) -> Image.Image:
        """The photo in a file, RGB and upright; `name` is for messages."""
        return decode_photo(
            self.photos.read(str(file.resolve())), name, self.photos.limits, longest_side=self.photos.longest_side
        )

    def clip(self, file: Path, name: str, *, sound: bool = False) -> Clip:
        """The video in a file, with its sound track if asked for; `name` is for messages."""
        with file.open("rb") as stream:
            return decode_video(stream, name, self.limits, sound=sound)

    def sound(self, file: Path, name: str) -> Sound:
        """The sound of a sound file or video; `name` is for messages."""
        with file.open("rb") as stream:
            return decode_sound(stream, name, self.limits)

    def inputs(self, modality: str) -> Inputs:
        """What the encoder of a modality reads of a product."""
        if modality == "text":
            return TextInputs()
        if modality in ("image", "colour"):
            return PhotoInputs(self.photos)
        raise ConfigurationError(f"{modality} has no inputs of its own")

    def batch(self, modality: str) -> int:
        """Products in one piece of work."""
        return self.workspace.settings.encoders.batch if modality == "text" else PHOTO_PRODUCTS

    def reader(self, modality: str) -> Reader:
        """What finds words in the media of a modality."""
        raise ConfigurationError(f"nothing reads {modality} yet")


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
