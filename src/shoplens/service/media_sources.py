"""What reads a workspace's media within its limits: the inputs of each modality, and what finds words in them."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from shoplens.encoders.photos import PhotoLimits, PhotoOpener
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.photos.close()

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
