"""What search compares of photos: as their encoders see them, with their colours, and in the space of words.

A product without a photo is seen in its videos, where their frames were read by the same encoder: a signal holds one
vector a product, their mean, and beside it the single shots (`retrieval.views`), unless these are too many.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shoplens.encoders.base import Encoder
from shoplens.features.shots import FOLDER, ShotTable
from shoplens.features.table import INDEX, FeatureTable
from shoplens.retrieval.semantic import Rescore
from shoplens.service.held_vectors import Read, Source

if TYPE_CHECKING:
    from shoplens.features.align.alignment import Alignment
    from shoplens.features.align.bridge import Bridge

log = logging.getLogger(__name__)
Floats = npt.NDArray[np.float32]
COLOUR_SHARE = 0.3  # of the likeness of two photos; the rest is what the photo encoder sees
MOST_SHOTS = 500_000  # whose times are held in memory, some 250 MB
SAMPLE = 2_000  # photos that tell the shop's usual colours


@dataclass(frozen=True, slots=True)
class PhotoTables:
    """The tables that tell what products look like. Without `image`, `video` has to be there."""

    image: Path | None
    video: Path | None  # frames as the encoder of `image` sees them; None: videos are another matter
    colour: Path | None
    size: int  # of the encoder of photos
    colours: int  # of colour signatures, 0 = without
    origin: str  # names all of them, see `Source`

    def seen(self) -> Source:
        """For the signal "image"."""

        def read(_: FeatureTable) -> Read:
            opened = _Opened(self)
            return lambda ids: joined_photos(opened.image(ids), opened.colour(ids))

        return self._source(self.origin, self.size + self.colours, read)

    def learnt(self, space: Alignment, name: str) -> Source:
        """For the signal "looks", in the space that was learnt."""

        def read(_: FeatureTable) -> Read:
            from shoplens.features.align.alignment import Photos

            opened = _Opened(self)
            return lambda ids: space.photo_vectors(
                Photos(opened.image(ids), opened.shown(ids) if space.colour_size else None)
            )

        return self._source(
            f"{self.origin} {name}", space.size, read, lambda asked, photos: space.rescore(asked[None], photos)[0]
        )

    def untrained(self, bridge: Bridge, name: str) -> Source:
        """For the signal "looks", through the bridge."""

        def read(_: FeatureTable) -> Read:
            opened = _Opened(self)
            return lambda ids: bridge.photo_vectors(opened.image(ids))

        return self._source(f"{self.origin} {name}", bridge.size, read)

    def frames(self, seen: Floats) -> Floats:
        """Frames, as the encoder of photos sees them [n, size], for the signal "image": in usual colours."""
        usual = _Opened(self).colour([""])
        return joined_photos(seen, None if usual is None else np.repeat(usual, len(seen), axis=0))

    def _source(
        self, origin: str, size: int, read: Callable[[FeatureTable], Read], rescore: Rescore | None = None
    ) -> Source:
        first, *second = [table for table in (self.image, self.video) if table is not None]
        return Source(origin, first, size, read, rescore, behind=second[0] if second else None)


class _Opened:
    """The tables as they are now."""

    def __init__(self, tables: PhotoTables) -> None:
        self._size = tables.size
        self._image, self._video, self._colour = (
            None if folder is None else FeatureTable(folder) for folder in (tables.image, tables.video, tables.colour)
        )
        self._usual: Floats | None = None

    def image(self, ids: Sequence[str]) -> Floats:
        """What the encoder sees of photos, else of videos. float32 [len(ids), size]"""
        values, without = np.zeros((len(ids), self._size), np.float32), np.ones(len(ids), np.bool_)
        for table in (self._image, self._video):
            if table is not None and table.size == self._size and without.any():
                places = np.flatnonzero(without)
                found, present = table.matrix([ids[place] for place in places.tolist()])
                values[places[present]] = found[present]
                without[places[present]] = False
        return values

    def shown(self, ids: Sequence[str]) -> Floats | None:
        """Colour signatures [len(ids), colours]; zeros where there is none."""
        return None if self._colour is None else self._colour.matrix(ids)[0]

    def colour(self, ids: Sequence[str]) -> Floats | None:
        """Colour signatures; where there is none, the usual one of this shop: frames of videos have no colours of their
        own, and without any they would lose against every photo."""
        if self._colour is None:
            return None
        values, present = self._colour.matrix(ids)
        if not present.all():
            if self._usual is None:
                known = sorted(self._colour.ids)
                sample = self._colour.matrix(known[:: max(1, len(known) // SAMPLE)])[0]
                self._usual = sample.mean(0) if len(sample) else np.zeros(values.shape[1], np.float32)
            values[~present] = self._usual
        return values


class HeldShots:
    """The shots beside the table of videos that is read, as `embed` left them."""

    def __init__(self) -> None:
        self._stamp: tuple[object, ...] = ()
        self._shots: ShotTable | None = None

    def of(self, videos: Path | None) -> ShotTable | None:
        """None where there are none, or more than MOST_SHOTS."""
        files = [] if videos is None else [videos / INDEX, videos / FOLDER / INDEX]
        stamp = (videos, *(one.stat().st_mtime_ns if one.exists() else 0 for one in files))
        if stamp != self._stamp:
            self._stamp, self._shots = stamp, None
            rows = 0 if videos is None else FeatureTable(videos / FOLDER).rows
            if videos is not None and 0 < rows <= MOST_SHOTS:
                self._shots = ShotTable(FeatureTable(videos))
            elif rows:
                log.warning("hits do not say where in videos they are: %d shots, at most %d", rows, MOST_SHOTS)
        return self._shots


class HeldUsual:
    """How much is known of a shop's usual colours. What has none was read with those of its day: when the products that
    tell them have doubled (or halved), it is read anew."""

    def __init__(self) -> None:
        self._stamp: tuple[object, ...] = ()
        self._power = 0

    def of(self, colours: Path) -> int:
        """The power of two above the number of products with a colour signature."""
        index = colours / INDEX
        stamp = (colours, index.stat().st_mtime_ns if index.exists() else 0)
        if stamp != self._stamp:
            self._stamp, self._power = stamp, len(FeatureTable(colours).ids).bit_length()
        return self._power


def same_frames(video: Encoder, image: Encoder) -> bool:
    """Whether an encoder of videos sees frames as one of photos sees photos, so that their vectors compare."""
    photo = getattr(video, "photo", None)
    return isinstance(photo, Encoder) and (photo.name, photo.version) == (image.name, image.version)


def frames_learnt(space: Alignment, seen: Floats) -> Floats:
    """Frames, as the encoder of photos sees them [n, size], in the space that was learnt."""
    from shoplens.features.align.alignment import Photos

    return space.photo_vectors(Photos(seen))


def joined_photos(image: Floats, colour: Floats | None) -> Floats:
    """One vector of a photo from both encoders': their cosines weighed. float32 [n, sizes together], unit length."""
    if colour is None:
        return image
    parts = [np.sqrt(np.float32(1 - COLOUR_SHARE)) * image, np.sqrt(np.float32(COLOUR_SHARE)) * colour]
    together: Floats = np.concatenate(parts, axis=1)
    return together


def without_colours(joined: Floats, size: int) -> Floats:
    """What `joined_photos` holds of the photo encoder's vectors [n, size], as they were before."""
    if joined.shape[1] == size:
        return joined
    seen: Floats = joined[:, :size] / np.sqrt(np.float32(1 - COLOUR_SHARE))
    return seen
