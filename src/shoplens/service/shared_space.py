"""Loose texts, photos and videos in the one space of words and pictures that `train` learnt for this shop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shoplens.encoders.base import Encoder, TextEncoder, Vectors
from shoplens.errors import InputError
from shoplens.service.workspace import Workspace

if TYPE_CHECKING:
    from shoplens.features.align.alignment import Alignment


class SharedSpace:
    """The space that answers now. Vectors are compared by their dot product: the larger, the better two fit.

    `encoder` opens the encoder in use of a modality. Safe to share between threads.
    """

    def __init__(self, workspace: Workspace, encoder: Callable[[str], Encoder]) -> None:
        self._workspace = workspace
        self._encoder = encoder
        self._lock = threading.Lock()
        self._loaded: tuple[Path, Alignment] | None = None

    @property
    def name(self) -> str:
        """Its version; InputError when there is none."""
        return f"shared-{self._folder().name}"

    def texts(self, texts: Sequence[str]) -> Vectors:
        """float32 [len(texts), size]"""
        return self.alignment().text_vectors(texts)

    def photos(self, image: Vectors, colour: Vectors | None) -> Vectors:
        """From what the encoders of images and of colours said of photos (or of frames). float32 [n, size]"""
        from shoplens.features.align.alignment import Photos

        return self.alignment().photo_vectors(Photos(image, colour))

    def _folder(self) -> Path:
        from shoplens.features.align import versions  # what learns comes along, and with it torch
        from shoplens.features.align.training import LEAST_PAIRS
        from shoplens.service.alignment import home

        folder = versions.current(home(self._workspace))
        if folder is None:
            raise InputError(
                "this shop has no shared space of words and photos yet: `shoplens train` learns it from products that "
                f"have both ({LEAST_PAIRS} are needed) where it helps; its report says why not"
            )
        return folder

    def alignment(self) -> Alignment:
        """What was learnt. InputError when there is nothing, or it was learnt from other encoders."""
        folder = self._folder()
        with self._lock:
            if self._loaded is None or self._loaded[0] != folder:
                self._loaded = folder, self._load(folder)
            return self._loaded[1]

    def _load(self, folder: Path) -> Alignment:
        from shoplens.features.align import versions

        reads, looks = self._encoder("text"), self._encoder("image")
        learnt = versions.learnt_from(folder)
        for wanted, encoder in ((learnt.text, reads), (learnt.image, looks)):
            if wanted != f"{encoder.name}/{encoder.version}":
                raise InputError(
                    f"the shared space was learnt from {wanted}, in use is {encoder.name}/{encoder.version} now; "
                    "run: shoplens train"
                )
        if not isinstance(reads, TextEncoder):
            raise InputError(f"the shared space needs an encoder that reads queries; {reads.name} does not")
        return versions.load_alignment(folder, reads)
