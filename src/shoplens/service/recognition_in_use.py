"""The recogniser that answers: its signal of search, and what a shopper's photo asks it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from shoplens.errors import ConfigurationError, MissingExtraError, ModelFileError
from shoplens.features.recognise_open import OpenRecogniser
from shoplens.features.recognise_views import PhotoReader
from shoplens.features.table import FeatureTable
from shoplens.learning.recognising import RECOGNISED
from shoplens.retrieval.asked import Given
from shoplens.service.held_vectors import Read, Source
from shoplens.service.loose_media import LooseMedia
from shoplens.service.recognition import both_tables, current
from shoplens.service.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _InUse:
    path: Path
    colours: bool  # whether the shop has signatures of colours
    recogniser: OpenRecogniser
    reader: PhotoReader
    weight: float  # of its scores in search, against 1 of the nearest photos


class HeldRecogniser:
    """Follows what `train` learnt. `source` is for one thread, `asked` for all."""

    def __init__(self, workspace: Workspace, media: LooseMedia) -> None:
        self._workspace = workspace
        self._media = media
        self._lock = threading.Lock()
        self._refused: tuple[Path, bool] | None = None
        self._held: _InUse | None = None

    def source(self, tables: Mapping[str, Path], origin: str) -> Source | None:
        """Products as the recogniser compares them; None where none was learnt, or with other encoders.

        `tables`: modality → its table; `origin` names those of photos.
        """
        image, colour = tables.get("image"), tables.get("colour")
        held = None if image is None else self._current(colour is not None)
        with self._lock:
            self._held = held
        if held is None or image is None:
            return None
        recogniser = held.recogniser

        def read(table: FeatureTable) -> Read:
            colours = None if colour is None else FeatureTable(colour)
            return lambda ids: recogniser.product_vectors(list(ids), both_tables(table, colours, ids))

        return Source(f"{origin} {held.path.parent.name}", image, recogniser.size, read)

    def asked(self, photo: Image.Image) -> tuple[Given, ...]:
        """What a photo asks the signal; nothing where there is none."""
        with self._lock:
            held = self._held
        if held is None:
            return ()
        question = held.recogniser.questions(held.reader.read([photo]))[0]
        return (Given(RECOGNISED, question, held.weight),)

    def _current(self, colours: bool) -> _InUse | None:
        path = None
        try:
            path = current(self._workspace)
            if path is None or (path, colours) == self._refused:
                return None
            if self._held is not None and (self._held.path, self._held.colours) == (path, colours):
                return self._held
            recogniser, about = OpenRecogniser.load(path)
            reader = PhotoReader([self._media.encoder(name) for name in ("image", *(("colour",) if colours else ()))])
            if about["reader"] != reader.signature:
                raise ModelFileError(f"it learnt with {about['reader']}; train again: shoplens train")
        except (ModelFileError, ConfigurationError, MissingExtraError) as error:
            self._refused = None if path is None else (path, colours)  # said once, until there is another
            log.warning("search goes without recognising products: %s", error)
            return None
        return _InUse(path, colours, recogniser, reader, float(str(about["weight"])))
